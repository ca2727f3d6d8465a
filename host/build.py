"""Kernels to machine code: one object file a kernel and target, cached by content; any set links into a module."""

import hashlib
import json
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from host.errors import InputError
from host.kernels.version import VERSION
from host.layers.graph import symbol
from host.linker import link


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
            InputError: No linker for the board's architecture was found, or it failed.
        """
        objects = [self._object(digest) for digest in dict.fromkeys(digests)]
        link(objects, output, self._target["mtriple"])

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
        try:
            _write_whole(self._object(digest), _object_code(library))
        except OSError as error:
            raise InputError(
                f"cannot keep compiled kernels in {self._cache}: {error.strerror}",
                hint="make room there, or choose another place with $XDG_CACHE_HOME",
            ) from error


def _object_code(library: Any) -> bytes:
    """The machine code of a built kernel as an object file.

    LLVM ends the process when a disk is full, so it writes to memory.
    """
    with open(os.memfd_create("kernel"), "rb") as memory:  # noqa: PTH123 - a descriptor has no path
        library.write_to_file(f"/proc/self/fd/{memory.fileno()}", "o")
        return memory.read()


def _write_whole(path: Path, data: bytes) -> None:
    """Writes a file that is there whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(f".{os.getpid()}")
    try:
        partial.write_bytes(data)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
