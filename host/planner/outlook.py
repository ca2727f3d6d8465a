"""What a partial plan takes at least before it is complete: the bounds that keep the search for plans small.

The same recursion as over partial plans, from the end of the network to its beginning: for every combination of used
cores, every last processor and every cut the least time and, apart from it, the least energy of all stages that may
follow and keep within a period.
"""

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
    steps = [
        _Step(problem, option, ends, quantities)
        for option, ends in zip(problem.options, windows.ends, strict=True)
        if ends.any()
    ]
    for amount in range(int(np.max(used)) - 1, -1, -1):
        here = np.flatnonzero(used == amount)
        for step in steps:
            option = step.option
            before = here[grid.fits(here, option.processor, option.units)]
            if before.size:
                after = sums[:, before + option.units * grid.stride(option.processor), option.processor]
                sums[:, before] = np.minimum(sums[:, before], step.least(after))
    return Outlook(period=_least_periods(problem, windows.bound), sums=sums)


class _Step:
    """One more stage of one option, seen from where it begins."""

    def __init__(
        self, problem: Problem, option: Option, ends: Int64s, quantities: tuple[Quantity, ...]
    ) -> None:
        self.option = option
        cuts = np.arange(problem.layers + 1)
        length = np.maximum(ends - cuts, 1)
        level = np.frexp(length)[1] - 1
        self._levels = int(level.max()) + 1
        first = np.minimum(cuts + 1, problem.layers)
        last = np.clip(ends - (1 << level) + 1, 0, problem.layers)
        self._head = (level * (problem.layers + 1) + first).ravel()
        self._tail = (level * (problem.layers + 1) + last).ravel()
        self._shape = ends.shape
        self._prefix = np.array([quantity.prefix[option.row] for quantity in quantities], dtype=np.float64)
        entry = np.array([quantity.entry[:, option.processor] for quantity in quantities], dtype=np.float64)
        entry[(entry >= NEVER) | (ends == 0)] = np.inf
        self._begin = (entry - self._prefix[:, np.newaxis])[:, np.newaxis]

    def least(self, after: Floats) -> Floats:
        """The least of the stage and what follows it, by (quantity, code, processor before, cut).

        Args:
            after: The least of what follows the stage, by (quantity, code, cut).

        The least over a window is the least of the two blocks, of a power of two of cuts each, that cover it.
        """
        quantities, codes, cuts = after.shape
        blocks = np.empty((quantities, codes, self._levels, cuts))
        blocks[:, :, 0] = after + self._prefix[:, np.newaxis]
        for level in range(1, self._levels):
            half = 1 << (level - 1)
            blocks[:, :, level] = blocks[:, :, level - 1]
            np.minimum(
                blocks[:, :, level, :-half],
                blocks[:, :, level - 1, half:],
                out=blocks[:, :, level, :-half],
            )
        flat = blocks.reshape(quantities, codes, -1)
        least = np.minimum(flat.take(self._head, axis=2), flat.take(self._tail, axis=2))
        taken: Floats = least.reshape(quantities, codes, *self._shape) + self._begin
        return taken


def _least_periods(problem: Problem, bound: Bound) -> Floats:
    """What free cores need at least for the layers after a cut, by (code, cut)."""
    grid = problem.grid
    free = np.array(grid.cores) - grid.used_cores(np.arange(grid.size))
    worth = (free @ bound.prices)[:, np.newaxis]
    rest = np.maximum(bound.rest - _SLACK * (bound.rest[0] + 1), 0.0)
    periods = np.where(rest > 0, float(NEVER), np.zeros_like(worth))
    np.divide(rest, worth, out=periods, where=worth > 0)
    return periods
