"""The plan that keeps within a period and takes the least of something that adds up over its stages."""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from host.planner.problem import NEVER, Int64s, Option, Problem
from host.planner.quantity import Quantity, latency_of
from host.planner.usage import Codes, Undominated
from host.planner.windows import Windows


@dataclass(frozen=True, slots=True, kw_only=True)
class Leg:
    """A stage of a route: from a cut to a later one.

    Attributes:
        begin: Cut before its first layer.
        end: Cut after its last layer.
        option: How it runs.
    """

    begin: int
    end: int
    option: Option


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """A complete plan in ticks.

    Attributes:
        legs: Its stages.
        total: What they take together.
    """

    legs: tuple[Leg, ...]
    total: int

    def period(self, problem: Problem) -> Fraction:
        """The largest contribution of its stages."""
        times = latency_of(problem)
        befores = (0, *(leg.option.processor for leg in self.legs))
        return max(
            Fraction(int(_taken(times, leg, before)), leg.option.replicas)
            for leg, before in zip(self.legs, befores, strict=False)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Level:
    """All partial plans with the same number of stages that may still become the best.

    Attributes:
        codes: Their combinations of used cores, ascending.
        least: The least that they take, by (code, last processor, cut); `NEVER` where there is none.
    """

    codes: Codes
    least: Int64s


def find_route(windows: Windows, quantity: Quantity, *, max_stages: int, most: int = NEVER) -> Route | None:
    """Looks for the plan with the fewest stages, then the least of a quantity.

    Args:
        windows: How far stages reach within the period.
        quantity: What adds up.
        max_stages: Most stages.
        most: Most of the quantity.

    Returns:
        The route; None when no plan keeps within all limits. Of several that take the same one that uses the fewest
        cores.
    """
    search = _Search(windows, quantity)
    for level in search.levels(max_stages, most):
        total, code, processor = search.finish(level)
        if total < NEVER:
            return Route(legs=search.trace(code, processor), total=total)
    return None


class _Search:
    """All partial plans, stage after stage.

    Args:
        windows: How far stages reach within the period.
        quantity: What adds up.
    """

    def __init__(self, windows: Windows, quantity: Quantity) -> None:
        self._windows = windows
        self._problem = windows.problem
        self._quantity = quantity
        self._levels = [_start(windows.problem)]

    def levels(self, max_stages: int, most: int) -> Iterator[_Level]:
        """Partial plans of one stage, of two, and so on, as long as there are any that may become the best."""
        problem = self._problem
        undominated = Undominated(problem.grid, cuts=problem.layers + 1, worst=NEVER)
        for _ in range(max_stages):
            fresh = undominated.nothing()
            for option, ends in zip(problem.options, self._windows.ends, strict=True):
                self._advance(option, ends, fresh)
            if most < NEVER:
                fresh[fresh + self._quantity.least_rest > most] = NEVER
            codes = undominated.keep(fresh)
            if not codes.size:
                return
            hopeless = self._windows.hopeless(codes)
            self._levels.append(_Level(codes=codes, least=np.where(hopeless, NEVER, fresh[codes])))
            yield self._levels[-1]

    def _advance(self, option: Option, ends: Int64s, fresh: Int64s) -> None:
        grid, level = self._problem.grid, self._levels[-1]
        fits = grid.fits(level.codes, option.processor, option.units)
        prefix = self._quantity.prefix[option.row]
        for before in range(len(grid.shape)):
            rows = np.flatnonzero(fits & (level.least[:, before] < NEVER).any(axis=1))
            taken = level.least[rows, before]
            targets = level.codes[rows] + option.units * grid.stride(option.processor)
            begun = np.where(
                taken < NEVER, taken + self._quantity.entry[before, option.processor] - prefix, NEVER
            )
            ended = _least_over_windows(begun, ends[before])
            ended = np.where(ended < NEVER, ended + prefix, NEVER)
            fresh[targets, option.processor] = np.minimum(fresh[targets, option.processor], ended)

    def finish(self, level: _Level) -> tuple[int, int, int]:
        """The least of a complete plan, with its code and last processor."""
        grid = self._problem.grid
        least = np.where(grid.is_complete(level.codes)[:, np.newaxis], level.least[:, :, -1], NEVER)
        cores = grid.used_cores(level.codes).sum(axis=1)
        row = int(np.lexsort((cores, least.min(axis=1)))[0])
        processor = int(np.argmin(least[row]))
        return int(least[row, processor]), int(level.codes[row]), processor

    def trace(self, code: int, processor: int) -> tuple[Leg, ...]:
        """Finds the stages that led to a complete plan of the last level, from the last to the first."""
        cut, legs = self._problem.layers, []
        for index in range(len(self._levels) - 1, 0, -1):
            state = (code, processor, cut)
            leg, code, processor = self._last_leg(self._levels[index], self._levels[index - 1], state)
            legs.append(leg)
            cut = leg.begin
        return tuple(reversed(legs))

    def _last_leg(self, level: _Level, before: _Level, state: tuple[int, int, int]) -> tuple[Leg, int, int]:
        code, processor, cut = state
        least = level.least[np.searchsorted(level.codes, code), processor, cut]
        for option, ends in zip(self._problem.options, self._windows.ends, strict=True):
            code_before = code - option.units * self._problem.grid.stride(processor)
            rows = np.flatnonzero(before.codes == code_before)
            if option.processor != processor or not rows.size:
                continue
            prefix = self._quantity.prefix[option.row]
            taken = prefix[cut] - prefix + self._quantity.entry[:, processor]
            led_here = (before.least[rows[0]] + taken == least) & (ends >= cut)
            led_here[:, cut:] = False
            if led_here.any():
                last, begin = np.argwhere(led_here)[0]
                return Leg(begin=int(begin), end=cut, option=option), code_before, int(last)
        raise AssertionError("a partial plan has no beginning")


def _taken(quantity: Quantity, leg: Leg, before: int) -> int:
    prefix = quantity.prefix[leg.option.row]
    return int(prefix[leg.end] - prefix[leg.begin] + quantity.entry[before, leg.option.processor, leg.begin])


def _start(problem: Problem) -> _Level:
    least = np.full((1, len(problem.grid.shape), problem.layers + 1), NEVER, dtype=np.int64)
    least[0, 0, 0] = 0
    return _Level(codes=np.zeros(1, dtype=np.int64), least=least)


def _least_over_windows(values: Int64s, ends: Int64s) -> Int64s:
    """Carries every value to all cuts of its window, keeping the least.

    Args:
        values: By (row, cut); `NEVER` where there is none.
        ends: For each cut the last of its window, which begins right after it; 0 where there is no window.

    Returns:
        For each row and cut the least value of all windows that hold the cut. Each window is covered by two
        blocks whose length is a power of two; blocks are handed down by halves, so that the work grows with
        the logarithm of the longest window only.
    """
    begins = np.flatnonzero((ends > 0) & (values < NEVER).any(axis=0))
    least = np.full(values.shape, NEVER, dtype=np.int64)
    if not begins.size:
        return least
    exponents = np.frexp(ends[begins] - begins)[1] - 1
    for exponent in range(int(exponents.max()), -1, -1):
        length = 1 << exponent
        here = begins[exponents == exponent]
        least[:, here + 1] = np.minimum(least[:, here + 1], values[:, here])
        _lower(least, ends[here] - length + 1, values[:, here])
        if exponent:
            half = length // 2
            least[:, half:] = np.minimum(least[:, half:], least[:, :-half].copy())
    return least


def _lower(least: Int64s, columns: Int64s, values: Int64s) -> None:
    """Lowers columns of `least` to values; a column may be named several times."""
    if not columns.size:
        return
    order = np.argsort(columns, kind="stable")
    different, first = np.unique(columns[order], return_index=True)
    lowest = np.minimum.reduceat(values[:, order], first, axis=1)
    least[:, different] = np.minimum(least[:, different], lowest)
