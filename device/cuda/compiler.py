"""TVM's CUDA source compiled by the board's own nvcc, which knows the board's GPU and driver.

A module that the host built for a GPU carries its kernels as source. Whoever loads it, by `tvm.runtime.load_module`
like any other, calls TVM's global function `tvm_callback_cuda_compile` with that source and gives the result to the
driver; `register` puts nvcc there.
"""

import contextlib
import hashlib
import os
import subprocess
import tempfile
from pathlib import Path

from device.cuda.locations import cubin_folder, find_program
from device.errors import CudaError

_CALLBACK = "tvm_callback_cuda_compile"
_STANDARD = "c++14"
"""What nvcc of CUDA 10 knows at most."""

_FOLDERS = (Path("/usr/local/cuda/bin"),)
_TIMEOUT_S = 300.0


def register() -> None:
    """Lets TVM in this process compile CUDA source with nvcc; for whatever GPU is the first when that happens."""
    import tvm_ffi

    def compile_for_this_gpu(source: str) -> bytes:
        return cubin(source, _arch())

    tvm_ffi.register_global_func(_CALLBACK, compile_for_this_gpu, override=True)


def cubin(source: str, arch: str) -> bytes:
    """Compiles CUDA source, or finds what was compiled before.

    Args:
        source: CUDA C++ without hexadecimal floating-point numbers, which C++14 does not know.
        arch: The GPU's architecture, such as `sm_62`.

    Raises:
        CudaError: There is no nvcc, or it refuses the source.
    """
    nvcc = find_program("STAGELINE_NVCC", ("nvcc",), _FOLDERS)
    if nvcc is None:
        raise CudaError(
            "there is no nvcc to compile the kernels with: looked on the PATH and in /usr/local/cuda/bin",
            hint="install the board's CUDA toolkit, or name nvcc in $STAGELINE_NVCC",
        )
    kept = cubin_folder() / f"{_key(source, arch, nvcc)}.cubin"
    try:
        return kept.read_bytes()
    except OSError:
        compiled = _compile(source, arch, nvcc)
    with contextlib.suppress(OSError):  # a full or read-only disk costs time at the next start, no more
        _keep(compiled, kept)
    return compiled


def _arch() -> str:
    import tvm.runtime

    return f"sm_{tvm.runtime.cuda(0).compute_version.replace('.', '')}"


def _key(source: str, arch: str, nvcc: Path) -> str:
    """Names a result by all that it depends on; another nvcc has another time or size."""
    program = nvcc.resolve()
    about = program.stat()
    parts = (source, arch, _STANDARD, str(program), str(about.st_mtime_ns), str(about.st_size))
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def _compile(source: str, arch: str, nvcc: Path) -> bytes:
    with tempfile.TemporaryDirectory(prefix="stageline-") as folder:
        code, result = Path(folder, "kernels.cu"), Path(folder, "kernels.cubin")
        code.write_text(source)
        words = [f"-std={_STANDARD}", f"-arch={arch}", "--cubin", "-o", str(result), str(code)]
        try:
            process = subprocess.run(
                [str(nvcc), *words],
                capture_output=True,
                text=True,
                errors="replace",
                timeout=_TIMEOUT_S,
                check=False,
                stdin=subprocess.DEVNULL,
            )
        except subprocess.TimeoutExpired as error:
            raise CudaError(f"{nvcc} did not end within {_TIMEOUT_S:.0f} s") from error
        except OSError as error:
            raise CudaError(f"cannot start {nvcc}: {error.strerror}") from error
        if process.returncode != 0 or not result.is_file():
            lines = (process.stderr or process.stdout).strip().splitlines()
            said = next(
                (line for line in lines if "error" in line.lower()), lines[0] if lines else "it said nothing"
            )
            raise CudaError(
                f"{nvcc} ended with status {process.returncode}: {said.replace(f'{folder}/', '')}"
            )
        return result.read_bytes()


def _keep(compiled: bytes, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, partial = tempfile.mkstemp(dir=path.parent)
    with os.fdopen(descriptor, "wb") as file:
        file.write(compiled)
    Path(partial).replace(path)
