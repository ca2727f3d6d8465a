"""NVIDIA's run-time compiler, as far as it takes to see that CUDA source compiles; needs no GPU."""

import ctypes
from importlib.util import find_spec
from pathlib import Path

_PACKAGE = "nvidia.cuda_nvrtc"


class RefusedError(Exception):
    """The source does not compile; says why."""


def library() -> ctypes.CDLL | None:
    """The compiler's library; None where its package is not installed."""
    try:
        spec = find_spec(_PACKAGE)
    except ModuleNotFoundError:
        return None
    folders = spec.submodule_search_locations if spec else None
    found = sorted(Path(folders[0]).glob("lib/libnvrtc.so.*")) if folders else []
    return ctypes.CDLL(str(found[0])) if found else None


def compiled(nvrtc: ctypes.CDLL, source: str, arch: str) -> bytes:
    """Compiles CUDA C++14.

    Args:
        nvrtc: The compiler.
        source: What to compile.
        arch: For which GPU, such as `sm_62`.

    Returns:
        The GPU's machine code.

    Raises:
        RefusedError: It does not compile.
    """
    program = ctypes.c_void_p()
    _check(nvrtc.nvrtcCreateProgram(ctypes.byref(program), source.encode(), b"kernels.cu", 0, None, None))
    options = [f"--gpu-architecture={arch}".encode(), b"--std=c++14"]
    status = nvrtc.nvrtcCompileProgram(program, len(options), (ctypes.c_char_p * len(options))(*options))
    try:
        if status:
            raise RefusedError(
                _text(nvrtc.nvrtcGetProgramLogSize, nvrtc.nvrtcGetProgramLog, program).decode()
            )
        return _text(nvrtc.nvrtcGetCUBINSize, nvrtc.nvrtcGetCUBIN, program)
    finally:
        nvrtc.nvrtcDestroyProgram(ctypes.byref(program))


def _text(
    size_of: "ctypes._NamedFuncPointer", read: "ctypes._NamedFuncPointer", program: ctypes.c_void_p
) -> bytes:
    size = ctypes.c_size_t()
    _check(size_of(program, ctypes.byref(size)))
    buffer = ctypes.create_string_buffer(size.value)
    _check(read(program, buffer))
    return buffer.raw


def _check(status: int) -> None:
    if status:
        raise RuntimeError(f"NVRTC answered {status}")
