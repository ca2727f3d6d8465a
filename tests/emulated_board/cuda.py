"""The stand-in for CUDA 13 does on an emulated aarch64 board, with its wheel of TVM, what it does on this machine.

Not collected by a plain `pytest`: `make test-emulated` names this file. The stub of CUDA 10.2 and the stand-in are
compiled here for the board, for the C library that a Jetson TX2 has; nvcc is a stub as well.
"""

import re
import shlex
from functools import partial
from pathlib import Path

import pytest

from device.cuda import CudaState, state
from device.cuda.build import build
from host.linker import link
from tests.device.cuda.contract import Run, StandInContract
from tests.device.cuda.doubling import build_module
from tests.device.cuda.stub import SOURCES, StubCuda, build_stub, run_python
from tests.emulated_board.board import EmulatedBoard, default_folder, prepare
from tests.emulated_board.compiler import prepare_compiler

FOLDER = default_folder()  # asked before the tests' own folders take the place of the user's

TARGET = {"kind": "llvm", "mtriple": "aarch64-linux-gnu", "mcpu": "cortex-a57"}


@pytest.fixture(scope="module")
def board() -> EmulatedBoard:
    return prepare(FOLDER)


@pytest.fixture(scope="module")
def built(board: EmulatedBoard, tmp_path_factory: pytest.TempPathFactory) -> StubCuda:
    """The stub with the stand-in beside it, built as on the board but for the compiler, and tried there."""
    compiler = prepare_compiler(FOLDER.with_name("zig"))
    stub = build_stub(tmp_path_factory.mktemp("cuda"), [str(compiler)])
    with pytest.MonkeyPatch.context() as patch:
        for name, value in _environment(board, stub).items():
            patch.setenv(name, value)
        made = build(stub.folder, cudart=stub.cudart, compiler=str(compiler))
    assert (made.cuda_version, made.devices) == ("10.2", 1)
    return stub


@pytest.fixture
def stub(built: StubCuda) -> StubCuda:
    """The same, without what earlier tests left."""
    built.forget()
    return built


@pytest.fixture
def run(board: EmulatedBoard) -> Run:
    """Runs the board's Python."""
    return partial(run_python, python=board.python, path=[board.site])


@pytest.fixture(scope="module")
def module(board: EmulatedBoard, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A shared object for the board whose kernel `double` runs on a GPU."""
    path = tmp_path_factory.mktemp("module") / "double.so"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("STAGELINE_AARCH64_LINKER", str(board.linker))
        build_module(path, TARGET, link)
    return path


class TestStandInOnTheBoard(StandInContract):
    pass


def test_the_board_finds_its_gpu(
    board: EmulatedBoard, stub: StubCuda, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in _environment(board, stub).items():
        monkeypatch.setenv(name, value)
    assert state() == CudaState(usable=True, name="NVIDIA Tegra X2", arch="sm_62")


def test_the_stand_in_needs_no_newer_c_library_than_a_jetson_has(stub: StubCuda) -> None:
    needed = _versions_needed((stub.folder / "libcudart.so.13").read_bytes())
    assert needed
    assert max(needed) <= (2, 27)


def _environment(board: EmulatedBoard, stub: StubCuda) -> dict[str, str]:
    """What a process of this machine needs to start the board's Python beside the stub."""
    modules = f"{board.site}:{SOURCES}"
    return stub.environment | {"STAGELINE_PYTHON": shlex.join(board.python), "PYTHONPATH": modules}


def _versions_needed(library: bytes) -> set[tuple[int, ...]]:
    """The versions of glibc's symbols that a library names."""
    found = re.findall(rb"GLIBC_([0-9.]+)\0", library)
    return {tuple(map(int, version.decode().split("."))) for version in found}
