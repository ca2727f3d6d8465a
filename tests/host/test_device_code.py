"""CUDA source of several kernels travels in one object file, and loads as one module."""

import platform
import re
from pathlib import Path
from typing import Any

import pytest
import tvm
from tvm import te

from host.build import compile_function
from host.device_code import pack, portable_source

HOST = {"kind": "llvm", "mtriple": f"{platform.machine()}-linux-gnu"}
TARGET = {"kind": "cuda", "arch": "sm_62", "host": HOST}


def doubling() -> Any:
    data = te.placeholder((256,), name="data")
    result = te.compute((256,), lambda i: data[i] * tvm.tirx.const(0.1, "float32"), name="result")
    schedule = tvm.s_tir.Schedule(te.create_prim_func([data, result]))
    blocks, threads = schedule.split(schedule.get_loops(schedule.get_sblock("result"))[0], [None, 64])
    schedule.bind(blocks, "blockIdx.x")
    schedule.bind(threads, "threadIdx.x")
    return schedule.mod["main"]


@pytest.fixture(scope="module")
def parts() -> list[tuple[bytes, ...]]:
    return [compile_function(doubling(), name, TARGET) for name in ("one", "two")]


def test_a_kernel_for_a_gpu_has_two_parts(parts: list[tuple[bytes, ...]]) -> None:
    for name, (machine_code, device_code) in zip((b"one", b"two"), parts, strict=True):
        assert machine_code.startswith(b"\x7fELF")
        assert name + b"_kernel" in device_code
        assert b"__global__" in device_code


def test_its_source_is_for_compilers_before_c17(parts: list[tuple[bytes, ...]]) -> None:
    assert not re.search(rb"0x[0-9a-f.]+p[+-]", parts[0][1])


def test_a_kernel_for_a_cpu_has_one_part() -> None:
    data = te.placeholder((4,), name="data")
    function = te.create_prim_func([data, te.compute((4,), lambda i: data[i] + 1)])
    assert len(compile_function(function, "plus", HOST)) == 1


@pytest.mark.parametrize("mtriple", [HOST["mtriple"], "aarch64-linux-gnu"])
def test_any_number_of_kernels_lie_behind_one_symbol(
    parts: list[tuple[bytes, ...]], mtriple: str, tmp_path: Path
) -> None:
    packed = pack([device_code for _, device_code in parts], mtriple)
    assert packed.startswith(b"\x7fELF")
    assert b"__tvm_ffi__library_bin" in packed
    assert packed.count(b"one_kernel(") == packed.count(b"two_kernel(") > 0


def test_tvm_is_left_as_it_was() -> None:
    import tvm_ffi

    names = ("tvm_callback_cuda_compile", "tvm_callback_cuda_postproc")
    before = [tvm_ffi.get_global_func(name, allow_missing=True) is None for name in names]
    with portable_source():
        assert all(tvm_ffi.get_global_func(name, allow_missing=True) for name in names)
    assert [tvm_ffi.get_global_func(name, allow_missing=True) is None for name in names] == before
