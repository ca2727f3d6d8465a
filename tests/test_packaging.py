import ast
import re
import subprocess
import sys
import tomllib
import zipfile
from email.message import Message
from email.parser import HeaderParser
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("db", "device", "host", "protos")
HOST_ONLY = ("alembic", "click", "onnx", "rich", "safetensors", "sqlalchemy")

_IMPORT_AS_ON_A_BOARD = """
import importlib, pkgutil, sys

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {absent!r}:
            raise ModuleNotFoundError(f"a board has no {{name}}", name=name)

sys.meta_path.insert(0, Absent())
import device
for module in pkgutil.walk_packages(device.__path__, "device."):
    if not module.name.endswith("__main__"):
        importlib.import_module(module.name)
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    return zipfile.ZipFile(next(folder.glob("*.whl")))


@pytest.fixture(scope="module")
def metadata(wheel: zipfile.ZipFile) -> Message:
    name = next(name for name in wheel.namelist() if name.endswith(".dist-info/METADATA"))
    return HeaderParser().parsestr(wheel.read(name).decode())


def test_wheel_holds_exactly_the_four_packages(wheel: zipfile.ZipFile) -> None:
    tops = {name.partition("/")[0] for name in wheel.namelist()}
    assert {top for top in tops if not top.endswith(".dist-info")} == set(PACKAGES)


def test_wheel_holds_every_source_file_of_the_packages(wheel: zipfile.ZipFile) -> None:
    held = set(wheel.namelist())
    sources = {
        path.relative_to(ROOT).as_posix()
        for package in PACKAGES
        for path in (ROOT / package).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert sources - held == set()


def test_every_package_folder_is_a_real_package_with_a_docstring() -> None:
    folders = {path.parent for package in PACKAGES for path in (ROOT / package).rglob("*.py")}
    for folder in sorted(folders):
        init = folder / "__init__.py"
        assert init.is_file(), f"{folder} has no __init__.py"
        assert ast.get_docstring(ast.parse(init.read_text())), f"{init} has no docstring"


def test_a_plain_install_brings_nothing_that_only_the_host_needs(metadata: Message) -> None:
    always = [line for line in metadata.get_all("Requires-Dist", []) if "extra ==" not in line]
    names = {re.split(r"[^\w.-]", line, maxsplit=1)[0].lower() for line in always}
    assert "grpcio" in names
    assert names.isdisjoint({*HOST_ONLY, "onnxruntime"})


def test_the_host_extra_brings_what_the_host_needs(metadata: Message) -> None:
    lines = [line for line in metadata.get_all("Requires-Dist", []) if "extra == 'host'" in line]
    names = {re.split(r"[^\w.-]", line, maxsplit=1)[0].lower() for line in lines}
    assert names >= set(HOST_ONLY)


def test_the_bench_extra_brings_the_engine_to_compare_with(metadata: Message) -> None:
    lines = [line for line in metadata.get_all("Requires-Dist", []) if "extra == 'bench'" in line]
    assert [re.split(r"[^\w.-]", line, maxsplit=1)[0] for line in lines] == ["onnxruntime"]


def test_tvm_is_pinned_together_with_its_ffi(metadata: Message) -> None:
    requirements = metadata.get_all("Requires-Dist", [])
    assert "apache-tvm==0.27.0.post1" in requirements
    assert "apache-tvm-ffi==0.1.14.post1" in requirements


def test_every_dependency_has_its_reason_beside_it() -> None:
    text = (ROOT / "pyproject.toml").read_text()
    project = tomllib.loads(text)["project"]
    extras = (line for extra in project["optional-dependencies"].values() for line in extra)
    for requirement in (*project["dependencies"], *extras):
        assert re.search(rf'"{re.escape(requirement)}",\s+# \w', text), f"{requirement} has no reason"


def test_the_boards_side_imports_without_the_hosts_side_and_its_libraries() -> None:
    program = _IMPORT_AS_ON_A_BOARD.format(absent=("host", "db", "onnxruntime", *HOST_ONLY))
    result = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False, cwd=ROOT
    )
    assert result.returncode == 0, result.stderr


def test_without_click_the_host_program_says_what_to_install() -> None:
    program = "import sys; sys.modules['click'] = None; from host.cli import main; main()"
    result = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False, cwd=ROOT
    )
    assert result.returncode == 1
    assert "stageline[host]" in result.stderr
    assert "Traceback" not in result.stderr
