"""Processor cores by their makers' numbers, and what LLVM calls them."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Core:
    """A kind of core.

    Attributes:
        name: Short, such as `a57`.
        mcpu: LLVM's name.
    """

    name: str
    mcpu: str


GENERIC = Core(name="cpu", mcpu="generic")

A57 = Core(name="a57", mcpu="cortex-a57")
DENVER2 = Core(name="denver2", mcpu="cortex-a57")
"""LLVM has no Denver. Both of the TX2's clusters are ARMv8.0 without extensions that matter here."""

CARMEL = Core(name="carmel", mcpu="carmel")
A78AE = Core(name="a78ae", mcpu="cortex-a78")

_ARM, _NVIDIA = 0x41, 0x4E

_PARTS = {
    (_ARM, 0xD03): Core(name="a53", mcpu="cortex-a53"),
    (_ARM, 0xD04): Core(name="a35", mcpu="cortex-a35"),
    (_ARM, 0xD05): Core(name="a55", mcpu="cortex-a55"),
    (_ARM, 0xD07): A57,
    (_ARM, 0xD08): Core(name="a72", mcpu="cortex-a72"),
    (_ARM, 0xD09): Core(name="a73", mcpu="cortex-a73"),
    (_ARM, 0xD0A): Core(name="a75", mcpu="cortex-a75"),
    (_ARM, 0xD0B): Core(name="a76", mcpu="cortex-a76"),
    (_ARM, 0xD0C): Core(name="n1", mcpu="neoverse-n1"),
    (_ARM, 0xD0D): Core(name="a77", mcpu="cortex-a77"),
    (_ARM, 0xD40): Core(name="v1", mcpu="neoverse-v1"),
    (_ARM, 0xD41): Core(name="a78", mcpu="cortex-a78"),
    (_ARM, 0xD42): A78AE,
    (_ARM, 0xD49): Core(name="n2", mcpu="neoverse-n2"),
    (_NVIDIA, 0x003): DENVER2,
    (_NVIDIA, 0x004): CARMEL,
}
"""By implementer and part of the register MIDR_EL1 (Arm's reference manuals; Linux's `asm/cputype.h`)."""

_COMPATIBLE = {f"arm,{core.mcpu}": core for core in _PARTS.values() if core.mcpu.endswith(core.name)} | {
    "arm,cortex-a78ae": A78AE,
    "nvidia,carmel": CARMEL,
    "nvidia,tegra186-denver": DENVER2,
}
"""By the device tree's name (`arm/cpus.yaml` of its bindings)."""

_X86_LEVELS = {
    "x86-64-v2": {"cx16", "lahf_lm", "popcnt", "pni", "sse4_1", "sse4_2", "ssse3"},
    "x86-64-v3": {"avx", "avx2", "bmi1", "bmi2", "f16c", "fma", "abm", "movbe", "xsave"},
    "x86-64-v4": {"avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"},
}
"""Flags that each level adds to the one before (x86-64 psABI, as `/proc/cpuinfo` spells them)."""


def arm_core(implementer: int, part: int) -> Core | None:
    """The core that bears these numbers, if it is known."""
    return _PARTS.get((implementer, part))


def named_core(compatible: str) -> Core | None:
    """The core that a device tree calls, say, `arm,cortex-a72` or `nvidia,carmel`."""
    return _COMPATIBLE.get(compatible)


def x86_core(flags: Collection[str]) -> Core:
    """A core for PCs, by what it can do."""
    return Core(name="cpu", mcpu=x86_level(flags))


def x86_level(flags: Collection[str]) -> str:
    """The highest x86-64 level of which a CPU has every flag."""
    level = "x86-64"
    for name, needed in _X86_LEVELS.items():
        if not needed <= set(flags):
            break
        level = name
    return level


def cpu_target(machine: str, mcpu: str, features: Collection[str] = ()) -> dict[str, Any]:
    """TVM's target for CPU cores.

    Args:
        machine: Architecture as `uname -m` says it.
        mcpu: LLVM's name of the core.
        features: LLVM's names with + or -.
    """
    target: dict[str, Any] = {"kind": "llvm", "mtriple": f"{machine}-linux-gnu", "mcpu": mcpu}
    return target | ({"mattr": list(features)} if features else {})
