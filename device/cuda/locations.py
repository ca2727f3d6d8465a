"""Where CUDA's parts are on a board, and where ours belong (XDG Base Directory Specification)."""

import os
import re
import shutil
from collections.abc import Sequence
from pathlib import Path

STAND_IN = "libcudart.so.13"
"""What TVM's CUDA runtime asks the loader for."""

_TOOLKITS = ("usr/local/cuda", "usr/local/cuda-*", "usr/lib/*-linux-gnu", "opt/cuda")
_LIBRARIES = (".", "lib64", "lib", "targets/*/lib")
_RUNTIME = re.compile(r"libcudart\.so\.(\d+)(?:\.(\d+))?$")


def stand_in_folder() -> Path:
    """Where the agent looks for the stand-in: `$STAGELINE_CUDA`, or the user's data directory."""
    chosen = os.environ.get("STAGELINE_CUDA")
    return Path(chosen) if chosen else _directory("XDG_DATA_HOME", ".local/share") / "cuda"


def cubin_folder() -> Path:
    """Where compiled kernels are kept; they can be made again."""
    return _directory("XDG_CACHE_HOME", ".cache") / "cubin"


def find_runtimes(root: Path = Path("/")) -> list[Path]:
    """CUDA runtime libraries, `/usr/local/cuda`'s first, then by version, the newest first.

    Args:
        root: Stands for `/`.
    """
    found: dict[Path, Path] = {}
    for toolkit in _TOOLKITS:
        files = [file for library in _LIBRARIES for file in root.glob(f"{toolkit}/{library}/libcudart.so.*")]
        for file in sorted(filter(runtime_version, files), key=_newest_first):
            found.setdefault(file.resolve(), file)
    return list(found.values())


def runtime_version(file: Path) -> tuple[int, int] | None:
    """Major and minor version that a runtime library's name says; None where it is no such name."""
    match = _RUNTIME.search(file.name)
    return (int(match[1]), int(match[2] or 0)) if match else None


def find_program(variable: str | None, names: Sequence[str], folders: Sequence[Path] = ()) -> Path | None:
    """A program: what an environment variable names, else the first on the `PATH`, else in one of `folders`."""
    chosen = os.environ.get(variable) if variable else None
    candidates = (
        [chosen] if chosen else [*names, *(str(folder / name) for folder in folders for name in names)]
    )
    return next((Path(path) for name in candidates if (path := shutil.which(name))), None)


def _newest_first(file: Path) -> tuple[int, int]:
    major, minor = runtime_version(file) or (0, 0)
    return -major, -minor


def _directory(variable: str, fallback: str) -> Path:
    base = os.environ.get(variable, "")
    return (Path(base) if base.startswith("/") else Path.home() / fallback) / "stageline"
