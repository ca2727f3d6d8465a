"""The stand-in for `libcudart.so.13`, compiled on the board by its own compiler (`shim.c`)."""

import json
import subprocess
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from device.children import interpreter
from device.cuda.locations import STAND_IN, find_program, find_runtimes, runtime_version
from device.errors import CudaError

_SOURCE = Path(__file__).with_name("shim.c")
_SYMBOLS = Path(__file__).with_name("shim.map")
_FLAGS = ("-std=gnu99", "-O2", "-Wall", "-Wextra", "-fPIC", "-fvisibility=hidden", "-shared")
_OLDEST = (10, 1)
_TIMEOUT_S = 120.0

_TRY = """
import ctypes, json, sys
stand_in, version, count = ctypes.CDLL(sys.argv[1]), ctypes.c_int(), ctypes.c_int()
own = ctypes.CDLL(sys.argv[2])
own.cudaRuntimeGetVersion(ctypes.byref(version))
stand_in.cudaGetErrorString.restype = ctypes.c_char_p
status = stand_in.cudaGetDeviceCount(ctypes.byref(count))
message = stand_in.cudaGetErrorString(status).decode() if status else ""
print(json.dumps({"version": version.value, "status": status, "message": message, "count": count.value}))
"""
"""What the child process does with the result; its arguments are the stand-in and the runtime behind it."""

_NOT_LOADED = (302, 303)
"""What the stand-in answers when it cannot reach the board's CUDA (`shim.c`)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StandIn:
    """A stand-in that was built and tried.

    Attributes:
        path: Where it is.
        cudart: The CUDA runtime that it hands calls on to.
        cuda_version: That runtime's version, as `10.2`.
        compiler: What compiled it.
        devices: Number of GPUs that answered through it.
        note: What the runtime says when it finds none; empty otherwise.
    """

    path: Path
    cudart: Path
    cuda_version: str
    compiler: Path
    devices: int
    note: str

    def to_document(self) -> dict[str, object]:
        """For JSON."""
        paths = {"path": str(self.path), "cudart": str(self.cudart), "compiler": str(self.compiler)}
        return asdict(self) | paths


def build(output: Path, *, cudart: Path | None = None, compiler: str | None = None) -> StandIn:
    """Compiles the stand-in and tries it in a child process.

    Args:
        output: The folder for it.
        cudart: The CUDA runtime to hand calls on to; None for the board's own.
        compiler: The C compiler; None for `$CC` or the board's own.

    Raises:
        CudaError: There is no CUDA or no compiler, the stand-in is not needed, or it does not work.
    """
    runtime = _choose_runtime(cudart)
    program = _find_compiler(compiler)
    try:
        output.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=output) as folder:
            made = Path(folder) / STAND_IN
            _compile(program, runtime, made)
            tried = _try(made, runtime)
            made.replace(output / STAND_IN)
    except OSError as error:
        raise CudaError(f"cannot write to {output}: {error.strerror}") from error
    version = int(tried["version"])
    return StandIn(
        path=output / STAND_IN,
        cudart=runtime,
        cuda_version=f"{version // 1000}.{version % 1000 // 10}",
        compiler=program,
        devices=int(tried["count"]),
        note=str(tried["message"]),
    )


def _choose_runtime(chosen: Path | None) -> Path:
    if chosen is not None:
        return _checked(chosen)
    if _is_loadable(STAND_IN):
        raise CudaError(
            f"no stand-in is needed: this board has {STAND_IN} itself",
            hint="name another runtime with --cudart",
        )
    runtimes = find_runtimes()
    if not runtimes:
        raise CudaError(
            "no CUDA runtime found: no libcudart.so.* in /usr/local/cuda*/lib64 or the system's library folder",
            hint="install JetPack's CUDA (apt-get install cuda-toolkit-10-2), or name the file with --cudart",
        )
    return _checked(runtimes[0])


def _checked(runtime: Path) -> Path:
    if not runtime.is_file():
        raise CudaError(f"there is no CUDA runtime {runtime}")
    version = runtime_version(runtime.resolve()) or runtime_version(runtime)
    if version is not None and version[0] < _OLDEST[0]:
        raise CudaError(
            f"{runtime} is of CUDA {version[0]}; the stand-in needs {_OLDEST[0]}.{_OLDEST[1]} or newer"
        )
    return runtime.absolute()


def _find_compiler(chosen: str | None) -> Path:
    names = (chosen,) if chosen else ("cc", "gcc", "clang")
    found = find_program(None if chosen else "CC", names)
    if found is None:
        raise CudaError(
            f"no C compiler found: looked for {', '.join(names)}",
            hint="apt-get install gcc, or name one with --cc",
        )
    return found


def _compile(compiler: Path, runtime: Path, output: Path) -> None:
    name = str(runtime).replace("\\", "\\\\").replace('"', '\\"')
    linking = (f"-Wl,-soname,{STAND_IN}", f"-Wl,--version-script={_SYMBOLS}")
    command = [str(compiler), *_FLAGS, *linking, f'-DSTAGELINE_CUDART="{name}"']
    result = _run([*command, str(_SOURCE), "-o", str(output), "-ldl"])
    if result.returncode != 0:
        lines = result.stderr.strip().splitlines() or [f"it ended with status {result.returncode}"]
        said = next((line for line in lines if "error" in line), lines[0])
        raise CudaError(f"{compiler} cannot compile the stand-in: {said}")


def _try(stand_in: Path, runtime: Path) -> dict[str, Any]:
    result = _run([*interpreter(), "-c", _TRY, str(stand_in), str(runtime)])
    try:
        tried: dict[str, Any] = json.loads(result.stdout)
    except ValueError:
        words = (result.stderr.strip().splitlines() or [f"it ended with status {result.returncode}"])[-1]
        raise CudaError(f"the stand-in for {runtime} cannot be loaded: {words}") from None
    if tried["status"] in _NOT_LOADED:
        raise CudaError(f"the stand-in cannot reach {runtime}: {tried['message']}")
    return tried


def _run(command: list[str]) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(
            command, capture_output=True, text=True, timeout=_TIMEOUT_S, check=False, stdin=subprocess.DEVNULL
        )
    except subprocess.TimeoutExpired as error:
        raise CudaError(f"{command[0]} did not end within {_TIMEOUT_S:.0f} s") from error


def _is_loadable(library: str) -> bool:
    """Whether the loader finds a library; asked in a child process, since what is loaded stays."""
    command = [*interpreter(), "-c", f"import ctypes; ctypes.CDLL({library!r})"]
    return _run(command).returncode == 0
