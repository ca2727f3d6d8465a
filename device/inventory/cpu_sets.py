"""Sets of CPUs as the kernel writes them: `0,3-5`."""

import re
from collections.abc import Iterable

_PART = re.compile(r"(\d+)(?:-(\d+))?")
_MOST_CPUS = 1 << 16


def read_cpu_set(text: str | None) -> frozenset[int] | None:
    """The CPUs of a set.

    Args:
        text: What a file holds; None where there is none.

    Returns:
        None where it is no set. Words such as those of `isolcpus=domain,1-2` are skipped.
    """
    if text is None:
        return None
    cpus: set[int] = set()
    for part in text.split(","):
        match = _PART.fullmatch(part.strip())
        if match:
            first, last = int(match[1]), int(match[2] or match[1])
            cpus.update(range(first, min(last, first + _MOST_CPUS) + 1))
    return frozenset(cpus) or None


def write_cpu_set(cpus: Iterable[int]) -> str:
    """The shortest form of a set: `0, 3-5`; `-` for an empty one."""
    ranges: list[tuple[int, int]] = []
    for cpu in sorted(cpus):
        if ranges and ranges[-1][1] == cpu - 1:
            ranges[-1] = (ranges[-1][0], cpu)
        else:
            ranges.append((cpu, cpu))
    return ", ".join(str(a) if a == b else f"{a}-{b}" for a, b in ranges) or "-"
