import os
import shutil
from pathlib import Path

import pytest

from device.cuda.build import build
from host.linker import link
from tests.device.cuda.contract import Run
from tests.device.cuda.doubling import build_module
from tests.device.cuda.stub import StubCuda, build_stub, run_python

COMPILER = os.environ.get("CC") or next((name for name in ("cc", "gcc", "clang") if shutil.which(name)), None)


@pytest.fixture(scope="session")
def compiler() -> str:
    """This machine's C compiler."""
    if COMPILER is None:
        pytest.skip("no C compiler to build the stub CUDA with")
    return COMPILER


@pytest.fixture(scope="session")
def built(compiler: str, tmp_path_factory: pytest.TempPathFactory) -> StubCuda:
    """A stub of CUDA 10.2 with the stand-in for CUDA 13 beside it."""
    stub = build_stub(tmp_path_factory.mktemp("cuda"), [compiler])
    with pytest.MonkeyPatch.context() as patch:
        for name, value in stub.environment.items():
            patch.setenv(name, value)
        build(stub.folder, cudart=stub.cudart, compiler=compiler)
    return stub


@pytest.fixture
def stub(built: StubCuda) -> StubCuda:
    """The same, without what earlier tests left."""
    built.forget()
    return built


@pytest.fixture
def run() -> Run:
    """Runs this machine's Python."""
    return run_python


@pytest.fixture(scope="session")
def module(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A shared object for this machine whose kernel `double` runs on a GPU."""
    path = tmp_path_factory.mktemp("module") / "double.so"
    build_module(path, {"kind": "llvm"}, link)
    return path
