"""The plan with the fewest stages and, among those, the least latency that keeps within a period."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from host.planner.problem import NEVER, Int64s, Option, Problem
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
        latency: The sum of their times.
    """

    legs: tuple[Leg, ...]
    latency: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Level:
    """All partial plans with the same number of stages that may still become the best.

    Attributes:
        codes: Their combinations of used cores, ascending.
        latency: The least latency, by (code, last processor, cut); `NEVER` where there is none.
    """

    codes: Codes
    latency: Int64s


def find_route(windows: Windows, *, max_stages: int, max_latency: int = NEVER) -> Route | None:
    """Looks for the plan with the fewest stages, then the least latency.

    Args:
        windows: How far stages reach within the period.
        max_stages: Most stages.
        max_latency: Most latency.

    Returns:
        The route; None when no plan keeps within all limits. Of several with the same latency one that uses
        the fewest cores.
    """
    levels: list[_Level] = []
    for level in _levels(windows, max_stages, max_latency):
        levels.append(level)
        latency, code, processor = _finish(windows.problem, level)
        if latency < NEVER:
            return Route(legs=_trace(windows, levels, code, processor), latency=latency)
    return None


def least_latency(windows: Windows, *, max_stages: int) -> int:
    """The least latency of any plan within the period; `NEVER` when there is none."""
    finishes = (_finish(windows.problem, level)[0] for level in _levels(windows, max_stages, NEVER))
    return min(finishes, default=NEVER)


def _levels(windows: Windows, max_stages: int, max_latency: int) -> Iterator[_Level]:
    problem = windows.problem
    undominated = Undominated(problem.grid, cuts=problem.layers + 1, worst=NEVER)
    level = _start(problem)
    for _ in range(max_stages):
        fresh = undominated.nothing()
        for option, ends in zip(problem.options, windows.ends, strict=True):
            _advance(problem, option, ends, level, fresh)
        fresh[fresh + problem.least_rest > max_latency] = NEVER
        codes = undominated.keep(fresh)
        if not codes.size:
            return
        latency = np.where(windows.hopeless(codes)[:, np.newaxis, :], NEVER, fresh[codes])
        level = _Level(codes=codes, latency=latency)
        yield level


def _start(problem: Problem) -> _Level:
    latency = np.full((1, len(problem.grid.shape), problem.layers + 1), NEVER, dtype=np.int64)
    latency[0, 0, 0] = 0
    return _Level(codes=np.zeros(1, dtype=np.int64), latency=latency)


def _advance(problem: Problem, option: Option, ends: Int64s, level: _Level, fresh: Int64s) -> None:
    fits = problem.grid.fits(level.codes, option.processor, option.units)
    prefix = problem.prefix[option.row]
    for before in range(len(problem.grid.shape)):
        rows = np.flatnonzero(fits & (level.latency[:, before] < NEVER).any(axis=1))
        latency = level.latency[rows, before]
        targets = level.codes[rows] + option.units * problem.grid.stride(option.processor)
        overhead = problem.transfer[before, option.processor] - prefix + problem.handover
        begun = np.where(latency < NEVER, latency + overhead, NEVER)
        ended = _least_over_windows(begun, ends[before])
        ended = np.where(ended < NEVER, ended + prefix, NEVER)
        fresh[targets, option.processor] = np.minimum(fresh[targets, option.processor], ended)


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


def _finish(problem: Problem, level: _Level) -> tuple[int, int, int]:
    """The least latency of a complete plan, with its code and last processor."""
    latency = level.latency[:, :, -1]
    latency = np.where(problem.grid.is_complete(level.codes)[:, np.newaxis], latency, NEVER)
    cores = problem.grid.used_cores(level.codes).sum(axis=1)
    row = int(np.lexsort((cores, latency.min(axis=1)))[0])
    processor = int(np.argmin(latency[row]))
    return int(latency[row, processor]), int(level.codes[row]), processor


def _trace(windows: Windows, levels: list[_Level], code: int, processor: int) -> tuple[Leg, ...]:
    """Finds the stages that led to a complete plan, from the last to the first."""
    problem = windows.problem
    cut, legs = problem.layers, []
    for index in range(len(levels) - 1, -1, -1):
        before = levels[index - 1] if index else _start(problem)
        leg, code_before, processor_before = _last_leg(windows, levels[index], before, (code, processor, cut))
        legs.append(leg)
        code, processor, cut = code_before, processor_before, leg.begin
    return tuple(reversed(legs))


def _last_leg(
    windows: Windows, level: _Level, before: _Level, state: tuple[int, int, int]
) -> tuple[Leg, int, int]:
    problem = windows.problem
    code, processor, cut = state
    latency = level.latency[np.searchsorted(level.codes, code), processor, cut]
    for option, ends in zip(problem.options, windows.ends, strict=True):
        code_before = code - option.units * problem.grid.stride(processor)
        rows = np.flatnonzero(before.codes == code_before)
        if option.processor != processor or not rows.size:
            continue
        prefix = problem.prefix[option.row]
        time = prefix[cut] - prefix + problem.transfer[:, processor] + problem.handover
        led_here = (before.latency[rows[0]] + time == latency) & (ends >= cut)
        led_here[:, cut:] = False
        if led_here.any():
            last, begin = np.argwhere(led_here)[0]
            return Leg(begin=int(begin), end=cut, option=option), code_before, int(last)
    raise AssertionError("a partial plan has no beginning")
