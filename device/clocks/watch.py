"""Whether a board's clocks were the same before and after a measurement."""

import logging
import re
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from device.clocks.controls import CPUS
from device.clocks.cpufreq import cpu_clock
from device.clocks.setting import snapshot
from device.errors import VoidMeasurementError
from device.files import Files

_log = logging.getLogger(__name__)

_T = TypeVar("_T")

PAUSES_S = (0.5, 1.0, 2.0, 4.0, 8.0)
"""A measurement that the clocks have spoiled is made again after these times, in which a board cools down a little."""

_THERMAL = "sys/class/thermal"
_COOLS_BY_SLOWING = re.compile(r"cpu|gpu|freq|processor|throttle|balanced", re.IGNORECASE)
_NEAR = 0.02
"""A held clock that reads farther off than this part of it was slowed down; counters read a little beside the step."""

Texts = Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockReading:
    """What a board showed at one moment.

    Attributes:
        limits: Highest and lowest frequencies, CPUs that run, the memory's cap, by path.
        frequencies_khz: Of the watched CPUs whose clock is held at one frequency, by CPU.
        slowing: States of what slows clocks down to cool the board, 0 where it does not, by path.
        slowed: How often clocks were slowed down, where Linux counts that, by path.
        hot: Zones that are at or above the temperature from which Linux slows down, by path, with that temperature.
    """

    limits: Texts
    frequencies_khz: Mapping[int, int]
    slowing: Texts
    slowed: Texts
    hot: Texts


class ClockWatch:
    """Looks at clocks around measurements.

    Args:
        files: Where to look.
        cpus: Those that are measured.
    """

    def __init__(self, files: Files, cpus: Collection[int]) -> None:
        self._files = files
        self._cpus = tuple(cpus)
        self._slowing = _slowing_paths(files)
        self._slowed = tuple(f"{CPUS}/cpu{cpu}/thermal_throttle/core_throttle_count" for cpu in cpus)
        self._trips = _trips(files)
        self._limits = snapshot(files)

    def read(self) -> ClockReading:
        """What the board shows now."""
        limits = snapshot(self._files)
        return ClockReading(
            limits=limits,
            frequencies_khz={cpu: khz for cpu in self._cpus if (khz := self._held_khz(cpu)) is not None},
            slowing=_texts(self._files, self._slowing),
            slowed=_texts(self._files, self._slowed),
            hot={path: trip for path, trip in self._trips.items() if self._is_hot(path, trip)},
        )

    def change(self, before: ClockReading, after: ClockReading) -> str | None:
        """Why what was measured between two readings does not count; None where it does.

        Limits count from when the watch began: a mode that somebody changed for good stays a change.
        """
        return (
            _difference("limit", self._limits, after.limits)
            or _difference("limit", before.limits, after.limits)
            or _difference("count", before.slowed, after.slowed)
            or next((f"/{path} is {text}: clocks are slowed down" for path, text in after.slowing.items()
                     if text != "0"), None)
            or self._too_slow(after)
            or next((f"{_zone(path)} reached {_celsius(trip)} degrees C, from where Linux slows down"
                     for path, trip in after.hot.items() if path not in before.hot), None)
        )  # fmt: skip

    def _held_khz(self, cpu: int) -> int | None:
        clock = cpu_clock(cpu)
        lower, upper = self._files.maybe(clock.lower), self._files.maybe(clock.upper)
        current = self._files.maybe(clock.current) or ""
        return int(current) if lower is not None and lower == upper and current.isdecimal() else None

    def _too_slow(self, reading: ClockReading) -> str | None:
        for cpu, khz in reading.frequencies_khz.items():
            wanted = int(
                reading.limits.get(cpu_clock(cpu).upper) or self._files.maybe(cpu_clock(cpu).upper) or 0
            )
            if abs(khz - wanted) > _NEAR * wanted:
                return f"CPU {cpu} ran at {khz} kHz instead of {wanted}"
        return None

    def _is_hot(self, path: str, trip: str) -> bool:
        text = self._files.maybe(path) or ""
        return text.isdecimal() and int(text) >= int(trip)


def watched(
    measure: Callable[[], _T], watch: ClockWatch, sleep: Callable[[float], object] = time.sleep
) -> _T:
    """Measures, again where the clocks changed meanwhile: what was measured then is thrown away.

    Args:
        measure: Measures once.
        watch: Looks at the clocks.
        sleep: Waits for some seconds.

    Raises:
        VoidMeasurementError: They changed each time.
    """
    reason: str | None = None
    for pause_s in (0.0, *PAUSES_S):
        if reason is not None:
            _log.warning("a measurement is void: %s", reason)
            sleep(pause_s)
        before = watch.read()
        found = measure()
        reason = watch.change(before, watch.read())
        if reason is None:
            return found
    raise VoidMeasurementError(
        f"the clocks changed during {1 + len(PAUSES_S)} measurements in a row: {reason}",
        hint="let the board cool down, leave its mode alone while it measures, or choose a lower operating point",
    )


def _difference(what: str, before: Texts, after: Texts) -> str | None:
    for path in sorted(before.keys() | after.keys()):
        if before.get(path) != after.get(path):
            return (
                f"the {what} /{path} went from {before.get(path, 'nothing')} to {after.get(path, 'nothing')}"
            )
    return None


def _slowing_paths(files: Files) -> tuple[str, ...]:
    return tuple(
        f"{path.removesuffix('type')}cur_state"
        for path in files.glob(f"{_THERMAL}/cooling_device*/type")
        if _COOLS_BY_SLOWING.search(files.maybe(path) or "")
    )


def _texts(files: Files, paths: Iterable[str]) -> dict[str, str]:
    return {path: text for path in paths if (text := files.maybe(path)) is not None}


def _trips(files: Files) -> dict[str, str]:
    """For each zone's temperature the lowest one from which Linux slows clocks down."""
    found: dict[str, str] = {}
    for path in files.glob(f"{_THERMAL}/thermal_zone*/trip_point_*_type"):
        trip = files.maybe(path.removesuffix("type") + "temp") or ""
        if files.maybe(path) == "passive" and trip.isdecimal() and int(trip) > 0:
            zone = f"{path.rpartition('/')[0]}/temp"
            found[zone] = min(found.get(zone, trip), trip, key=int)
    return found


def _zone(path: str) -> str:
    return path.split("/")[-2]


def _celsius(millidegrees: str) -> str:
    return f"{int(millidegrees) / 1e3:.0f}"
