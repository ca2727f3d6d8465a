"""Kernels to machine code: one object file a kernel and target, cached by content; any set links into a module."""

import hashlib
import json
import os
import platform
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from host.errors import InputError, StagelineError
from host.kernels.version import VERSION
from host.layers.graph import symbol

_LINKERS = ("cc", "gcc", "clang")
_LINK_TIMEOUT_S = 120


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildCount:
    """How many kernels were compiled and how many were found in the cache."""

    built: int
    cached: int


class Builder:
    """Builds kernels for one target.

    Args:
        target: The target as the board describes it: TVM's target as a dictionary, `mtriple` included.
        cache: Folder of object files; made when it is missing.
    """

    def __init__(self, target: Mapping[str, Any], cache: Path) -> None:
        self._target = dict(target)
        self._cache = cache

    def build(
        self,
        digests: Iterable[str],
        kernels: Callable[[], Mapping[str, Any]],
        progress: Callable[[int, int], None] = lambda done, total: None,
    ) -> BuildCount:
        """Compiles the kernels that the cache does not hold.

        Args:
            digests: The kernels that are needed.
            kernels: Gives the TIR functions by digest; asked only when something is missing.
            progress: Told how many of the missing kernels are done.
        """
        wanted = list(dict.fromkeys(digests))
        missing = [digest for digest in wanted if not self._object(digest).exists()]
        functions = kernels() if missing else {}
        for done, digest in enumerate(missing):
            progress(done, len(missing))
            self._compile(digest, functions[digest])
        return BuildCount(built=len(missing), cached=len(wanted) - len(missing))

    def link(self, digests: Iterable[str], output: Path) -> None:
        """Links kernels that were built before into one shared object for the board.

        Raises:
            InputError: No linker for the board's architecture was found.
            StagelineError: The linker failed.
        """
        objects = [str(self._object(digest)) for digest in dict.fromkeys(digests)]
        with tempfile.NamedTemporaryFile("w", suffix=".rsp") as response:
            response.write("\n".join(map(_quoted, objects)))
            response.flush()
            command = [_linker(self._target["mtriple"]), "-shared", "-o", str(output), f"@{response.name}"]
            result = subprocess.run(
                command, capture_output=True, text=True, timeout=_LINK_TIMEOUT_S, check=False
            )
        if result.returncode != 0:
            last = (result.stderr.strip().splitlines() or [f"it ended with status {result.returncode}"])[-1]
            raise StagelineError(f"linking {output.name} failed: {last}")

    def _object(self, digest: str) -> Path:
        key = {"kernel": digest, "target": self._target, "schedules": VERSION, "tvm": version("apache-tvm")}
        name = hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()
        return self._cache / name[:2] / f"{name}.o"

    def _compile(self, digest: str, function: Any) -> None:
        import tvm

        from host.kernels import schedule

        target = tvm.target.Target(self._target)
        scheduled = schedule(function, target).with_attr("global_symbol", symbol(digest))
        library = tvm.tirx.build(tvm.IRModule({symbol(digest): scheduled}), target=target)
        path = self._object(digest)
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(f".{os.getpid()}.o")
        try:
            library.write_to_file(str(partial))
            partial.replace(path)
        finally:
            partial.unlink(missing_ok=True)


def _quoted(path: str) -> str:
    """A path as it stands in a response file, where white space ends a word (GCC manual, option @file)."""
    escaped = path.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _linker(mtriple: str) -> str:
    """The command that links shared objects for `mtriple`."""
    machine = mtriple.split("-", maxsplit=1)[0]
    if machine != platform.machine():
        raise InputError(
            f"cannot link for {mtriple} on {platform.machine()}",
            hint="plan on a machine of the board's architecture",
        )
    chosen = os.environ.get("CC") or next((name for name in _LINKERS if shutil.which(name)), None)
    if chosen is None or shutil.which(chosen) is None:
        raise InputError(
            f"no C compiler found to link with: looked for {chosen or ', '.join(_LINKERS)}",
            hint="install gcc or clang, or name one in $CC",
        )
    return chosen
