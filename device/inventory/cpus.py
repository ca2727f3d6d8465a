"""Every CPU of a machine: what it is, and whether it is there for us."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from device.files import Files
from device.inventory.cpu_sets import read_cpu_set
from device.inventory.parts import A57, A78AE, CARMEL, DENVER2, GENERIC, Core, arm_core, named_core, x86_core

_CPUS = "sys/devices/system/cpu"
_TX2_DENVER = (1, 2)
_CHIPS = {"nvidia,tegra210": A57, "nvidia,tegra194": CARMEL, "nvidia,tegra234": A78AE}
"""Chips all of whose cores are of one kind."""

_ISOLATED = re.compile(r"\bisolcpus=(\S+)")

CpuInfo = Mapping[int, Mapping[str, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cpu:
    """One CPU.

    Attributes:
        number: As Linux numbers it.
        core: What kind it is; None where nothing says so.
        unknown: Implementer and part in words where no core is known by them; else empty.
        is_online: Whether it runs.
        is_isolated: Whether Linux leaves it to those that ask for it.
        is_usable: Whether stages can run on it: it is online, and this process may use it.
        max_khz: The highest clock of its kind; None where nothing says so.
        cluster: Number of its cluster; None where the kernel does not tell.
    """

    number: int
    core: Core | None
    unknown: str
    is_online: bool
    is_isolated: bool
    is_usable: bool
    max_khz: int | None
    cluster: int | None


def find_cpus(files: Files, compatible: Collection[str], usable: Collection[int] | None) -> tuple[Cpu, ...]:
    """Every CPU that the machine has, in the order of their numbers.

    Args:
        files: Where to look.
        compatible: Names of board and chip in the device tree.
        usable: Those that this process may use; None for all that are online.
    """
    cpuinfo = read_cpuinfo(files)
    told = read_cpu_set(files.maybe(f"{_CPUS}/online")) or frozenset(cpuinfo)
    online = told | frozenset(usable or ())  # Linux lets nobody run on a CPU that is offline
    present = read_cpu_set(files.maybe(f"{_CPUS}/present")) or online
    isolated = _isolated(files)
    found = []
    for cpu in sorted(present | online):
        core, unknown = _core(files, cpu, cpuinfo.get(cpu, {}), compatible)
        found.append(
            Cpu(
                number=cpu,
                core=core,
                unknown=unknown,
                is_online=cpu in online,
                is_isolated=cpu in isolated,
                is_usable=cpu in online and (usable is None or cpu in usable),
                max_khz=_number(files, f"{_CPUS}/cpu{cpu}/cpufreq/cpuinfo_max_freq"),
                cluster=_number(files, f"{_CPUS}/cpu{cpu}/topology/cluster_id"),
            )
        )
    return tuple(found)


def read_cpuinfo(files: Files) -> dict[int, dict[str, str]]:
    """The blocks of `/proc/cpuinfo` by CPU; those that are offline have none."""
    found: dict[int, dict[str, str]] = {}
    for block in (files.maybe("proc/cpuinfo") or "").split("\n\n"):
        pairs = (line.partition(":") for line in block.splitlines())
        entry = {key.strip(): value.strip() for key, _, value in pairs}
        if entry.get("processor", "").isdecimal():
            found[int(entry["processor"])] = entry
    return found


def _core(
    files: Files, cpu: int, entry: Mapping[str, str], compatible: Collection[str]
) -> tuple[Core | None, str]:
    """What a CPU says of itself; where it is offline, what is known of its chip.

    Never the order of the device tree: the TX2's has Denver first, and Linux numbers the A57 that boots as 0.
    """
    if "flags" in entry:
        return x86_core(entry["flags"].split()), ""
    numbers = _midr(files, cpu) or _numbers(entry)
    if numbers is not None:
        core = arm_core(*numbers)
        return core or GENERIC, "" if core else f"implementer 0x{numbers[0]:02x}, part 0x{numbers[1]:03x}"
    if "nvidia,tegra186" in compatible:
        return (DENVER2 if cpu in _TX2_DENVER else A57), ""
    own = (files.maybe(f"{_CPUS}/cpu{cpu}/of_node/compatible") or "").split("\0")
    by_name = next(filter(None, map(named_core, own)), None)
    return by_name or next((core for chip, core in _CHIPS.items() if chip in compatible), None), ""


def _midr(files: Files, cpu: int) -> tuple[int, int] | None:
    """Implementer and part in the register MIDR_EL1, which only newer kernels show."""
    try:
        register = int(files.maybe(f"{_CPUS}/cpu{cpu}/regs/identification/midr_el1") or "", 16)
    except ValueError:
        return None
    return register >> 24 & 0xFF, register >> 4 & 0xFFF


def _numbers(entry: Mapping[str, str]) -> tuple[int, int] | None:
    try:
        return int(entry["CPU implementer"], 16), int(entry["CPU part"], 16)
    except (KeyError, ValueError):
        return None


def _isolated(files: Files) -> frozenset[int]:
    told = files.maybe(f"{_CPUS}/isolated")
    if told is None and (match := _ISOLATED.search(files.maybe("proc/cmdline") or "")):
        told = match[1]
    return read_cpu_set(told) or frozenset()


def _number(files: Files, path: str) -> int | None:
    text = files.maybe(path) or ""
    return int(text) if text.isdecimal() else None
