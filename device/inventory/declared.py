"""Boards as their users declare them: two cores of one machine can stand for two clusters."""

import os
import platform
import socket
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from device import cuda
from device.clocks import find_points
from device.errors import BoardFileError
from device.files import Files
from device.inventory.board import Board, Processor
from device.inventory.detect import installed_versions, notes_on_gpu
from device.inventory.gpu import Gpu
from device.inventory.parts import cpu_target
from device.inventory.thermal import find_zones
from device.sensors import find_rails

_TOP_KEYS = {"name", "gpu", "processors"}
_PROCESSOR_KEYS = {"name", "kind", "cpus", "mcpu", "features"}


def read_board_file(path: Path) -> Board:
    """Reads a board file.

    Args:
        path: A TOML file with `name` and a table `[[processors]]` for each processor: `name`, `cpus`, `mcpu` and, if
            wanted, `features` (LLVM's names with + or -); with `gpu = true` this machine's GPU belongs to it, too.

    Raises:
        BoardFileError: It cannot be read, or does not describe this machine.
    """
    document = _load(path)
    _refuse_unknown(document, _TOP_KEYS, str(path))
    entries = document.get("processors")
    if not isinstance(entries, list) or not entries:
        raise BoardFileError(
            f"{path} declares no processor", hint="add a table [[processors]] with name, cpus and mcpu"
        )
    processors = tuple(
        _processor(entry, f"{path}: processors[{index}]") for index, entry in enumerate(entries)
    )
    _refuse_overlap(processors, path)
    name = _text(document, "name", str(path))
    gpu = _gpu(document.get("gpu", False), path)
    return Board(
        name=name,
        model=f"declared in {path.name}",
        hostname=socket.gethostname(),
        machine=platform.machine(),
        processors=processors,
        operating_points=find_points(Files(Path("/")), processors),
        rails=find_rails(),
        zones=find_zones(Files(Path("/"))),
        versions=installed_versions(),
        gpu=gpu,
        notes=tuple(notes_on_gpu(gpu)),
    )


def _gpu(is_wanted: Any, path: Path) -> Gpu | None:
    if not isinstance(is_wanted, bool):
        raise BoardFileError(f"{path}: gpu must be true or false, got {is_wanted!r}")
    if not is_wanted:
        return None
    found = cuda.state()
    return Gpu(
        name=found.name or "NVIDIA", arch=found.arch, path="", usable=found.usable, reason=found.reason
    )


def _load(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text())
    except OSError as error:
        raise BoardFileError(f"cannot read the board file {path}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BoardFileError(f"the board file {path} is not valid TOML: {error}") from error


def _processor(entry: Any, where: str) -> Processor:
    if not isinstance(entry, dict):
        raise BoardFileError(f"{where} must be a table")
    _refuse_unknown(entry, _PROCESSOR_KEYS, where)
    if entry.get("kind", "cpu") != "cpu":
        raise BoardFileError(f"{where}.kind is {entry['kind']!r}; only 'cpu' can be declared")
    cpus = entry.get("cpus")
    if not isinstance(cpus, list) or not cpus or not all(type(cpu) is int for cpu in cpus):
        raise BoardFileError(f"{where}.cpus must be a list of CPU ids, got {cpus!r}")
    usable = os.sched_getaffinity(0)
    if foreign := sorted(set(cpus) - usable):
        raise BoardFileError(f"{where}.cpus names CPU {foreign[0]}, and this machine offers {sorted(usable)}")
    features = entry.get("features", [])
    if not isinstance(features, list) or not all(isinstance(feature, str) for feature in features):
        raise BoardFileError(f"{where}.features must be a list of texts, got {features!r}")
    declared = tuple(dict.fromkeys(cpus))
    return Processor(
        name=_text(entry, "name", where),
        kind="cpu",
        cpus=declared,
        online=declared,
        usable=declared,
        target=cpu_target(platform.machine(), _text(entry, "mcpu", where), features),
    )


def _text(entry: Mapping[str, Any], key: str, where: str) -> str:
    value = entry.get(key)
    if not isinstance(value, str) or not value.strip():
        raise BoardFileError(f"{where}.{key} must be a text, got {value!r}")
    return value.strip()


def _refuse_unknown(entry: Mapping[str, Any], known: set[str], where: str) -> None:
    if unknown := sorted(entry.keys() - known):
        raise BoardFileError(
            f"{where} has the unknown key {unknown[0]!r}; known are {', '.join(sorted(known))}"
        )


def _refuse_overlap(processors: tuple[Processor, ...], path: Path) -> None:
    seen: dict[int, str] = {}
    names: set[str] = set()
    for processor in processors:
        if processor.name in names:
            raise BoardFileError(f"{path} declares the processor {processor.name!r} twice")
        names.add(processor.name)
        for cpu in processor.cpus:
            if cpu in seen:
                raise BoardFileError(f"{path} gives CPU {cpu} to {seen[cpu]} and to {processor.name}")
            seen[cpu] = processor.name
