"""A rail that can be read, and all of a board's as one meter."""

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from device.sensors.rails import Rail, names_of_total

Clock = Callable[[], float]

_NJ_PER_UJ = 1e3


@dataclass(frozen=True, slots=True, kw_only=True)
class Gauge:
    """One rail that can be read.

    Attributes:
        rail: Which.
        read: Gives its power in milliwatts or, for a counter, its energy in microjoules; None where it cannot be had.
        is_counter: Whether it counts energy.
        wraps_at_uj: At which energy a counter starts from zero again.
        window_s: Over which time a reading is an average; None where nobody says so.
        step_mw: By how much two readings differ at least; None where nobody says so.
    """

    rail: Rail
    read: Callable[[], float | None]
    is_counter: bool = False
    wraps_at_uj: float | None = None
    window_s: float | None = None
    step_mw: float | None = None


class Meter:
    """All rails of a board.

    Args:
        gauges: The rails.
        clock: Monotonic seconds.
    """

    def __init__(self, gauges: Sequence[Gauge], clock: Clock = time.monotonic) -> None:
        self._gauges = tuple(gauges)
        self._clock = clock
        self._counters = {g.rail.path: _Counter(g.wraps_at_uj) for g in gauges if g.is_counter}
        self._total = gauges_of_total(gauges)

    @property
    def rails(self) -> tuple[Rail, ...]:
        """Every rail, readable at the moment or not."""
        return tuple(gauge.rail for gauge in self._gauges)

    @property
    def total(self) -> tuple[Rail, ...]:
        """The rails that add up to the whole board; none where that cannot be read."""
        return tuple(gauge.rail for gauge in self._total)

    @property
    def window_s(self) -> float | None:
        """Over which time a reading of the total is an average; None where nobody says so."""
        windows = [gauge.window_s for gauge in self._total if gauge.window_s is not None]
        return max(windows) if windows and len(windows) == len(self._total) else None

    @property
    def step_mw(self) -> float | None:
        """How finely the total is resolved; None where nobody says so."""
        steps = [gauge.step_mw for gauge in self._total if gauge.step_mw is not None]
        return math.hypot(*steps) if steps and len(steps) == len(self._total) else None

    def sample(self) -> dict[str, float]:
        """Power of the rails by path, in milliwatts; a rail that cannot be read now is missing.

        A counter gives the mean since the sample before, and so nothing the first time.
        """
        readings = ((gauge, self._power_mw(gauge)) for gauge in self._gauges)
        return {gauge.rail.path: power for gauge, power in readings if power is not None}

    def total_mw(self, sample: dict[str, float]) -> float | None:
        """Power of the whole board in a sample; None where a part of it is missing."""
        parts = [sample.get(gauge.rail.path) for gauge in self._total]
        known = [part for part in parts if part is not None]
        return math.fsum(known) if known and len(known) == len(parts) else None

    def _power_mw(self, gauge: Gauge) -> float | None:
        value = gauge.read()
        counter = self._counters.get(gauge.rail.path)
        if counter is None or value is None:
            return value
        return counter.power_mw(value, self._clock())


class _Counter:
    """Turns an energy counter into power.

    Args:
        wraps_at_uj: Where it starts from zero again; None where it is not known to.
    """

    def __init__(self, wraps_at_uj: float | None) -> None:
        self._wraps_at_uj = wraps_at_uj
        self._before: tuple[float, float] | None = None

    def power_mw(self, energy_uj: float, now_s: float) -> float | None:
        """Mean power since the call before; None for the first, and after a reset."""
        before, self._before = self._before, (energy_uj, now_s)
        if before is None or now_s <= before[1]:
            return None
        used_uj = energy_uj - before[0]
        if used_uj < 0 and self._wraps_at_uj is not None:
            used_uj += self._wraps_at_uj
        return used_uj / _NJ_PER_UJ / (now_s - before[1]) if used_uj >= 0 else None


def gauges_of_total(gauges: Sequence[Gauge]) -> tuple[Gauge, ...]:
    """The gauges that add up to the whole machine, as far as they can be read now.

    Rails that feed others are never added to them. Of several ways to the total the first counts: the input of a Jetson
    board, or what it consists of; another rail whose role is the total, such as the platform domain of an Intel
    processor; processor packages and graphics cards together. DRAM, which packages do not contain, is not measured by
    the latter.
    """
    readable = [gauge for gauge in gauges if gauge.read() is not None]
    jetson = names_of_total(gauge.rail.name for gauge in readable)
    if jetson:
        return tuple(gauge for gauge in readable if gauge.rail.name in jetson)
    if total := [gauge for gauge in readable if gauge.rail.role == "total"]:
        return (total[0],)
    parts = [gauge for gauge in readable if gauge.rail.role in {"cpu", "gpu"}]
    return tuple(parts) if any(gauge.rail.role == "cpu" for gauge in parts) else ()
