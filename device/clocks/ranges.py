"""A clock with a lowest and a highest frequency: which steps it has, and in which order its two files are written."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from device.files import Files

UNLIMITED = -1
"""Stands for the highest step, as in `nvpmodel.conf`."""

_INT_MAX = 2**31 - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Clock:
    """The files of one clock.

    Attributes:
        lower: Path of the lowest frequency that is allowed.
        upper: Path of the highest.
        current: Path of the present one.
        table: Path of the steps.
    """

    lower: str
    upper: str
    current: str
    table: str

    def steps(self, files: Files) -> tuple[int, ...]:
        """All frequencies that it can have, ascending; none where they are not told."""
        return read_steps(files, self.table)


@dataclass(frozen=True, slots=True, kw_only=True)
class Range:
    """What a setting wants of a clock, in the clock's unit.

    Attributes:
        clock: Which one.
        lowest: None to leave it.
        highest: None to leave it; `UNLIMITED` for the highest step.
    """

    clock: Clock
    lowest: int | None = None
    highest: int | None = None

    def resolve(self, files: Files) -> dict[str, str]:
        """The values for its files, rounded to steps; none where the clock is not there, as on a CPU that is off."""
        steps = self.clock.steps(files)
        wanted = {self.clock.lower: self.lowest, self.clock.upper: self.highest}
        return {
            path: str(round_to_step(steps, value))
            for path, value in wanted.items()
            if value is not None and files.exists(path)
        }


def read_steps(files: Files, path: str) -> tuple[int, ...]:
    """The frequencies in a file, ascending."""
    return tuple(sorted({int(word) for word in re.findall(r"\d+", files.maybe(path) or "")}))


def round_to_step(steps: Sequence[int], wanted: int) -> int:
    """The step that stands for a frequency: the lowest that is not below it, else the highest.

    That is what the rounded values of NVIDIA's own modes for the TX2 agree with: 1120 MHz is 1122, 1400 is 1420.8.

    Args:
        steps: Ascending; empty where they are not known, and then nothing is rounded.
        wanted: A frequency, or `UNLIMITED`.
    """
    if not steps:
        return _INT_MAX if wanted == UNLIMITED else wanted
    if wanted == UNLIMITED:
        return steps[-1]
    return next((step for step in steps if step >= wanted), steps[-1])


def pair_order(lower: str, upper: str, *, wanted_upper: int, present_upper: int) -> tuple[str, str]:
    """The order that keeps the lowest frequency at or below the highest all the time, as Linux insists.

    Going down, the lowest is written first; going up, the highest.
    """
    return (upper, lower) if wanted_upper >= present_upper else (lower, upper)
