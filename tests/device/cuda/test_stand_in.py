import subprocess
from pathlib import Path

import pytest

from device.cuda.build import build
from device.cuda.locations import STAND_IN
from tests.device.cuda.contract import Run, StandInContract, call
from tests.device.cuda.stub import CUDA_12_9, SOURCES, StubCuda, build_stub


class TestStandInOnThisMachine(StandInContract):
    pass


def test_source_is_plain_c_for_old_compilers(compiler: str) -> None:
    flags = [
        "-std=c99",
        "-pedantic",
        "-Wall",
        "-Wextra",
        "-Werror",
        '-DSTAGELINE_CUDART="x"',
        "-fsyntax-only",
    ]
    command = [compiler, *flags, str(SOURCES / "device/cuda/shim.c")]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr


def test_newer_cuda_behind_it_keeps_its_ways(
    compiler: str, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stub = build_stub(tmp_path, [compiler], CUDA_12_9)
    monkeypatch.setenv("LD_LIBRARY_PATH", str(stub.folder))
    assert build(stub.folder, cudart=stub.cudart, compiler=compiler).cuda_version == "12.9"
    assert call("graph", stub, run) == {"plain": 0, "with_flag": 0}
    assert stub.take_calls()[2] == ["cudaGraphInstantiate", "53", "1"]
    assert call("attributes", stub, run)["new"] == [0, 1120]
    assert call("devices", stub, run)[:2] == [0, 0]
    assert "cudaFree" not in {words[0] for words in stub.take_calls()}


def test_without_the_runtime_behind_it_every_call_says_so(stub: StubCuda, run: Run) -> None:
    moved = stub.cudart.rename(stub.folder / "moved")
    try:
        program = (
            "import ctypes, sys; cuda = ctypes.CDLL(sys.argv[1]); cuda.cudaGetErrorString.restype = ctypes.c_char_p;"
            "status = cuda.cudaSetDevice(0); print(status, cuda.cudaGetErrorString(status).decode())"
        )
        result = run(["-c", program, str(stub.folder / STAND_IN)], stub)
    finally:
        moved.rename(stub.cudart)
    assert result.stdout.startswith("303 "), result.stderr
    assert str(stub.cudart) in result.stdout
