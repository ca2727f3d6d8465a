"""Clocks of CPUs: policies, of which a cluster has one where its cores share a clock."""

import re
from collections.abc import Iterable

from device.clocks.controls import CPUS
from device.clocks.ranges import Clock
from device.files import Files

_NUMBER = re.compile(r"\d+")
_FOLDER = re.compile(rf"{CPUS}/cpu(\d+)/cpufreq$")


def cpu_clock(cpu: int) -> Clock:
    """The files of a CPU's clock, in kHz; its folder is missing while the CPU is offline."""
    folder = f"{CPUS}/cpu{cpu}/cpufreq"
    return Clock(
        lower=f"{folder}/scaling_min_freq",
        upper=f"{folder}/scaling_max_freq",
        current=f"{folder}/scaling_cur_freq",
        table=f"{folder}/scaling_available_frequencies",
    )


def related_cpus(files: Files, cpu: int) -> tuple[int, ...]:
    """The CPUs that share a CPU's clock, itself among them, offline ones too.

    Read and never guessed: L4T has one policy for each cluster of a TX2, mainline Linux one for each CPU.
    """
    text = files.maybe(f"{CPUS}/cpu{cpu}/cpufreq/related_cpus") or ""
    return tuple(sorted({int(number) for number in _NUMBER.findall(text)} | {cpu}))


def policy_cpus(files: Files) -> tuple[int, ...]:
    """Of every clock that is there the first CPU that is online."""
    paths = files.glob(f"{CPUS}/cpu*/cpufreq")
    return first_of_each(files, sorted(int(match[1]) for path in paths if (match := _FOLDER.search(path))))


def first_of_each(files: Files, cpus: Iterable[int]) -> tuple[int, ...]:
    """Of some CPUs the first of every clock."""
    found: list[int] = []
    covered: set[int] = set()
    for cpu in cpus:
        if cpu not in covered:
            found.append(cpu)
            covered |= set(related_cpus(files, cpu))
    return tuple(found)


def online_path(cpu: int) -> str:
    """Where a CPU is switched on and off; the one that boots often has no such file."""
    return f"{CPUS}/cpu{cpu}/online"


def online_cpus(files: Files) -> frozenset[int]:
    """CPUs that run, as their own files say; one without a file cannot be switched off."""
    folders = [path.rpartition("/cpu")[2] for path in files.glob(f"{CPUS}/cpu[0-9]*")]
    cpus = [int(name) for name in folders if name.isdecimal()]
    return frozenset(cpu for cpu in cpus if files.maybe(online_path(cpu)) in {None, "1"})
