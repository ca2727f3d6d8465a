"""For this machine the C compiler links; for another architecture any linker that knows it."""

import importlib.util
import platform
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
import tvm
from tvm import te

from host.errors import InputError
from host.linker import find_linker, link

MACHINE = platform.machine()
OWN = f"{MACHINE}-linux-gnu"
OTHER = "riscv64-linux-gnu"


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only folder on the PATH; empty, and no Python package stands in."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    return folder


def put(folder: Path, name: str, script: str = "exit 0") -> str:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return str(path)


def test_this_machine_is_linked_for_by_its_c_compiler(
    programs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(programs, "gcc")
    assert find_linker(OWN) == ("gcc",)
    put(programs, "cc")
    assert find_linker(OWN) == ("cc",)
    monkeypatch.setenv("CC", put(programs, "mine"))
    assert find_linker(OWN) == (str(programs / "mine"),)


def test_a_bare_linker_comes_before_a_cross_compiler(programs: Path) -> None:
    put(programs, "riscv64-linux-gnu-gcc")
    assert find_linker(OTHER) == ("riscv64-linux-gnu-gcc",)
    put(programs, "ld.lld")
    assert find_linker(OTHER) == ("ld.lld",)
    put(programs, "riscv64-linux-gnu-ld")
    assert find_linker(OTHER) == ("riscv64-linux-gnu-ld",)


def test_the_users_choice_comes_first_with_its_arguments(
    programs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(programs, "ld.lld")
    monkeypatch.setenv(
        "STAGELINE_RISCV64_LINKER", f"'{put(programs, 'my zig')}' cc -target riscv64-linux-gnu"
    )
    assert find_linker(OTHER) == (str(programs / "my zig"), "cc", "-target", "riscv64-linux-gnu")
    monkeypatch.setenv("STAGELINE_RISCV64_LINKER", "no-such-linker")
    with pytest.raises(InputError, match=r"looked for no-such-linker$"):
        find_linker(OTHER)


@pytest.mark.usefixtures("programs")
def test_zig_links_for_an_old_c_library(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: name == "ziglang" or None)
    assert find_linker(OTHER) == (
        *(sys.executable, "-m", "ziglang", "cc"),
        *("-target", "riscv64-linux-gnu.2.27"),
    )


@pytest.mark.usefixtures("programs")
def test_no_linker_is_refused_with_what_to_install() -> None:
    with pytest.raises(InputError, match=f"no linker for riscv64 found on this {MACHINE} machine") as caught:
        link([], Path("module.so"), OTHER)
    assert "ld.lld" in caught.value.message
    for remedy in ("lld", "binutils-riscv64-linux-gnu", "ziglang", "$STAGELINE_RISCV64_LINKER"):
        assert remedy in caught.value.hint


@pytest.mark.skipif(shutil.which("ld") is None, reason="no bare linker here")
def test_a_bare_linker_makes_modules_that_load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = te.placeholder((4,), name="data")
    exponential = te.create_prim_func([data, te.compute((4,), lambda i: tvm.tirx.exp(data[i]))])
    module = tvm.IRModule({"exponential": exponential.with_attr("global_symbol", "exponential")})
    target = tvm.target.Target({"kind": "llvm", "mtriple": OWN})
    tvm.tirx.build(module, target=target).write_to_file(str(tmp_path / "a kernel.o"), "o")

    monkeypatch.setattr(platform, "machine", lambda: "elsewhere")
    monkeypatch.setenv(f"STAGELINE_{MACHINE.upper()}_LINKER", "ld")
    link([tmp_path / "a kernel.o"], tmp_path / "module.so", OWN)

    result = tvm.runtime.tensor(np.zeros(4, "float32"))
    tvm.runtime.load_module(str(tmp_path / "module.so"))["exponential"](
        tvm.runtime.tensor(np.ones(4, "float32")), result
    )
    np.testing.assert_allclose(result.numpy(), np.e, rtol=1e-6)
