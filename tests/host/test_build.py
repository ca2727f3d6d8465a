"""Every kernel is compiled once, and what was compiled links into a module that computes."""

import platform
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tvm
from tvm import te

from host.build import BuildCount, Builder
from host.errors import InputError, StagelineError
from host.kernels.specs import Generic
from host.layers.graph import Implementation

TARGET = {"kind": "llvm", "mtriple": f"{platform.machine()}-linux-gnu"}


def plus(amount: float) -> Any:
    data = te.placeholder((4,), name="data")
    return te.create_prim_func(
        [data, te.compute((4,), lambda i: data[i] + tvm.tirx.const(amount, "float32"))]
    )


SPECS = {name: Generic(code=name, flops=4.0) for name in ("one", "two", "broken")}


def named(*kernels: str) -> list[Implementation]:
    return [Implementation(kernel=kernel, variant="plain") for kernel in kernels]


def kernels() -> Mapping[str, Any]:
    return {"one": plus(1.0), "two": plus(2.0)}


def nothing() -> Mapping[str, Any]:
    raise AssertionError("everything is in the cache")


def results(module: Path) -> dict[str, float]:
    loaded = tvm.runtime.load_module(str(module))
    found = {}
    for one in named("one", "two"):
        if loaded.implements_function(one.symbol):
            data, out = (tvm.runtime.tensor(np.zeros(4, "float32")) for _ in range(2))
            loaded[one.symbol](data, out)
            found[one.kernel] = float(out.numpy()[0])
    return found


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / 'a cache\'s "folder" with spaces'


def test_kernels_are_compiled_once_and_then_found(cache: Path, tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    count = Builder(TARGET, cache).build(
        named("one", "two", "one"), SPECS, kernels, lambda done, total: told.append((done, total))
    )
    assert count == BuildCount(built=2, cached=0)
    assert told == [(0, 2), (1, 2)]
    again = Builder(TARGET, cache)
    assert again.build(named("two", "one"), SPECS, nothing) == BuildCount(built=0, cached=2)
    again.link(named("one", "two", "one"), tmp_path / "module.so")
    assert results(tmp_path / "module.so") == {"one": 1.0, "two": 2.0}


def test_any_set_of_kernels_links(cache: Path, tmp_path: Path) -> None:
    builder = Builder(TARGET, cache)
    builder.build(named("one", "two"), SPECS, kernels)
    builder.link(named("two"), tmp_path / "module.so")
    assert results(tmp_path / "module.so") == {"two": 2.0}


def test_another_target_has_kernels_of_its_own(cache: Path) -> None:
    Builder(TARGET, cache).build(named("one"), SPECS, kernels)
    other = TARGET | {"num-cores": 2}
    assert Builder(other, cache).build(named("one"), SPECS, kernels).built == 1


def test_a_kernel_that_does_not_compile_leaves_nothing_half_done(cache: Path) -> None:
    builder = Builder(TARGET, cache)
    with pytest.raises(Exception, match=r".+"):
        builder.build(named("one", "broken"), SPECS, lambda: {**kernels(), "broken": "no function"})
    assert builder.build(named("one"), SPECS, nothing).cached == 1
    assert builder.build(named("two"), SPECS, kernels).built == 1
    assert len([path for path in cache.rglob("*") if path.is_file()]) == 2


def test_no_compiler_is_an_input_error_with_advice(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(
        InputError, match="no C compiler found to link with: looked for cc, gcc, clang"
    ) as caught:
        Builder(TARGET, cache).link(named(), tmp_path / "module.so")
    assert "$CC" in caught.value.hint
    monkeypatch.setenv("CC", "no-such-compiler")
    with pytest.raises(InputError, match="looked for no-such-compiler"):
        Builder(TARGET, cache).link(named(), tmp_path / "module.so")


def linker(folder: Path, script: str) -> str:
    path = folder / "my-cc"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return str(path)


@pytest.mark.parametrize(
    ("script", "complaint"),
    [
        (
            "echo 'ld: out of luck' >&2; echo 'cc: ld failed' >&2; exit 1",
            "linking module.so failed: ld: out of luck$",
        ),
        ("exit 7", "linking module.so failed: it ended with status 7$"),
    ],
)
def test_a_failing_linker_is_quoted(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, complaint: str
) -> None:
    monkeypatch.setenv("CC", linker(tmp_path, script))
    with pytest.raises(StagelineError, match=complaint):
        Builder(TARGET, cache).link(named(), tmp_path / "module.so")


def test_kernels_that_were_never_built_do_not_link(cache: Path, tmp_path: Path) -> None:
    with pytest.raises(StagelineError, match="linking module failed"):
        Builder(TARGET, cache).link(named("one"), tmp_path / "module")
