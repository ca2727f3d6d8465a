"""The search for plans under any limits, by several things that add up at once.

Partial plans grow stage by stage; of two with the same end and the same used cores the one that is worse in everything
is dropped, and so is every one that what has been found already beats, whatever follows it. That is strong where little
is left open. So the search space is divided by operating points and into narrow intervals of periods: within one, a
stage's reach and the energy of the idle board are nearly given, and what follows a partial plan is known well.
"""

import heapq
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from typing import Final

import numpy as np

from host.errors import InputError
from host.planner.bound import Bound
from host.planner.goals import Bounds, Found, Goal
from host.planner.outlook import Outlook, look_ahead
from host.planner.partials import Bools, Partials, undominated
from host.planner.problem import NEVER, Floats, Int64s, Option, Problem
from host.planner.quantity import Quantity, latency_of
from host.planner.routes import Leg
from host.planner.search import Limits
from host.planner.windows import Windows

_INTERVALS_IN_OUTLOOK: Final = 8
_LOG_RATIO: Final = math.log(2) / _INTERVALS_IN_OUTLOOK
_BOUND_SLACK: Final = 1 - 1e-9
_MOST_GROWN: Final = 1_000_000
_MOST_PARTIALS: Final = 5_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Space:
    """One operating point to look at.

    Attributes:
        problem: Its plans.
        bound: No plan has a shorter period.
        energy: What layers and transfers take.
        idle: What the idle board takes in a tick of time, in ticks of energy.
        power: The most that a plan may take in a tick of time, in ticks of energy; infinite without a limit.
    """

    problem: Problem
    bound: Bound
    energy: Quantity
    idle: float
    power: float


@dataclass(frozen=True, slots=True, order=True)
class _Interval:
    """Plans of one operating point whose period is at least `low` and at most `high`."""

    rank: tuple[float, ...]
    space: int
    number: int
    has_outlook: bool


class Explorer:
    """Looks for what a goal asks for.

    Args:
        goal: What to look for.
        limits: Limits of the search.
        longest: No period is longer, in ticks.
        spaces: The operating points to look at.
    """

    def __init__(self, goal: Goal, limits: Limits, longest: Fraction, spaces: Sequence[Space]) -> None:
        self._goal = goal
        self._limits = limits
        self._grounds = [_Ground(space, limits, longest) for space in spaces]

    def run(self) -> Sequence[Found]:
        """All that the goal asks for, in no order; nothing when no plan keeps within the limits.

        Raises:
            InputError: There are too many partial plans.
        """
        waiting = [
            self._interval(index, number, has_outlook=False)
            for index, ground in enumerate(self._grounds)
            for number in range(ground.intervals)
        ]
        heapq.heapify(waiting)
        while waiting:
            interval = heapq.heappop(waiting)
            ground = self._grounds[interval.space]
            least = ground.least(interval.number, with_outlook=interval.has_outlook)
            if math.inf in least or self._goal.beaten(Bounds(*map(np.atleast_1d, least)), 0)[0]:
                continue
            if interval.has_outlook:
                _Growth(ground, interval.number, self._goal, self._limits).run()
            else:
                heapq.heappush(waiting, self._interval(interval.space, interval.number, has_outlook=True))
        return self._goal.found

    def _interval(self, space: int, number: int, *, has_outlook: bool) -> _Interval:
        least = self._grounds[space].least(number, with_outlook=has_outlook)
        return _Interval(self._goal.rank(least), space, number, has_outlook)


class _Ground:
    """One operating point, divided into intervals of periods; each is an eighth of a doubling."""

    def __init__(self, space: Space, limits: Limits, longest: Fraction) -> None:
        self.space = space
        self.time = latency_of(space.problem)
        everything = Windows(space.problem, space.bound, Fraction(NEVER))
        source = float(limits.source_period)
        self._first = max(space.bound.period * _BOUND_SLACK, source, 1.0)
        self._longest = float(min(longest, max(everything.used_period(), limits.source_period)))
        self._source = source
        self.intervals = self._count()
        self.outlook = cache(self._outlook)

    def _count(self) -> int:
        if self._longest < self.least(0, with_outlook=False)[0]:
            return 0
        return math.ceil(math.log(max(self._longest / self._first, 1)) / _LOG_RATIO) + 1

    def low(self, number: int) -> float:
        """The least period of an interval."""
        return self._source if number == 0 else self._first * math.exp((number - 1) * _LOG_RATIO)

    def high(self, number: int) -> float:
        """The longest period of an interval."""
        return min(self._first * math.exp(number * _LOG_RATIO), self._longest)

    def outlook_of(self, number: int) -> Outlook:
        """What follows partial plans of an interval; many intervals share it."""
        result: Outlook = self.outlook(number // _INTERVALS_IN_OUTLOOK)
        return result

    def least(self, number: int, *, with_outlook: bool) -> tuple[float, float, float]:
        """Period, energy and latency that no plan of an interval is below."""
        low = max(self.low(number), self.space.bound.period * _BOUND_SLACK * _BOUND_SLACK)
        if with_outlook:
            latency, energy = self.outlook_of(number).sums[:, 0, 0, 0].tolist()
        else:
            latency, energy = float(self.time.least_rest[0]), float(self.space.energy.least_rest[0])
        return low, energy + self.space.idle * low, latency

    def windows(self, number: int) -> Windows:
        """How far stages reach in an interval."""
        return Windows(self.space.problem, self.space.bound, Fraction(self.high(number)))

    def _outlook(self, group: int) -> Outlook:
        last = (group + 1) * _INTERVALS_IN_OUTLOOK - 1
        return look_ahead(self.windows(last), (self.time, self.space.energy))


class _Growth:
    """The partial plans of one interval, stage by stage."""

    def __init__(self, ground: _Ground, number: int, goal: Goal, limits: Limits) -> None:
        self._space, self._problem = ground.space, ground.space.problem
        self._time = ground.time
        self._low, self._high = ground.low(number), ground.high(number)
        self._windows = ground.windows(number)
        self._outlook = ground.outlook_of(number)
        self._goal = goal
        self._limits = limits
        # Without a limit on power, a shorter period than the interval's is worth nothing here.
        begin = self._low if math.isinf(self._space.power) else float(limits.source_period)
        self._levels = [Partials.nothing(begin)]

    def run(self) -> None:
        """Offers every complete plan that may be of interest to the goal."""
        for stages in range(1, self._limits.max_stages + 1):
            grown = list(self._grown(stages))
            if not grown:
                return
            everything = Partials.join(grown)
            complete = (everything.cut == self._problem.layers) & self._problem.grid.is_complete(
                everything.code
            )
            self._offer(everything.rows(complete), stages)
            rest = everything.rows(everything.cut < self._problem.layers)
            rest = rest.rows(self._is_open(rest, stages))
            if not len(rest):
                return
            self._levels.append(rest.rows(undominated(self._states(rest), self._values(rest))))

    def _grown(self, stages: int) -> Iterator[Partials]:
        """What may come of the last partial plans with one more stage."""
        count = 0
        for index, (option, ends) in enumerate(zip(self._problem.options, self._windows.ends, strict=True)):
            for rows, lengths in self._chunks(option, ends):
                grown = self._with_stage(rows, lengths, index, option)
                grown = grown.rows(self._is_open(grown, stages))
                count += len(grown)
                if count > _MOST_PARTIALS:
                    raise InputError(
                        f"the layers of this network leave too many plans open on {len(self._problem.placements)} "
                        "placements",
                        hint="limit them with --max-stages, --avoid or --no-replicas",
                    )
                if len(grown):
                    yield grown

    def _chunks(self, option: Option, ends: Int64s) -> Iterator[tuple[Int64s, Int64s]]:
        """Rows of the last partial plans that an option may follow, and over how many layers it may reach."""
        last = self._levels[-1]
        fits = self._problem.grid.fits(last.code, option.processor, option.units)
        lengths = np.where(fits, ends[last.processor, last.cut] - last.cut, 0)
        rows = np.flatnonzero(lengths > 0)
        total = lengths[rows].cumsum()
        chunks = np.searchsorted(total, np.arange(0, total[-1] if total.size else 0, _MOST_GROWN))
        for part in np.split(rows, chunks[1:]):
            if part.size:
                yield part, lengths[part]

    def _with_stage(self, rows: Int64s, lengths: Int64s, index: int, option: Option) -> Partials:
        last = self._levels[-1].rows(rows)
        row = np.repeat(np.arange(rows.shape[0]), lengths)
        end = np.arange(row.shape[0]) - np.repeat(lengths.cumsum() - lengths, lengths) + last.cut[row] + 1
        time, energy = (
            _taken(quantity, option, last, row, end) for quantity in (self._time, self._space.energy)
        )
        code = last.code + option.units * self._problem.grid.stride(option.processor)
        return Partials(
            code=code[row],
            processor=np.full(row.shape, option.processor),
            cut=end,
            period=np.maximum(last.period[row], time / option.replicas),
            energy=last.energy[row] + energy,
            latency=last.latency[row] + time,
            option=np.full(row.shape, index),
            parent=rows[row],
        )

    def _is_open(self, partials: Partials, stages: int) -> Bools:
        """Which may become plans of this interval that the goal wants."""
        latency, energy = self._outlook.sums[:, partials.code, partials.processor, partials.cut]
        period = np.maximum(partials.period, self._outlook.period[partials.code, partials.cut])
        period = np.maximum(period, self._low)
        energy = energy + partials.energy + self._space.idle * period
        latency = latency + partials.latency
        bounds = Bounds(period, energy, latency)
        within = (latency <= self._limits.max_latency) & (period <= self._high) & np.isfinite(energy)
        if math.isfinite(self._space.power):
            within &= energy <= self._space.power * self._high
        open_: Bools = within & ~self._goal.beaten(bounds, stages)
        return open_

    def _offer(self, complete: Partials, stages: int) -> None:
        energy = complete.energy + self._space.idle * complete.period
        if math.isfinite(self._space.power):
            within = energy <= self._space.power * complete.period
            complete, energy = complete.rows(within), energy[within]
        if len(complete):
            self._goal.offer(
                Bounds(complete.period, energy, complete.latency),
                stages,
                lambda row: Found(problem=self._problem, legs=self._trace(complete, row)),
            )

    def _states(self, partials: Partials) -> Int64s:
        state = partials.code * len(self._problem.grid.shape) + partials.processor
        states: Int64s = state * (self._problem.layers + 1) + partials.cut
        return states

    def _values(self, partials: Partials) -> Floats:
        """What a partial plan must be better in to be kept beside another with the same end.

        Where power is limited, a plan with a longer period may take more energy. Whatever follows, the period of the
        one is not longer than that of the other by more than it is now.
        """
        energy = partials.energy
        if math.isfinite(self._space.power):
            energy = energy - (self._space.power - self._space.idle) * partials.period
        latency = partials.latency if self._needs_latency() else np.zeros(len(partials))
        return np.stack([partials.period, energy, latency], axis=1)

    def _needs_latency(self) -> bool:
        return self._goal.needs_latency or self._limits.max_latency < NEVER

    def _trace(self, complete: Partials, row: int) -> tuple[Leg, ...]:
        legs: list[Leg] = []
        partials = complete
        for before in reversed(self._levels):
            parent = int(partials.parent[row])
            option = self._problem.options[int(partials.option[row])]
            legs.append(Leg(begin=int(before.cut[parent]), end=int(partials.cut[row]), option=option))
            partials, row = before, parent
        return tuple(reversed(legs))


def _taken(quantity: Quantity, option: Option, last: Partials, row: Int64s, end: Int64s) -> Floats:
    """What a stage takes that begins where partial plans end."""
    prefix = quantity.prefix[option.row]
    entry = quantity.entry[last.processor, option.processor, last.cut]
    begun = np.where(entry < NEVER, (entry - prefix[last.cut]).astype(np.float64), np.inf)
    taken: Floats = begun[row] + prefix[end]
    return taken
