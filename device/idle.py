"""How much of its time each CPU has nothing to do, whatever program it works for otherwise."""

from pathlib import Path

_IDLE_FIELDS = (3, 4)
"""Of a CPU's line in /proc/stat: idle, and waiting for storage."""


class IdleTimes:
    """Compares what Linux has counted so far with what it had counted at the last look.

    Args:
        path: The file that it counts in.
    """

    def __init__(self, path: Path = Path("/proc/stat")) -> None:
        self._path = path
        self._last = self._read()

    def shares(self) -> dict[int, float]:
        """The idle part of the time since the last look, by CPU; a CPU that was offline then or is now is missing."""
        before, self._last = self._last, self._read()
        shares = {}
        for cpu, (idle, total) in self._last.items():
            idle_before, total_before = before.get(cpu, (idle, total))
            if total > total_before:
                shares[cpu] = (idle - idle_before) / (total - total_before)
        return shares

    def _read(self) -> dict[int, tuple[int, int]]:
        try:
            lines = self._path.read_text().splitlines()
        except OSError:
            return {}
        counted = {}
        for line in lines:
            name, *ticks = line.split()
            if name.startswith("cpu") and name != "cpu":
                times = [int(tick) for tick in ticks]
                counted[int(name.removeprefix("cpu"))] = (
                    sum(times[index] for index in _IDLE_FIELDS),
                    sum(times),
                )
        return counted
