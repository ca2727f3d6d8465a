"""Object files to a shared object for a board, of this machine's architecture or another."""

import importlib.util
import os
import platform
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from host.errors import InputError

_COMPILERS = ("cc", "gcc", "clang")
_TIMEOUT_S = 120


def link(objects: Sequence[Path], output: Path, mtriple: str) -> None:
    """Links kernels into one shared object.

    Args:
        objects: What LLVM made of the kernels.
        output: The shared object.
        mtriple: What the objects were compiled for.

    Raises:
        InputError: No linker for that architecture was found, or it failed.
    """
    with tempfile.NamedTemporaryFile("w", suffix=".rsp") as response:
        response.write("\n".join(_quoted(str(path)) for path in objects))
        response.flush()
        command = [*find_linker(mtriple), "-shared", "-o", str(output), f"@{response.name}"]
        result = subprocess.run(command, capture_output=True, text=True, timeout=_TIMEOUT_S, check=False)
    if result.returncode != 0:
        words = (result.stderr.strip().splitlines() or [f"it ended with status {result.returncode}"])[0]
        raise InputError(
            f"linking {output.name} failed: {words}", hint=f"is there room in {tempfile.gettempdir()}?"
        )


def find_linker(mtriple: str) -> tuple[str, ...]:
    """The command that links shared objects for `mtriple`, without its arguments.

    Kernels name no library: what they call is there in every process that loads them. So for another architecture a
    bare linker comes first. A cross compiler would bind them to the C library that it came with, which may be newer
    than the board's; Zig's is told an old one.

    Raises:
        InputError: There is none.
    """
    architecture = mtriple.split("-", maxsplit=1)[0]
    if architecture == platform.machine():
        return _own(os.environ.get("CC"))
    return _cross(architecture, f"STAGELINE_{architecture.upper()}_LINKER")


def _own(chosen: str | None) -> tuple[str, ...]:
    name = chosen or next((name for name in _COMPILERS if shutil.which(name)), None)
    if name is None or shutil.which(name) is None:
        raise InputError(
            f"no C compiler found to link with: looked for {name or ', '.join(_COMPILERS)}",
            hint="install gcc or clang, or name one in $CC",
        )
    return (name,)


def _cross(architecture: str, variable: str) -> tuple[str, ...]:
    chosen = shlex.split(os.environ.get(variable, ""))
    names = chosen[:1] or [f"{architecture}-linux-gnu-ld", "ld.lld", f"{architecture}-linux-gnu-gcc"]
    found = next((name for name in names if shutil.which(name)), None)
    if found:
        return (found, *chosen[1:])
    if not chosen and importlib.util.find_spec("ziglang"):
        return (sys.executable, "-m", "ziglang", "cc", "-target", f"{architecture}-linux-gnu.2.27")
    raise InputError(
        f"no linker for {architecture} found on this {platform.machine()} machine: looked for {', '.join(names)}",
        hint=f"install lld or binutils-{architecture}-linux-gnu (Debian) or ziglang (PyPI), or name one in ${variable}",
    )


def _quoted(path: str) -> str:
    """A path as it stands in a response file, where white space ends a word (GCC manual, option @file)."""
    escaped = path.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
