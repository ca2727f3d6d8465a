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
from typing import Final, Self

import numpy as np

from host.errors import InputError
from host.planner.bound import Bound
from host.planner.goals import Bounds, Found, Goal
from host.planner.outlook import Outlook, look_ahead
from host.planner.partials import Bools, Partials, undominated
from host.planner.problem import NEVER, Floats, Int64s, Problem
from host.planner.quantity import Quantity, latency_of
from host.planner.routes import Leg
from host.planner.search import Limits
from host.planner.windows import Windows

_LOG_RATIO: Final = math.log(2) / 3
_LIMITED_LOG_RATIO: Final = math.log(2) / 8
"""Of an interval's longest period to its least, without and with a limit on power: narrow enough for strong bounds,
wide enough for few intervals."""

_BOUND_SLACK: Final = 1 - 1e-9
_MOST_GROWN: Final = 200_000
_BEAM: Final = 1_000
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

    @property
    def is_limited(self) -> bool:
        """Whether there is a limit on power."""
        return math.isfinite(self.power)


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
                if self._goal.needs_incumbent:
                    _Growth(ground, interval.number, self._goal, self._limits).run(most=_BEAM)
                _Growth(ground, interval.number, self._goal, self._limits).run()
            else:
                heapq.heappush(waiting, self._interval(interval.space, interval.number, has_outlook=True))
        return self._goal.found

    def _interval(self, space: int, number: int, *, has_outlook: bool) -> _Interval:
        least = self._grounds[space].least(number, with_outlook=has_outlook)
        return _Interval(self._goal.rank(least), space, number, has_outlook)


class _Ground:
    """One operating point, divided into intervals of periods."""

    def __init__(self, space: Space, limits: Limits, longest: Fraction) -> None:
        self.space = space
        self.time = latency_of(space.problem)
        everything = Windows(space.problem, space.bound, Fraction(NEVER))
        source = float(limits.source_period)
        self._first = max(space.bound.period * _BOUND_SLACK, source, 1.0)
        self._longest = float(min(longest, max(everything.used_period(), limits.source_period)))
        self._source = source
        self._log_ratio = _LIMITED_LOG_RATIO if space.is_limited else _LOG_RATIO
        self.intervals = self._count()
        self.outlook = cache(self._outlook)
        self.options = _Options.of(space.problem)

    def _count(self) -> int:
        if self._longest < self.least(0, with_outlook=False)[0]:
            return 0
        return math.ceil(math.log(max(self._longest / self._first, 1)) / self._log_ratio) + 1

    def low(self, number: int) -> float:
        """The least period of an interval."""
        return self._source if number == 0 else self._first * math.exp((number - 1) * self._log_ratio)

    def high(self, number: int) -> float:
        """The longest period of an interval."""
        return min(self._first * math.exp(number * self._log_ratio), self._longest)

    def least(self, number: int, *, with_outlook: bool) -> tuple[float, float, float]:
        """Period, energy and latency that no plan of an interval is below."""
        low = max(self.low(number), self.space.bound.period * _BOUND_SLACK * _BOUND_SLACK)
        if with_outlook:
            latency, energy = self.outlook(number).sums[:, 0, 0, 0].tolist()
        else:
            latency, energy = float(self.time.least_rest[0]), float(self.space.energy.least_rest[0])
        if number:
            latency = max(latency, low)  # some stage takes at least as long
        return low, energy + self.space.idle * low, latency

    def windows(self, number: int) -> Windows:
        """How far stages reach in an interval."""
        return Windows(self.space.problem, self.space.bound, Fraction(self.high(number)))

    def _outlook(self, number: int) -> Outlook:
        return look_ahead(self.windows(number), (self.time, self.space.energy))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Options:
    """A problem's options as columns.

    Attributes:
        row: Each one's placement.
        processor: Where it runs.
        replicas: How many copies.
        step: What it adds to the code of used cores.
    """

    row: Int64s
    processor: Int64s
    replicas: Int64s
    step: Int64s

    @classmethod
    def of(cls, problem: Problem) -> Self:
        """The columns of a problem."""
        options = problem.options
        return cls(
            row=np.array([option.row for option in options]),
            processor=np.array([option.processor for option in options]),
            replicas=np.array([option.replicas for option in options]),
            step=np.array([option.units * problem.grid.stride(option.processor) for option in options]),
        )


class _Growth:
    """The partial plans of one interval, stage by stage."""

    def __init__(self, ground: _Ground, number: int, goal: Goal, limits: Limits) -> None:
        self._space, self._problem = ground.space, ground.space.problem
        self._ground, self._time = ground, ground.time
        self._low, self._high = ground.low(number), ground.high(number)
        self._windows = ground.windows(number)
        self._outlook = ground.outlook(number)
        self._goal = goal
        self._limits = limits
        self._is_first = number == 0
        self._levels = [Partials.nothing(self._low)]

    def run(self, most: int | None = None) -> None:
        """Offers every complete plan that may be of interest to the goal.

        Args:
            most: Go on with so many partial plans of a number of stages only, the most promising ones.
        """
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
            kept = rest.rows(undominated(self._states(rest), self._values(rest)))
            self._levels.append(kept if most is None else self._promising(kept, most))

    def _grown(self, stages: int) -> Iterator[Partials]:
        """What may come of the last partial plans with one more stage."""
        count = 0
        for rows, options, lengths in self._chunks():
            grown = self._with_stage(rows, options, lengths)
            grown = grown.rows(self._is_open(grown, stages))
            count += len(grown)
            if count > _MOST_PARTIALS:
                raise InputError(
                    f"{self._problem.layers} layers on {len(self._problem.placements)} placements leave too many "
                    "plans open",
                    hint="limit them with --max-stages, --avoid or --no-replicas",
                )
            if len(grown):
                yield grown

    def _chunks(self) -> Iterator[tuple[Int64s, Int64s, Int64s]]:
        """Rows of the last partial plans, options that may follow them, and over how many layers these may reach."""
        last, grid = self._levels[-1], self._problem.grid
        lengths = np.array(
            [
                np.where(
                    grid.fits(last.code, option.processor, option.units),
                    ends[last.processor, last.cut] - last.cut,
                    0,
                )
                for option, ends in zip(self._problem.options, self._windows.ends, strict=True)
            ]
        )
        options, rows = np.nonzero(lengths > 0)
        lengths = lengths[options, rows]
        total = lengths.cumsum()
        borders = np.searchsorted(total, np.arange(_MOST_GROWN, total[-1] if total.size else 0, _MOST_GROWN))
        for part in np.split(np.arange(rows.shape[0]), borders):
            if part.size:
                yield rows[part], options[part], lengths[part]

    def _with_stage(self, rows: Int64s, options: Int64s, lengths: Int64s) -> Partials:
        """Partial plans with one more stage, for every layer that may be its last."""
        last, columns = self._levels[-1].rows(rows), self._ground.options
        place = np.repeat(np.arange(rows.shape[0]), lengths)
        end = np.arange(place.shape[0]) - np.repeat(lengths.cumsum() - lengths, lengths) + last.cut[place] + 1
        row, processor = columns.row[options], columns.processor[options]
        state = (row * (self._problem.layers + 1))[place] + end
        time, energy = (
            _begun(quantity, last, row, processor)[place] + quantity.prefix.ravel().take(state)
            for quantity in (self._time, self._space.energy)
        )
        return Partials(
            code=(last.code + columns.step[options])[place],
            processor=processor[place],
            cut=end,
            period=np.maximum(last.period[place], time / columns.replicas[options][place]),
            energy=last.energy[place] + energy,
            latency=last.latency[place] + time,
            option=options[place],
            parent=rows[place],
        )

    def _promising(self, partials: Partials, most: int) -> Partials:
        """Those that promise the least latency, and those that promise the least energy."""
        _, (latency, energy) = self._outlook.after(partials.code, partials.processor, partials.cut)
        latency, energy = latency + partials.latency, energy + partials.energy
        chosen = np.concatenate([np.argsort(latency)[: most // 2], np.argsort(energy)[: most // 2]])
        return partials.rows(np.unique(chosen))

    def _is_open(self, partials: Partials, stages: int) -> Bools:
        """Which may become plans of this interval that the goal wants."""
        least_period, (latency, energy) = self._outlook.after(partials.code, partials.processor, partials.cut)
        period = np.maximum(np.maximum(partials.period, least_period), self._low)
        energy = energy + partials.energy + self._space.idle * period
        latency = latency + partials.latency
        bounds = Bounds(period, energy, latency)
        within = (latency <= self._limits.max_latency) & (period <= self._high) & np.isfinite(energy)
        if self._space.is_limited:
            within &= energy <= self._space.power * self._high
        open_: Bools = within & ~self._goal.beaten(bounds, stages)
        return open_

    def _offer(self, complete: Partials, stages: int) -> None:
        energy = complete.energy + self._space.idle * complete.period
        if self._space.is_limited:
            within = (energy <= self._space.power * complete.period) & self._is_here(complete)
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
        return 2 * states + self._is_here(partials) if self._space.is_limited else states

    def _is_here(self, partials: Partials) -> Bools:
        """Whether the period is one of this interval already.

        A shorter one counts as the interval's least: too much for energy and period, which does no harm where another
        interval holds the plan with what it really takes. A limit on power is another matter: it must hold with the
        plan's own period.
        """
        here: Bools = (partials.period > self._low) | self._is_first
        return here

    def _values(self, partials: Partials) -> Floats:
        """What a partial plan must be better in to be kept beside another with the same end.

        Where power is limited, a plan with a longer period may take more energy. Whatever follows, the period of the
        one is not longer than that of the other by more than it is now.
        """
        energy = partials.energy
        if self._space.is_limited:
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


def _begun(quantity: Quantity, last: Partials, row: Int64s, processor: Int64s) -> Floats:
    """What a stage takes that begins where partial plans end, less what its layers and all before them take."""
    entry = quantity.entry[last.processor, processor, last.cut]
    begun: Floats = np.where(
        entry < NEVER, (entry - quantity.prefix[row, last.cut]).astype(np.float64), np.inf
    )
    return begun
