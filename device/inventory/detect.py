"""Finding out what this machine is from what Linux says; every file is looked up below a root that tests may choose."""

import os
import platform
import socket
from collections.abc import Collection, Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from device.clocks import find_points
from device.inventory.board import Board, Processor
from device.sensors import find_rails

_ARM_PARTS = {
    ("0x41", "0xd03"): ("a53", "cortex-a53"),
    ("0x41", "0xd07"): ("a57", "cortex-a57"),
    ("0x41", "0xd08"): ("a72", "cortex-a72"),
    ("0x41", "0xd0b"): ("a76", "cortex-a76"),
    ("0x41", "0xd41"): ("a78", "cortex-a78"),
    ("0x41", "0xd42"): ("a78ae", "cortex-a78"),
    ("0x4e", "0x003"): ("denver2", "cortex-a57"),
    ("0x4e", "0x004"): ("carmel", "carmel"),
}
"""Implementer and part of `/proc/cpuinfo` to a short name and LLVM's name; LLVM has no Denver."""

_X86_LEVELS = {
    "x86-64-v2": {"cx16", "lahf_lm", "popcnt", "pni", "sse4_1", "sse4_2", "ssse3"},
    "x86-64-v3": {"avx", "avx2", "bmi1", "bmi2", "f16c", "fma", "abm", "movbe", "xsave"},
    "x86-64-v4": {"avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"},
}
"""Flags that each level adds to the one before (x86-64 psABI, as `/proc/cpuinfo` spells them)."""

_PACKAGES = {"stageline": "stageline", "tvm": "apache-tvm", "tvm_ffi": "apache-tvm-ffi"}


def detect_board(name: str | None = None, root: Path = Path("/")) -> Board:
    """Describes this machine.

    Args:
        name: What to call it; the host name when None.
        root: Where `/proc` is looked up.
    """
    cpuinfo = _cpuinfo(root)
    usable = os.sched_getaffinity(0)
    processors = _processors({cpu: cpuinfo.get(cpu, {}) for cpu in sorted(usable)})
    return Board(
        name=name or socket.gethostname(),
        model=_model(root, cpuinfo),
        hostname=socket.gethostname(),
        machine=platform.machine(),
        processors=processors,
        operating_points=find_points([p.name for p in processors], root),
        rails=find_rails(root),
        versions=installed_versions(),
    )


def installed_versions() -> dict[str, str]:
    """Versions of what a measurement depends on, read without loading it."""
    found = {}
    for name, package in _PACKAGES.items():
        try:
            found[name] = version(package)
        except PackageNotFoundError:
            found[name] = "missing"
    return found


def cpu_target(mcpu: str, features: Collection[str] = ()) -> dict[str, Any]:
    """TVM's target for CPU cores of this machine's architecture."""
    target: dict[str, Any] = {"kind": "llvm", "mtriple": f"{platform.machine()}-linux-gnu", "mcpu": mcpu}
    return target | ({"mattr": list(features)} if features else {})


def x86_level(flags: Collection[str]) -> str:
    """The highest x86-64 level of which a CPU has every flag."""
    level = "x86-64"
    for name, needed in _X86_LEVELS.items():
        if not needed <= set(flags):
            break
        level = name
    return level


def _processors(cpuinfo: Mapping[int, Mapping[str, str]]) -> tuple[Processor, ...]:
    groups: dict[tuple[str, str], list[int]] = {}
    for cpu, entry in sorted(cpuinfo.items()):
        groups.setdefault(_core_kind(entry), []).append(cpu)
    if len(groups) == 1:
        groups = {("cpu", mcpu): cpus for (_, mcpu), cpus in groups.items()}
    return tuple(
        Processor(name=name, kind="cpu", cpus=tuple(cpus), target=cpu_target(mcpu))
        for (name, mcpu), cpus in groups.items()
    )


def _core_kind(entry: Mapping[str, str]) -> tuple[str, str]:
    if "flags" in entry:
        return "cpu", x86_level(entry["flags"].split())
    part = (entry.get("CPU implementer", ""), entry.get("CPU part", ""))
    return _ARM_PARTS.get(part, ("cpu", "generic"))


def _cpuinfo(root: Path) -> dict[int, dict[str, str]]:
    """The blocks of `/proc/cpuinfo` by CPU id."""
    found: dict[int, dict[str, str]] = {}
    try:
        text = (root / "proc/cpuinfo").read_text(errors="replace")
    except OSError:
        return found
    for block in text.split("\n\n"):
        pairs = (line.partition(":") for line in block.splitlines())
        entry = {key.strip(): value.strip() for key, _, value in pairs}
        if entry.get("processor", "").isdigit():
            found[int(entry["processor"])] = entry
    return found


def _model(root: Path, cpuinfo: Mapping[int, Mapping[str, str]]) -> str:
    try:
        return (root / "proc/device-tree/model").read_text().strip("\0\n ")
    except OSError:
        names = [entry["model name"] for entry in cpuinfo.values() if "model name" in entry]
        return names[0] if names else platform.machine()
