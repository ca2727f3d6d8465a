"""The plan that takes the least energy a frame: what its layers take, and what the idle board takes in its period.

The two pull apart, since a faster plan may take more for its layers. For one limit on the period, the plan with the
least energy for its layers is found like the one with the least latency; which limit is best is found by branch and
bound over intervals of periods. Of the plans in an interval none takes less for its layers than the best one within its
upper end, and none waits less than its lower end.
"""

import heapq
from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Final

from host.planner.bound import Bound
from host.planner.problem import NEVER, Problem
from host.planner.quantity import Quantity, idle_energy
from host.planner.routes import Route, least_route
from host.planner.search import Limits
from host.planner.ticks import Ticks
from host.planner.windows import Windows

_BOUND_SLACK: Final = Fraction(999_999_999, 1_000_000_000)


@dataclass(frozen=True, slots=True, kw_only=True)
class Space:
    """One operating point to look at.

    Attributes:
        problem: Its plans.
        bound: No plan has a shorter period.
        energy: What layers and transfers take.
    """

    problem: Problem
    bound: Bound
    energy: Quantity


@dataclass(frozen=True, slots=True, kw_only=True)
class Frugal:
    """The plan with the least energy.

    Attributes:
        problem: Where it was found.
        route: Its stages.
        energy_uj: Energy a frame, the idle board's included.
    """

    problem: Problem
    route: Route
    energy_uj: Fraction


@dataclass(frozen=True, slots=True, order=True)
class _Interval:
    """Plans of one operating point whose period is above `low` and at most `high`, in ticks.

    None of them takes less energy than `least_uj`; `number` only keeps intervals in the order in which they came.
    """

    least_uj: Fraction
    number: int
    space: Space = field(compare=False)
    low: Fraction = field(compare=False)
    high: Fraction = field(compare=False)


class FrugalSearch:
    """Looks for the plan with the least energy over some operating points.

    Args:
        limits: Limits of the search; latency is not limited.
        longest: No period is longer, in ticks.
        time: Ticks of a microsecond.
        energy: Ticks of a microjoule.
    """

    def __init__(self, limits: Limits, longest: Fraction, time: Ticks, energy: Ticks) -> None:
        self._limits = limits
        self._longest = longest
        self._time = time
        self._energy = energy
        self._open: list[_Interval] = []
        self._best: Frugal | None = None
        self._count = 0

    def run(self, spaces: Sequence[Space]) -> Frugal | None:
        """The best plan; None when there is none that is fast enough."""
        for space in spaces:
            low = Fraction(space.bound.period) * _BOUND_SLACK
            self._put(space, low, self._longest, int(space.energy.least_rest[0]))
        while self._open:
            interval = heapq.heappop(self._open)
            if self._best is not None and interval.least_uj >= self._best.energy_uj:
                break
            self._look(interval)
        return self._best

    def _look(self, interval: _Interval) -> None:
        space = interval.space
        windows = Windows(space.problem, space.bound, interval.high)
        route = least_route(windows, space.energy, max_stages=self._limits.max_stages)
        if route is None:
            return
        period = route.period(space.problem)
        energy_uj = self._least_uj(space, route.total, period)
        if self._best is None or energy_uj < self._best.energy_uj:
            self._best = Frugal(problem=space.problem, route=route, energy_uj=energy_uj)
        high = period - _less(space.problem)
        if high > interval.low:
            middle = (interval.low + high) / 2
            self._put(space, interval.low, middle, route.total)
            self._put(space, middle, high, route.total)

    def _put(self, space: Space, low: Fraction, high: Fraction, energy: int) -> None:
        if high > low and high > 0:
            least_uj = self._least_uj(space, energy, low)
            self._count += 1
            heapq.heappush(self._open, _Interval(least_uj, self._count, space, low, high))

    def _least_uj(self, space: Space, energy: int, period: Fraction) -> Fraction:
        waited = max(period, self._limits.source_period)
        idle_uj = idle_energy(space.problem.point.idle_power_mw or 0.0, self._time.units(waited))
        return self._energy.units(energy) + idle_uj


def _less(problem: Problem) -> Fraction:
    """Less than the difference of any two periods, which are whole ticks over numbers of replicas."""
    most = max(option.replicas for option in problem.options)
    return Fraction(1, most * most + 1)


def longest_period(source_period: Fraction, limit: Fraction | None) -> Fraction | None:
    """The longest period that a limit allows; None where the source is slower than that."""
    if limit is None:
        return Fraction(NEVER)
    return limit if source_period <= limit else None
