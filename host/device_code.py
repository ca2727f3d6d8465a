"""Code for a GPU, which travels inside the shared object of the code that starts it.

TVM keeps it as a module beside the machine code: CUDA source and how each kernel is launched. Packed, it is the bytes
behind one symbol of the shared object, for any number of kernels; whoever loads that gives the source to its compiler.
The bytes hold the modules that the machine code imports as a tree in compressed rows (TVM 0.27, `module_export`).
"""

import os
import struct
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from host.kernels.cuda.source import portable

_LIBRARY = b"_lib"
"""Kind of the tree's root: the shared object itself."""

_SYMBOL = "__tvm_ffi__library_bin"
_POSTPROCESS = "tvm_callback_cuda_postproc"
_COMPILE = "tvm_callback_cuda_compile"
_SOURCE = b"cuda"
"""Format of a module's code: CUDA source, which whoever loads it compiles."""

_ONE_IMPORT = ((0, 1, 1), (1,))


@contextmanager
def portable_source() -> Iterator[None]:
    """What TVM generates meanwhile is made plain enough for every CUDA compiler, and stays source.

    On a host with a GPU of its own TVM would compile it at once; but it is for the board's GPU.
    """
    import tvm_ffi

    compiler = tvm_ffi.get_global_func(_COMPILE, allow_missing=True)
    tvm_ffi.register_global_func(_POSTPROCESS, lambda source, target: portable(source), override=True)
    tvm_ffi.register_global_func(_COMPILE, lambda source: source.encode(), override=True)
    try:
        yield
    finally:
        tvm_ffi.registry.remove_global_func(_POSTPROCESS)
        if compiler is None:
            tvm_ffi.registry.remove_global_func(_COMPILE)
        else:
            tvm_ffi.register_global_func(_COMPILE, compiler, override=True)


def device_code(library: Any) -> bytes:
    """The GPU's part of a built kernel, as `pack` takes it.

    Args:
        library: What `tvm.tirx.build` gave for one kernel.
    """
    import tvm_ffi

    packed: bytes = tvm_ffi.get_global_func("runtime.ModulePackImportsToTensor")(library).numpy().tobytes()
    reader = _Reader(packed, struct.calcsize("<Q"))
    tree = reader.numbers(), reader.numbers()
    if tree != _ONE_IMPORT or reader.text() != _LIBRARY:
        raise ValueError("a kernel's library does not have exactly one part for the GPU")
    kind, code = reader.text(), _Reader(reader.text(), 0)
    code.text()  # "cubin" where TVM thinks that it was compiled; it is source all the same
    return _text(kind) + _text(_text(_SOURCE) + code.rest())


def pack(codes: Sequence[bytes], mtriple: str) -> bytes:
    """An object file with the GPU's part of some kernels.

    Args:
        codes: For each kernel what `device_code` gave.
        mtriple: What the board's machine code is compiled for.
    """
    count = len(codes)
    rows = [0, *([count] * (count + 1))]
    body = _numbers(rows) + _numbers(range(1, count + 1)) + _text(_LIBRARY) + b"".join(codes)
    data = struct.pack("<Q", len(body)) + body
    values = "".join(f"\\{byte:02x}" for byte in data)
    return _assembled(
        f'target triple = "{mtriple}"\n@{_SYMBOL} = constant [{len(data)} x i8] c"{values}", align 8\n'
    )


def _assembled(text: str) -> bytes:
    """LLVM's code in text to an object file; in memory, since LLVM ends the process when a disk is full."""
    import tvm_ffi

    with tempfile.NamedTemporaryFile("w", suffix=".ll") as file:
        file.write(text)
        file.flush()
        module = tvm_ffi.get_global_func("ffi.Module.load_from_file.ll")(file.name, "ll")
    with open(os.memfd_create("packed"), "rb") as memory:  # noqa: PTH123 - a descriptor has no path
        module.write_to_file(f"/proc/self/fd/{memory.fileno()}", "o")
        return memory.read()


def _numbers(values: Sequence[int]) -> bytes:
    return struct.pack(f"<{len(values) + 1}Q", len(values), *values)


def _text(value: bytes) -> bytes:
    return struct.pack("<Q", len(value)) + value


class _Reader:
    """Reads what TVM wrote."""

    def __init__(self, data: bytes, offset: int) -> None:
        self._data = data
        self.offset = offset

    def numbers(self) -> tuple[int, ...]:
        count = self._count()
        values = struct.unpack_from(f"<{count}Q", self._data, self.offset)
        self.offset += struct.calcsize(f"<{count}Q")
        return values

    def text(self) -> bytes:
        count = self._count()
        self.offset += count
        return self._data[self.offset - count : self.offset]

    def rest(self) -> bytes:
        return self._data[self.offset :]

    def _count(self) -> int:
        (count,) = struct.unpack_from("<Q", self._data, self.offset)
        self.offset += struct.calcsize("<Q")
        return int(count)
