from pathlib import Path

import pytest

from device.cuda.compiler import cubin
from device.errors import CudaError
from tests.device.cuda.contract import Run
from tests.device.cuda.stub import StubCuda

SOURCE = 'extern "C" __global__ void scale(float* A_ptr, float* B_ptr) {\n}\n'


@pytest.fixture(autouse=True)
def environment(stub: StubCuda, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in stub.environment.items():
        monkeypatch.setenv(name, value)


def test_source_is_compiled_for_the_gpu_that_is_asked_for(stub: StubCuda) -> None:
    assert cubin(SOURCE, "sm_62") == b"scale A_ptr B_ptr\n"
    assert stub.take_calls() == [["nvcc", "-std=c++14", "-arch=sm_62", "--cubin"]]


def test_equal_source_is_compiled_once_for_each_gpu(stub: StubCuda) -> None:
    for arch in ("sm_62", "sm_62", "sm_72", "sm_62"):
        cubin(SOURCE, arch)
    cubin(SOURCE + "\n", "sm_62")
    assert [words[2] for words in stub.take_calls()] == ["-arch=sm_62", "-arch=sm_72", "-arch=sm_62"]


def test_another_nvcc_compiles_again(stub: StubCuda, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cubin(SOURCE, "sm_62")
    other = tmp_path / "nvcc"
    other.write_text((stub.folder / "nvcc").read_text())
    other.chmod(0o755)
    monkeypatch.setenv("STAGELINE_NVCC", str(other))
    cubin(SOURCE, "sm_62")
    assert len(stub.take_calls()) == 2


def test_nvcc_is_quoted_where_it_refuses() -> None:
    with pytest.raises(
        CudaError, match=r'nvcc ended with status 2: kernels\.cu\(7\): error: identifier "no_such_thing"'
    ):
        cubin("no_such_thing", "sm_62")


def test_refused_source_is_tried_again(stub: StubCuda) -> None:
    for _ in range(2):
        with pytest.raises(CudaError):
            cubin("no_such_thing", "sm_62")
    assert len(stub.take_calls()) == 2


def test_missing_nvcc_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STAGELINE_NVCC", "/nowhere/nvcc")
    with pytest.raises(CudaError, match="no nvcc") as failure:
        cubin(SOURCE, "sm_62")
    assert "STAGELINE_NVCC" in failure.value.hint


def test_a_disk_without_room_costs_only_the_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "stageline").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cubin(SOURCE, "sm_62") == b"scale A_ptr B_ptr\n"


def test_a_module_that_nvcc_refuses_fails_with_its_words(stub: StubCuda, run: Run, module: Path) -> None:
    refusing = stub.folder / "refusing"
    refusing.write_text('#!/bin/sh\necho "kernels.cu(3): error: too new" >&2\nexit 1\n')
    refusing.chmod(0o755)
    program = (
        f"import os; os.environ['STAGELINE_NVCC'] = {str(refusing)!r}\n"
        "import tvm.runtime\nfrom device import cuda\ncuda.enable()\n"
        f"tvm.runtime.load_module({str(module)!r})['double']"
    )
    result = run(["-c", program], stub)
    assert result.returncode != 0
    assert "kernels.cu(3): error: too new" in result.stderr.splitlines()[-1]
