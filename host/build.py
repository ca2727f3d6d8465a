"""Kernels to machine code: one object file a kernel and target, cached by content; any set links into a module."""

import hashlib
import json
import os
import tempfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from host.device_code import device_code, pack, portable_source
from host.errors import InputError
from host.kernels.specs import Generic, Spec
from host.kernels.variants import Tuned, variant_of
from host.kernels.version import VERSION
from host.layers.graph import Implementation
from host.linker import link

_DEVICE = ".device"


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildCount:
    """How many kernels were compiled and how many were found in the cache."""

    built: int
    cached: int


def _no_traces(record: str) -> str:
    raise InputError(f"the tuning record {record} is not at hand", hint="tuned kernels need their database")


class Builder:
    """Builds kernels for one target.

    Args:
        target: The target as the board describes it: TVM's target as a dictionary, `mtriple` included; for a GPU in
            its `host`, which is the target of the code that starts kernels.
        cache: Folder of object files; made when it is missing.
        traces: Gives the trace of a tuned kernel by its record's digest.
    """

    def __init__(
        self, target: Mapping[str, Any], cache: Path, traces: Callable[[str], str] = _no_traces
    ) -> None:
        self._target = dict(target)
        self._cache = cache
        self._traces = traces

    def build(
        self,
        implementations: Iterable[Implementation],
        specs: Mapping[str, Spec],
        functions: Callable[[], Mapping[str, Any]],
        progress: Callable[[int, int], None] = lambda done, total: None,
    ) -> BuildCount:
        """Compiles the kernels that the cache does not hold.

        Args:
            implementations: The kernels that are needed, and how they are scheduled.
            specs: What each kernel computes, by digest.
            functions: Gives the TIR functions of generic kernels by digest; asked only when one is missing.
            progress: Told how many of the missing kernels are done.
        """
        wanted = list(dict.fromkeys(implementations))
        missing = [one for one in wanted if not all(path.exists() for path in self._files(one))]
        for done, one in enumerate(missing):
            progress(done, len(missing))
            spec = specs[one.kernel]
            self._compile(one, spec, functions()[one.kernel] if isinstance(spec, Generic) else None)
        return BuildCount(built=len(missing), cached=len(wanted) - len(missing))

    def link(self, implementations: Iterable[Implementation], output: Path) -> None:
        """Links kernels that were built before into one shared object for the board.

        Raises:
            InputError: No linker for the board's architecture was found, or it failed.
        """
        wanted = list(dict.fromkeys(implementations))
        objects = [self._object(one) for one in wanted]
        if not self._is_for_gpu:
            link(objects, output, self._mtriple)
            return
        with tempfile.NamedTemporaryFile(suffix=".o") as packed:
            packed.write(
                pack([self._object(one).with_suffix(_DEVICE).read_bytes() for one in wanted], self._mtriple)
            )
            packed.flush()
            link([*objects, Path(packed.name)], output, self._mtriple)

    @property
    def _is_for_gpu(self) -> bool:
        return bool(self._target["kind"] == "cuda")

    @property
    def _mtriple(self) -> str:
        mtriple: str = self._target["host"]["mtriple"] if self._is_for_gpu else self._target["mtriple"]
        return mtriple

    def _files(self, one: Implementation) -> list[Path]:
        """Where a kernel's machine code is, and the GPU's part of it if there is one."""
        machine_code = self._object(one)
        return [machine_code, machine_code.with_suffix(_DEVICE)] if self._is_for_gpu else [machine_code]

    def _object(self, one: Implementation) -> Path:
        key = {
            "kernel": one.kernel,
            "variant": one.variant,
            "target": self._target,
            "schedules": VERSION,
            "tvm": version("apache-tvm"),
        }
        name = hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()
        return self._cache / name[:2] / f"{name}.o"

    def _compile(self, one: Implementation, spec: Spec, code: Any) -> None:
        from host.kernels import emit

        variant = variant_of(one.variant)
        trace = self._traces(variant.record) if isinstance(variant, Tuned) else ""
        function = emit(spec, variant, self._target, code, trace)
        parts = compile_function(function, one.symbol, self._target)
        try:
            for path, part in zip(self._files(one), parts, strict=True):
                _write_whole(path, part)
        except OSError as error:
            raise InputError(
                f"cannot keep compiled kernels in {self._cache}: {error.strerror}",
                hint="make room there, or choose another place with $XDG_CACHE_HOME",
            ) from error


def compile_function(function: Any, symbol: str, target: Mapping[str, Any]) -> tuple[bytes, ...]:
    """An object file with one kernel, and for a GPU its part of it, as `pack` takes it.

    Args:
        function: Its TIR function.
        symbol: The name under which it is found.
        target: TVM's target as a dictionary.
    """
    import tvm

    module = tvm.IRModule({symbol: function.with_attr("global_symbol", symbol)})
    with portable_source():
        library = tvm.tirx.build(module, target=tvm.target.Target(dict(target)))
    machine_code = _object_code(library)
    return (machine_code, device_code(library)) if library.imports else (machine_code,)


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
