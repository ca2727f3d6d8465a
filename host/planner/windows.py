"""How far a stage can reach within a period, and at which period it would reach further."""

from fractions import Fraction
from functools import cached_property
from typing import Final

import numpy as np

from host.planner.bound import Bound
from host.planner.partials import Bools
from host.planner.problem import NEVER, Floats, Int64s, Option, Problem
from host.planner.usage import Codes

_SLACK: Final = 1e-9


class Windows:
    """The stages of a problem that keep within a period.

    Args:
        problem: The search space.
        bound: Its bound, whose prices tell which partial plans cannot be completed.
        period: The most that a stage may contribute, in ticks.
    """

    def __init__(self, problem: Problem, bound: Bound, period: Fraction) -> None:
        self.problem = problem
        self.bound = bound
        self.period = period
        self._cuts = np.arange(problem.layers + 1)

    @cached_property
    def ends(self) -> tuple[Int64s, ...]:
        """For each option the furthest cut that a stage reaches, by (processor before, cut where it begins).

        All cuts up to the furthest can be reached as well. 0 where a stage cannot have a single layer.
        """
        return tuple(self._ends(option) for option in self.problem.options)

    @cached_property
    def ends_by_units(self) -> dict[tuple[int, int], Int64s]:
        """The furthest of all options that take the same units of the same processor."""
        furthest: dict[tuple[int, int], Int64s] = {}
        for option, ends in zip(self.problem.options, self.ends, strict=True):
            key = (option.processor, option.units)
            furthest[key] = np.maximum(furthest[key], ends) if key in furthest else ends
        return furthest

    @cached_property
    def ends_by_groups(self) -> dict[tuple[int, int], list[tuple[tuple[int, ...], Int64s]]]:
        """The same, with the processors before in groups: those from which a stage reaches equally far."""
        return {key: _groups_of(ends) for key, ends in self.ends_by_units.items() if ends.any()}

    def hopeless(self, codes: Codes) -> Bools:
        """Where free cores do not suffice for the remaining layers, by (code of used cores, last processor, cut)."""
        grid = self.problem.grid
        free = (np.array(grid.cores) - grid.used_cores(codes)) @ self.bound.prices + _SLACK
        hopeless: Bools = self.least_worth > free[:, np.newaxis, np.newaxis]
        return hopeless

    @cached_property
    def least_worth(self) -> Floats:
        """What the cores of all stages after a cut are worth at least, by (processor before, cut).

        All cores of the board are worth 1. Whatever little a stage does, its cores are not free for another: that makes
        it a much stronger bound than that of a fractional split. Infinite where no stages can follow.
        """
        layers = self.problem.layers
        keys = list(self.ends_by_units)
        runs_on = np.array([processor for processor, _ in keys])[:, np.newaxis]
        price = np.array([self._price(processor, units) for processor, units in keys])[:, np.newaxis]
        # by (cut, key, processor before), so that what belongs to a cut lies together
        lengths = np.array([(ends - self._cuts).T for ends in self.ends_by_units.values()]).swapaxes(0, 1)
        prices = np.where(lengths > 0, price, np.inf)
        last = np.maximum(lengths, 1) - 1
        furthest = np.maximum(lengths.max(axis=(1, 2)), 0)
        least = np.full((len(self.problem.grid.shape), layers + 1), np.inf)
        least[:, -1] = 0.0
        for cut in np.flatnonzero(furthest)[::-1].tolist():
            reach = np.minimum.accumulate(least[:, cut + 1 : cut + 1 + furthest[cut]], axis=1)
            worth = reach[runs_on, last[cut]] + prices[cut]
            least[:, cut] = worth.min(axis=0)
        return least

    def _price(self, processor: int, units: int) -> float:
        return float(self.bound.prices[processor]) * units * self.problem.grid.units[processor]

    def used_period(self) -> Fraction:
        """The largest contribution of any stage that keeps within the period: no stage needs more."""
        largest = Fraction(0)
        for option, ends in zip(self.problem.options, self.ends, strict=True):
            time = self._time(option, ends)[ends > 0].max(initial=0)
            largest = max(largest, Fraction(int(time), option.replicas))
        return largest

    def next_period(self) -> Fraction | None:
        """The smallest contribution that does not keep within the period; None when all do."""
        candidates = []
        for option, ends in zip(self.problem.options, self.ends, strict=True):
            further = np.maximum(ends, self._cuts) + 1
            exists = further <= self.problem.stop[option.row]
            if exists.any():
                time = self._time(option, np.minimum(further, self.problem.layers))[exists].min()
                candidates.append(Fraction(int(time), option.replicas))
        return min(candidates, default=None)

    def _ends(self, option: Option) -> Int64s:
        problem = self.problem
        room = min(int(self.period * option.replicas), NEVER) - problem.handover
        prefix = problem.prefix[option.row]
        latest = prefix - problem.transfer[:, option.processor] + room
        ends = np.minimum(np.searchsorted(prefix, latest, side="right") - 1, problem.stop[option.row])
        reached: Int64s = np.where(ends > self._cuts, ends, 0)
        return reached

    def _time(self, option: Option, ends: Int64s) -> Int64s:
        problem = self.problem
        prefix = problem.prefix[option.row]
        time: Int64s = prefix[ends] - prefix + problem.transfer[:, option.processor] + problem.handover
        return time


def _groups_of(rows: Int64s) -> list[tuple[tuple[int, ...], Int64s]]:
    """Positions of equal rows, and the row."""
    found: dict[bytes, list[int]] = {}
    for position, row in enumerate(rows):
        found.setdefault(row.tobytes(), []).append(position)
    return [(tuple(positions), rows[positions[0]]) for positions in found.values()]
