"""What the stand-in does with the stub of CUDA 10.2 behind it, here and on an emulated board."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from device.cuda.locations import STAND_IN
from tests.device.cuda.stub import HERE, StubCuda

Run = Callable[[list[str], StubCuda], Any]
"""Runs Python with arguments and gives the process's result."""

_NOT_SUPPORTED, _INVALID_DEVICE = 801, 101
_MEMORY_BYTES = 8_000_000_000


_HANDED_ON = {
    "cudaGetDeviceCount": [],
    "cudaGetDevice": [],
    "cudaGetLastError": [],
    "cudaPeekAtLastError": [],
    "cudaMemGetInfo": [],
    "cudaMemcpyAsync": ["8", "1", "51"],
    "cudaMemcpyPeerAsync": ["3", "4", "8", "51"],
    "cudaStreamCreateWithFlags": ["1"],
    "cudaStreamCreate": ["1020"],
    "cudaStreamWaitEvent": ["51", "52", "0"],
    "cudaStreamSynchronize": ["51"],
    "cudaStreamDestroy": ["51"],
    "cudaStreamBeginCapture": ["51", "2"],
    "cudaStreamEndCapture": ["51"],
    "graph": ["1030"],
    "cudaEventCreate": ["1040"],
    "cudaEventRecord": ["52", "51"],
    "cudaEventSynchronize": ["52"],
    "cudaEventElapsedTime": ["52", "51"],
    "cudaEventDestroy": ["52"],
    "cudaGraphLaunch": ["53", "51"],
    "cudaGraphExecDestroy": ["53"],
    "cudaGraphDestroy": ["53"],
}
"""What the stub is to be told by `calls.forwarded`, in hexadecimal where it is a handle."""


def call(part: str, stub: StubCuda, run: Run) -> Any:
    """What a part of `calls.py` says; the stub's log begins anew."""
    stub.take_calls()
    result = run([str(HERE / "calls.py"), str(stub.folder / STAND_IN), part], stub)
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


class StandInContract:
    """Needs the fixtures `stub`, with the stand-in beside it, `run` and `module` (`doubling.build_module`)."""

    def test_calls_are_handed_on(self, stub: StubCuda, run: Run) -> None:
        status = call("forwarded", stub, run)
        calls = stub.take_calls()
        assert set(status.values()) == {0}
        assert set(status) <= {words[0] for words in calls}
        arguments = {words[0]: words[1:] for words in calls}
        device, host = arguments["cudaMalloc"][1], arguments["cudaMallocHost"][1]
        assert arguments == _HANDED_ON | {
            "cudaMalloc": ["4096", device],
            "cudaFree": [device],
            "cudaMallocHost": ["77", host],
            "cudaFreeHost": [host],
        }

    def test_properties_have_the_layout_of_cuda_13(self, stub: StubCuda, run: Run) -> None:
        found = call("properties", stub, run)
        assert (found["status"], found["name"]) == (0, "NVIDIA Tegra X2")
        assert (found["uuid"], found["luid"], found["mask"]) == ("11" * 16, "22" * 8, 7)
        assert found["end_is_untouched"]
        assert found["numbers"] == {
            "totalGlobalMem": _MEMORY_BYTES,
            "sharedMemPerBlock": 1008,
            "regsPerBlock": 1012,
            "warpSize": 32,
            "memPitch": 1011,
            "maxThreadsPerBlock": 1001,
            "maxGridSize[2]": 1007,
            "totalConstMem": 1009,
            "major": 6,
            "minor": 2,
            "textureAlignment": 1014,
            "texturePitchAlignment": 1051,
            "multiProcessorCount": 1016,
            "maxTexture2DLinear[0]": 1070,
            "maxTexture3DAlt[0]": 1047,
            "maxTexture2DLayered[2]": 1029,
            "maxSurface1D": 1055,
            "maxSurfaceCubemapLayered[1]": 1068,
            "surfaceAlignment": 1030,
            "pciDomainID": 1050,
            "asyncEngineCount": 1040,
            "memoryBusWidth": 1037,
            "l2CacheSize": 1038,
            "persistingL2CacheMaxSize": 0,
            "maxThreadsPerMultiProcessor": 1039,
            "sharedMemPerMultiprocessor": 1081,
            "managedMemory": 1083,
            "hostNativeAtomicSupported": 1086,
            "pageableMemoryAccess": 1088,
            "cooperativeLaunch": 1095,
            "sharedMemPerBlockOptin": 49152,
            "directManagedMemAccessFromHost": 1101,
            "maxBlocksPerMultiProcessor": 0,
            "reservedSharedMemPerBlock": 0,
            "hostRegisterSupported": 1099,
            "memoryPoolsSupported": 0,
            "clusterLaunch": 0,
            "unifiedFunctionPointers": 0,
            "hostNumaId": 0,
            "hostNumaMultinodeIpcSupported": 0,
            "reserved": 0,
        }

    def test_graphs_take_the_old_signature(self, stub: StubCuda, run: Run) -> None:
        assert call("graph", stub, run) == {"plain": 0, "with_flag": _NOT_SUPPORTED}
        assert stub.take_calls()[0] == ["cudaGraphInstantiate", "53", "0", "0", "0"]

    def test_only_plain_launches_reach_the_driver(self, stub: StubCuda, run: Run) -> None:
        assert call("launches", stub, run) == {
            "plain": 0,
            "with_ignored_attributes": 0,
            "with_an_attribute": _NOT_SUPPORTED,
            "tensor_map": _NOT_SUPPORTED,
        }
        assert stub.take_calls() == [
            ["cuLaunchKernel", "-", "5,6,7", "8,9,10", "1234", "51", "77"],
            ["cuLaunchKernel", "-", "5,6,7", "8,9,10", "1234", "51", "0"],
        ]

    def test_new_attributes_are_unsupported(self, stub: StubCuda, run: Run) -> None:
        assert call("attributes", stub, run) == {"known": [0, 49152], "new": [0, 0], "last_error": [0]}
        assert [words[1] for words in stub.take_calls() if words[0] == "cudaDeviceGetAttribute"] == ["97"]

    def test_choosing_a_device_makes_its_context_once(self, stub: StubCuda, run: Run) -> None:
        assert call("devices", stub, run) == [0, 0, _INVALID_DEVICE]
        calls = stub.take_calls()
        assert calls == [
            ["cudaSetDevice", "0"],
            ["cudaFree", "0"],
            ["cudaSetDevice", "0"],
            ["cudaSetDevice", "9"],
        ]

    def test_errors_keep_their_names(self, stub: StubCuda, run: Run) -> None:
        assert call("errors", stub, run) == ["cudaErrorOfStub", "an error of the stub"]

    def test_tvm_computes_on_the_gpu(self, stub: StubCuda, run: Run, module: Path) -> None:
        stub.take_calls()
        result = run([str(HERE / "on_tvm.py"), str(module)], stub)
        assert result.returncode == 0, result.stderr
        assert json.loads(result.stdout) == {
            "enabled": [False, True],
            "reason": "",
            "name": "NVIDIA Tegra X2",
            "compute_version": "6.2",
            "memory_bytes": _MEMORY_BYTES,
            "copied_back": True,
            "doubled": True,
            "seconds": 0.0025,
        }
        _check_order(stub.take_calls())


def _check_order(calls: list[list[str]]) -> None:
    """Device, memory, copy, compiler, module, launches on the default stream and on one that was made."""
    names = [words[0] for words in calls]
    steps = [
        "cudaSetDevice",
        "cudaFree",
        "cudaMalloc",
        "cudaMemcpyAsync",
        "nvcc",
        "cuModuleLoadData",
        "cuLaunchKernel",
    ]
    first = [names.index(step) for step in steps]
    assert first == sorted(first)
    assert calls[names.index("nvcc")][1:] == ["-std=c++14", "-arch=sm_62", "--cubin"]
    made = next(words[1] for words in calls if words[0] == "cudaStreamCreate")
    launches = [words[1:] for words in calls if words[0] == "cuLaunchKernel"]
    assert {tuple(words[:4]) for words in launches} == {("double_kernel", "4,1,1", "64,1,1", "0")}
    assert [words[4] for words in launches[:2]] == ["0", made]
    assert {"cudaEventRecord", "cudaEventElapsedTime", "cudaStreamDestroy"} <= set(names)
