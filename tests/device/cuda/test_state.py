from pathlib import Path

import pytest

from device.cuda import CudaState, loading, state
from tests.device.cuda.stub import StubCuda


@pytest.fixture
def environment(stub: StubCuda, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in stub.environment.items():
        monkeypatch.setenv(name, value)


@pytest.mark.usefixtures("environment")
def test_a_gpu_behind_the_stand_in_is_usable() -> None:
    assert state() == CudaState(usable=True, name="NVIDIA Tegra X2", arch="sm_62")


def test_without_the_stand_in_the_command_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def load_backend() -> None:
        raise OSError("libcudart.so.13: cannot open shared object file: No such file or directory")

    monkeypatch.setenv("STAGELINE_CUDA", str(tmp_path))
    monkeypatch.setattr(loading, "_open", lambda _: None)
    monkeypatch.setattr(loading, "_load_backend", load_backend)
    assert "device-agent build-cuda-shim" in loading.enable()


def test_without_a_driver_that_is_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loading, "_DRIVER", "libno-such-driver.so.1")
    assert loading.enable().startswith("there is no NVIDIA driver here: libno-such-driver.so.1")


@pytest.mark.usefixtures("environment")
def test_a_damaged_stand_in_is_to_be_built_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "libcudart.so.13").write_text("damaged")
    monkeypatch.setenv("STAGELINE_CUDA", str(tmp_path))
    assert "build it again" in state().reason


def test_python_that_does_not_start_is_a_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STAGELINE_PYTHON", "/nowhere/python")
    assert state() == CudaState(
        usable=False, reason="cannot start Python to ask for the GPU: No such file or directory"
    )


def test_a_driver_that_ends_the_process_is_a_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    crashing = tmp_path / "python"
    crashing.write_text("#!/bin/sh\nkill -SEGV $$\n")
    crashing.chmod(0o755)
    monkeypatch.setenv("STAGELINE_PYTHON", str(crashing))
    assert state().reason == "asking for the GPU ended with status -11: it said nothing"
