"""The emulated GPU runs kernels as a GPU would, and forgives as little."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from device.cuda import CudaState, state
from device.cuda.compiler import cubin
from device.errors import CudaError
from tests.device.cuda.contract import Run
from tests.device.cuda.emulated_gpu import COMPILER, build_emulated_gpu
from tests.device.cuda.stub import HERE, StubCuda

pytestmark = pytest.mark.skipif(shutil.which(COMPILER) is None, reason=f"{COMPILER} is not installed")

INVALID_VALUE, NOT_FOUND, ILLEGAL_ADDRESS, MISALIGNED_ADDRESS, LAUNCH_FAILED = 1, 500, 700, 716, 719
BLOCK, COUNT = 64, 256


@pytest.fixture(scope="module")
def gpu(compiler: str, tmp_path_factory: pytest.TempPathFactory) -> StubCuda:
    return build_emulated_gpu(tmp_path_factory.mktemp("gpu"), compiler, is_logging=True)


def ask(part: str, gpu: StubCuda, run: Run) -> tuple[Any, str]:
    """What a part of `on_driver.py` says, and what was said beside it."""
    result = run([str(HERE / "on_driver.py"), part], gpu)
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout), result.stderr


def test_a_process_finds_one_gpu(gpu: StubCuda, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in gpu.environment.items():
        monkeypatch.setenv(name, value)
    assert state() == CudaState(usable=True, name="NVIDIA Tegra X2", arch="sm_62")


def test_tvm_runs_kernels_on_it(gpu: StubCuda, run: Run, module: Path) -> None:
    gpu.take_calls()
    result = run([str(HERE / "on_tvm.py"), str(module)], gpu)
    assert result.returncode == 0, result.stderr
    found = json.loads(result.stdout)
    assert (found["copied_back"], found["doubled"]) == (True, True)
    launches = [words[1:4] for words in gpu.take_calls() if words[0] == "cuLaunchKernel"]
    assert launches[0] == ["double_kernel", "4,1,1", "64,1,1"]


def test_kernels_of_one_source_have_shared_memory_of_their_own(gpu: StubCuda, run: Run) -> None:
    (status, numbers, total), _ = ask("several", gpu, run)
    assert status == [0, 0]
    assert numbers == [start + BLOCK - 1 - i for start in range(0, COUNT, BLOCK) for i in range(BLOCK)]
    assert total == [sum(range(COUNT))]


def test_what_nobody_wrote_is_not_a_number(gpu: StubCuda, run: Run) -> None:
    (status, unset), _ = ask("unset", gpu, run)
    assert status == [0, 0]
    assert all(unset)


def test_leaving_a_tensor_is_an_error_of_the_launch_and_of_later_ones(gpu: StubCuda, run: Run) -> None:
    status, said = ask("outside", gpu, run)
    assert status == [ILLEGAL_ADDRESS, ILLEGAL_ADDRESS]
    assert "kernel reverse touched address" in said


def test_a_barrier_that_some_threads_never_reach_is_an_error(gpu: StubCuda, run: Run) -> None:
    status, said = ask("uneven", gpu, run)
    assert status == [LAUNCH_FAILED, LAUNCH_FAILED]
    assert "some threads end where others wait at a barrier" in said


def test_a_vector_that_is_not_aligned_is_an_error(gpu: StubCuda, run: Run) -> None:
    status, _ = ask("crooked", gpu, run)
    assert status == [MISALIGNED_ADDRESS]


def test_what_no_gpu_has_room_for_is_refused(gpu: StubCuda, run: Run) -> None:
    status, _ = ask("impossible", gpu, run)
    assert status == [INVALID_VALUE, INVALID_VALUE, NOT_FOUND, 0]


def test_launches_of_several_threads_do_not_meet(gpu: StubCuda, run: Run) -> None:
    same, _ = ask("at_once", gpu, run)
    assert all(same)


def test_source_that_is_too_new_for_a_jetson_is_refused(
    gpu: StubCuda, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in gpu.environment.items():
        monkeypatch.setenv(name, value)
    source = 'extern "C" __global__ void half(float* out) {\n  out[0] = 0x1p-1f/*5.0e-01*/;\n}\n'
    with pytest.raises(CudaError, match="hexadecimal"):
        cubin(source, "sm_62")
