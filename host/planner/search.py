"""The least period of any plan, found by asking for which periods there is a plan."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from typing import Final

from host.planner.bound import Bound
from host.planner.problem import NEVER, Problem
from host.planner.quantity import latency_of
from host.planner.reach import is_reachable
from host.planner.routes import Route, find_route
from host.planner.windows import Windows

_FIRST_STEP: Final = Fraction(1, 64)
_BOUND_SLACK: Final = Fraction(999_999_999, 1_000_000_000)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Limits of a search, in ticks.

    Attributes:
        source_period: No plan is faster, and none needs to be.
        max_stages: Most stages.
        max_latency: Most latency; `NEVER` without a limit.
    """

    source_period: Fraction
    max_stages: int
    max_latency: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """The best plan at one operating point, in ticks.

    Attributes:
        problem: Where it was found.
        period: The least period.
        route: Its stages.
    """

    problem: Problem
    period: Fraction
    route: Route

    @property
    def rank(self) -> tuple[Fraction, int, int, int]:
        """What is compared: period, number of stages, latency; then the operating points' order."""
        return self.period, len(self.route.legs), self.route.total, self.problem.point_index


def best_candidate(
    problem: Problem, bound: Bound, limits: Limits, ceiling: Fraction | None = None
) -> Candidate | None:
    """Finds the plan with the least period, then the fewest stages, then the least latency.

    Args:
        problem: The search space.
        bound: Its bound.
        limits: Limits of the search.
        ceiling: Slower plans are of no interest.

    Returns:
        The plan; None when there is none within the limits.
    """

    def is_possible(windows: Windows) -> bool:
        if limits.max_latency < NEVER:
            return _route(windows, limits) is not None
        return is_reachable(windows, limits.max_stages)

    floor = max(limits.source_period, Fraction(bound.period) * _BOUND_SLACK)
    ceiling = Fraction(NEVER) if ceiling is None else ceiling
    period = _least_period(partial(Windows, problem, bound), floor, ceiling, is_possible)
    if period is None:
        return None
    period = max(period, limits.source_period)
    route = _route(Windows(problem, bound, period), limits)
    return Candidate(problem=problem, period=period, route=route) if route else None


def best_over_points(
    problems: Sequence[Problem], bounds: Sequence[Bound], limits: Limits
) -> Candidate | None:
    """The best plan over several operating points; the most promising ones first, so that most others need one look."""
    best: Candidate | None = None
    for problem, bound in sorted(zip(problems, bounds, strict=True), key=lambda pair: pair[1].period):
        ceiling: Fraction | None = best.period if best else None
        found = best_candidate(problem, bound, limits, ceiling)
        if found and (best is None or found.rank < best.rank):
            best = found
    return best


def _route(windows: Windows, limits: Limits) -> Route | None:
    latency = latency_of(windows.problem)
    return find_route(windows, latency, max_stages=limits.max_stages, most=limits.max_latency)


def _least_period(
    windows: Callable[[Fraction], Windows],
    floor: Fraction,
    ceiling: Fraction,
    is_possible: Callable[[Windows], bool],
) -> Fraction | None:
    """The least possible period between two limits, exactly.

    Between two neighbouring contributions that a stage can have, nothing changes. So a period that is
    possible may be lowered to the contribution below it, one that is not may be raised to the contribution
    above it, and the search ends when the two meet.
    """
    highest = windows(ceiling)
    if ceiling < floor or not is_possible(highest):
        return None
    lowest = windows(floor)
    if is_possible(lowest):
        return lowest.used_period()
    high = highest.used_period()
    low, step = floor, floor * _FIRST_STEP
    while (above := windows(low).next_period()) is not None and above < high:
        middle = windows(max(above, min((low + high) / 2, low + step) if step else (low + high) / 2))
        if is_possible(middle):
            high = middle.used_period()
        else:
            low, step = middle.period, step * 2
    return high
