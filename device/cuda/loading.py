"""TVM's CUDA runtime, brought into this process."""

import ctypes
import logging
from pathlib import Path

from device.cuda import compiler
from device.cuda.locations import STAND_IN, stand_in_folder

_log = logging.getLogger(__name__)

_DRIVER = "libcuda.so.1"


def enable() -> str:
    """Loads TVM's CUDA runtime, if that can be, and lets it compile with the board's own nvcc.

    TVM loads it by itself only where its compiler is loaded too. The stand-in, where there is one, comes first:
    whoever asks for a library of its name gets the one that is loaded already.

    Returns:
        Why CUDA cannot be used, in one sentence; empty when it can. A GPU may still be missing.
    """
    import tvm.runtime

    reason = "" if tvm.runtime.enabled("cuda") else _load()
    if not reason:
        compiler.register()
    return reason


def _load() -> str:
    if (failure := _open(Path(_DRIVER))) is not None:
        return f"there is no NVIDIA driver here: {failure}"
    stand_in = stand_in_folder() / STAND_IN
    if stand_in.is_file() and (failure := _open(stand_in)) is not None:
        return f"the stand-in for {STAND_IN} is of no use, build it again: {failure}"
    try:
        _load_backend()
    except (OSError, RuntimeError) as error:
        failure = str(error).strip().splitlines()[-1]
        if STAND_IN in failure:
            return f"TVM needs {STAND_IN}, and the board has none: `device-agent build-cuda-shim` makes a stand-in"
        return f"TVM's CUDA runtime cannot be loaded: {failure}"
    return ""


def _open(library: Path) -> str | None:
    """Loads a library, for as long as the process lives.

    Returns:
        The loader's reason if it failed.
    """
    try:
        ctypes.CDLL(str(library))
    except OSError as error:
        return str(error)
    _log.debug("loaded %s", library)
    return None


def _load_backend() -> None:
    import tvm.base
    from tvm_ffi.libinfo import load_lib_ctypes

    folder = Path(tvm.base._LOADED_LIBS["tvm_runtime"]._name).resolve().parent
    load_lib_ctypes("tvm", "tvm_runtime_cuda", "RTLD_LOCAL", extra_lib_paths=[folder])
