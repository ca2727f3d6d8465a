"""What a partial plan takes at least before it is complete: the bounds that keep the search for plans small.

The same recursion as over partial plans, from the end of the network to its beginning: for every combination of used
cores, every last processor and every cut the least time and, apart from it, the least energy of all stages that may
follow and keep within a period.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from host.planner.bound import Bound
from host.planner.problem import NEVER, Floats, Int64s, Option, Problem
from host.planner.quantity import Quantity
from host.planner.windows import Windows

_SLACK: Final = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """The least of what follows a partial plan.

    Attributes:
        period: Of the largest contribution, by (code of used cores, cut); `NEVER` where no cores are left.
        sums: Of each quantity, by (quantity, code, last processor, cut); infinite where nothing can follow.
    """

    period: Floats
    sums: Floats

    def after(self, code: Int64s, processor: Int64s, cut: Int64s) -> tuple[Floats, Floats]:
        """The least period and the least of each quantity, by (quantity, row), of what follows partial plans.

        Args:
            code: Used cores of each.
            processor: Where its last stage runs.
            cut: Where that ends.
        """
        _, _, processors, cuts = self.sums.shape
        sums = self.sums.reshape(self.sums.shape[0], -1).take(
            (code * processors + processor) * cuts + cut, axis=1
        )
        return self.period.ravel().take(code * cuts + cut), sums


def look_ahead(windows: Windows, quantities: tuple[Quantity, ...]) -> Outlook:
    """Computes what follows within the windows' period.

    Args:
        windows: How far stages reach.
        quantities: What adds up; each is looked at by itself.
    """
    problem = windows.problem
    grid = problem.grid
    codes = np.arange(grid.size)
    sums = np.full((len(quantities), grid.size, len(grid.shape), problem.layers + 1), np.inf)
    sums[:, grid.is_complete(codes), :, -1] = 0.0
    used = sum(grid.used_units(codes, processor) for processor in range(len(grid.shape)))
    steps = _steps(windows, quantities)
    for amount in range(int(np.max(used)) - 1, -1, -1):
        here = np.flatnonzero(used == amount)
        for step in steps:
            before = here[grid.fits(here, step.processor, step.units)]
            if before.size:
                after = sums[:, before + step.units * grid.stride(step.processor), step.processor]
                sums[:, before] = np.minimum(sums[:, before], step.least(after))
    return Outlook(period=_least_periods(problem, windows.bound), sums=sums)


def _steps(windows: Windows, quantities: tuple[Quantity, ...]) -> list["_Step"]:
    """One for all options that take the same units of the same processor: they are looked at together."""
    alike: dict[tuple[int, int], list[tuple[Option, Int64s]]] = defaultdict(list)
    for option, ends in zip(windows.problem.options, windows.ends, strict=True):
        if ends.any():
            alike[option.processor, option.units].append((option, ends))
    return [_Step(windows.problem, *key, options, quantities) for key, options in alike.items()]


class _Step:
    """One more stage of some options, seen from where it begins.

    Args:
        problem: The search space.
        processor: Where all of the options run.
        units: What each of them takes of it.
        options: The options, and how far each reaches.
        quantities: What adds up.
    """

    def __init__(
        self,
        problem: Problem,
        processor: int,
        units: int,
        options: Sequence[tuple[Option, Int64s]],
        quantities: tuple[Quantity, ...],
    ) -> None:
        self.processor = processor
        self.units = units
        cuts = np.arange(problem.layers + 1)
        ends = np.array([ends for _, ends in options])
        level = np.frexp(np.maximum(ends - cuts, 1))[1] - 1
        self._levels = int(level.max()) + 1
        first = np.minimum(cuts + 1, problem.layers)
        last = np.clip(ends - (1 << level) + 1, 0, problem.layers)
        blocks = level + self._levels * np.arange(len(options))[:, np.newaxis, np.newaxis]
        self._head = (blocks * (problem.layers + 1) + first).ravel()
        self._tail = (blocks * (problem.layers + 1) + last).ravel()
        self._shape = ends.shape
        rows = [option.row for option, _ in options]
        self._prefix = np.array([quantity.prefix[rows] for quantity in quantities], dtype=np.float64)
        entry = np.array([quantity.entry[:, processor] for quantity in quantities], dtype=np.float64)
        begin = np.where((entry >= NEVER)[:, np.newaxis] | (ends == 0), np.inf, entry[:, np.newaxis])
        self._begin = (begin - self._prefix[:, :, np.newaxis])[:, np.newaxis]

    def least(self, after: Floats) -> Floats:
        """The least of the stage and what follows it, by (quantity, code, processor before, cut).

        Args:
            after: The least of what follows the stage, by (quantity, code, cut).

        The least over a window is the least of the two blocks, of a power of two of cuts each, that cover it.
        """
        quantities, codes, cuts = after.shape
        blocks = np.empty((quantities, codes, self._shape[0], self._levels, cuts))
        np.add(after[:, :, np.newaxis], self._prefix[:, np.newaxis], out=blocks[:, :, :, 0])
        for level in range(1, self._levels):
            half = 1 << (level - 1)
            shorter, longer = blocks[:, :, :, level - 1], blocks[:, :, :, level]
            np.minimum(shorter[..., :-half], shorter[..., half:], out=longer[..., :-half])
            longer[..., -half:] = shorter[..., -half:]
        flat = blocks.reshape(quantities, codes, -1)
        least = np.minimum(flat.take(self._head, axis=2), flat.take(self._tail, axis=2))
        taken = least.reshape(quantities, codes, *self._shape)
        taken += self._begin
        best: Floats = taken.min(axis=2)
        return best


def _least_periods(problem: Problem, bound: Bound) -> Floats:
    """What free cores need at least for the layers after a cut, by (code, cut)."""
    grid = problem.grid
    free = np.array(grid.cores) - grid.used_cores(np.arange(grid.size))
    worth = (free @ bound.prices)[:, np.newaxis]
    rest = np.maximum(bound.rest - _SLACK * (bound.rest[0] + 1), 0.0)
    periods = np.where(rest > 0, float(NEVER), np.zeros_like(worth))
    np.divide(rest, worth, out=periods, where=worth > 0)
    return periods
