"""Writes what Linux says about CPUs."""

from collections.abc import Collection, Mapping
from pathlib import Path

from tests.device.trees.power import write

A53 = {"CPU implementer": "0x41", "CPU architecture": "8", "CPU variant": "0x0", "CPU part": "0xd03"}
A57 = {"CPU implementer": "0x41", "CPU architecture": "8", "CPU variant": "0x1", "CPU part": "0xd07"}
A72 = {"CPU implementer": "0x41", "CPU architecture": "8", "CPU variant": "0x0", "CPU part": "0xd08"}
A76 = {"CPU implementer": "0x41", "CPU architecture": "8", "CPU variant": "0x4", "CPU part": "0xd0b"}
A78AE = {"CPU implementer": "0x41", "CPU architecture": "8", "CPU variant": "0x0", "CPU part": "0xd42"}
CARMEL = {"CPU implementer": "0x4e", "CPU architecture": "8", "CPU variant": "0x0", "CPU part": "0x004"}
DENVER2 = {
    "CPU implementer": "0x4e",
    "CPU architecture": "8",
    "CPU variant": "0x0",
    "CPU part": "0x003",
    "MTS version": "37620520",
}
ZEN = {"vendor_id": "AuthenticAMD", "model name": "AMD Ryzen 7 5700G", "flags": "fpu sse4_1 avx2 bmi1"}

Core = Mapping[str, str]


def cores(
    root: Path,
    cpus: Mapping[int, Core],
    *,
    online: Collection[int] | None = None,
    isolated: str = "",
    clusters: Mapping[int, int] | None = None,
) -> Path:
    """CPUs and their states.

    Args:
        root: Where.
        cpus: What each CPU is; `/proc/cpuinfo` tells it of those that are online.
        online: All by default.
        isolated: Those that Linux schedules nothing on by itself, as the kernel writes sets: `1-2`.
        clusters: Number of each CPU's cluster, where the kernel tells it.
    """
    online = set(cpus) if online is None else set(online)
    files: dict[str, str | bytes] = {
        "proc/cpuinfo": "\n".join(block(cpu, cpus[cpu]) for cpu in sorted(online)),
        "sys/devices/system/cpu/present": f"{cpu_list(cpus)}\n",
        "sys/devices/system/cpu/possible": f"{cpu_list(cpus)}\n",
        "sys/devices/system/cpu/online": f"{cpu_list(online)}\n",
        "sys/devices/system/cpu/offline": f"{cpu_list(set(cpus) - online)}\n",
        "sys/devices/system/cpu/isolated": f"{isolated}\n",
    }
    for cpu in cpus:
        files[f"sys/devices/system/cpu/cpu{cpu}/online"] = f"{int(cpu in online)}\n"
    for cpu, cluster in (clusters or {}).items():
        files[f"sys/devices/system/cpu/cpu{cpu}/topology/cluster_id"] = f"{cluster}\n"
    return write(root, files)


def block(cpu: int, core: Core) -> str:
    """One CPU in `/proc/cpuinfo`."""
    entries = {"processor": str(cpu), "BogoMIPS": "62.50", **core}
    return "".join(f"{key}\t: {value}\n" for key, value in entries.items())


def cpu_list(cpus: Collection[int]) -> str:
    """A set of CPUs as the kernel writes it: `0,3-5`."""
    ranges: list[list[int]] = []
    for cpu in sorted(cpus):
        if ranges and ranges[-1][1] == cpu - 1:
            ranges[-1][1] = cpu
        else:
            ranges.append([cpu, cpu])
    return ",".join(str(first) if first == last else f"{first}-{last}" for first, last in ranges)
