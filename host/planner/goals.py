"""What a search through partial plans is for: the best plan in one respect, or all plans that none beats."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np

from host.planner.partials import Bools, undominated
from host.planner.plan import Objective
from host.planner.problem import Floats, Problem
from host.planner.routes import Leg

_FINEST: Final = 256
"""Rows and columns of the table that says what a front beats."""


class Bounds(NamedTuple):
    """What plans take at least; for a complete plan, what it takes.

    Attributes:
        period: In ticks.
        energy: Of a frame, the idle board's included, in ticks of energy.
        latency: In ticks.
    """

    period: Floats
    energy: Floats
    latency: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A complete plan.

    Attributes:
        problem: Where it was found.
        legs: Its stages.
    """

    problem: Problem
    legs: tuple[Leg, ...]


class Goal(ABC):
    """What has been found so far, and what would be better."""

    needs_latency = True
    """Whether of two partial plans the one with less latency may be the better one."""

    needs_incumbent = False
    """Whether a plan that is found early, if not the best, spares work."""

    prefers_less_energy = False
    """Whether a plan cannot belong to the answer where the same one takes less energy at another operating point."""

    @property
    @abstractmethod
    def found(self) -> Sequence[Found]:
        """The answer so far."""

    @abstractmethod
    def rank(self, least: tuple[float, float, float]) -> tuple[float, ...]:
        """The order in which to look at parts of the search space, by what their plans take at least.

        Args:
            least: Period, energy and latency.
        """

    @abstractmethod
    def beaten(self, bounds: Bounds, stages: int) -> Bools:
        """Which plans cannot add to the answer any more."""

    @abstractmethod
    def offer(self, plans: Bounds, stages: int, trace: Callable[[int], Found]) -> None:
        """Takes complete plans into the answer where they belong there.

        Args:
            plans: What they take.
            stages: How many stages they have.
            trace: Gives one of them by its row.
        """


class Best(Goal):
    """The plan that is best in one respect; of several the one with the least period, then the fewest stages."""

    def __init__(self, objective: Objective, *, needs_latency: bool) -> None:
        self._objective = objective
        self._best: tuple[float, ...] | None = None
        self._found: Found | None = None
        self.needs_latency = needs_latency or objective is Objective.LATENCY
        self.prefers_less_energy = objective is Objective.ENERGY

    @property
    def found(self) -> Sequence[Found]:
        """The best plan, if there is one."""
        return [self._found] if self._found else []

    @property
    def needs_incumbent(self) -> bool:  # type: ignore[override]
        """Until a plan is found."""
        return self._found is None

    def rank(self, least: tuple[float, float, float]) -> tuple[float, ...]:
        """By what is looked for first."""
        return tuple(float(key[0]) for key in self._keys(Bounds(*(np.array([value]) for value in least)), 0))

    def beaten(self, bounds: Bounds, stages: int) -> Bools:
        """Those that come behind the best in the order of ranks, or where it stands."""
        beaten = np.full(bounds.period.shape, self._best is not None)
        for key, best in zip(reversed(self._keys(bounds, stages)), reversed(self._best or ()), strict=False):
            beaten = (key > best) | ((key == best) & beaten)
        return beaten

    def offer(self, plans: Bounds, stages: int, trace: Callable[[int], Found]) -> None:
        """Keeps the first in the order of ranks."""
        keys = self._keys(plans, stages)
        row = int(np.lexsort(keys[::-1])[0])
        rank = tuple(float(key[row]) for key in keys)
        if self._best is None or rank < self._best:
            self._best, self._found = rank, trace(row)

    def _keys(self, bounds: Bounds, stages: int) -> tuple[Floats, ...]:
        count = np.full(bounds.period.shape, float(stages))
        if self._objective is Objective.ENERGY:
            return bounds.energy, bounds.period, count
        if self._objective is Objective.LATENCY:
            return bounds.latency, bounds.period, count
        return bounds.period, count


class Front(Goal):
    """All plans that no other equals or beats in period, energy and latency."""

    prefers_less_energy = True

    def __init__(self) -> None:
        self._values = np.zeros((0, 3))
        self._plans: list[Found] = []
        self._periods = self._latencies = np.zeros(0)
        self._least = np.full((1, 1), np.inf)

    @property
    def found(self) -> Sequence[Found]:
        """The plans, in no order."""
        return self._plans

    def rank(self, least: tuple[float, float, float]) -> tuple[float, ...]:
        """From fast plans to slow ones."""
        return least

    def beaten(self, bounds: Bounds, stages: int) -> Bools:
        """Those that a plan of the front equals or beats in everything, as far as the table knows."""
        del stages
        row = np.searchsorted(self._periods, bounds.period, side="right")
        column = np.searchsorted(self._latencies, bounds.latency, side="right")
        beaten: Bools = self._least[row, column] <= bounds.energy
        return beaten

    def offer(self, plans: Bounds, stages: int, trace: Callable[[int], Found]) -> None:
        """Takes what is not beaten, and leaves what is beaten now."""
        del stages
        values = np.concatenate([self._values, np.stack(plans, axis=1)])
        kept = undominated(np.zeros(values.shape[0], dtype=np.int64), values)
        before = len(self._plans)
        self._plans = [
            self._plans[row] if row < before else trace(int(row - before)) for row in kept.tolist()
        ]
        self._values = values[kept]
        self._tabulate()

    def _tabulate(self) -> None:
        """The least energy of plans up to some periods and latencies, a place before the first standing for none."""
        period, energy, latency = self._values.T
        self._periods, self._latencies = _spread(period), _spread(latency)
        least = np.full((self._periods.shape[0] + 1, self._latencies.shape[0] + 1), np.inf)
        row = np.searchsorted(self._periods, period) + 1
        column = np.searchsorted(self._latencies, latency) + 1
        np.minimum.at(least, (row, column), energy)
        self._least = np.minimum.accumulate(np.minimum.accumulate(least, axis=0), axis=1)


def _spread(values: Floats) -> Floats:
    """At most so many of the different values, the largest among them, in ascending order."""
    different = np.unique(values)
    places = np.linspace(0, different.shape[0] - 1, min(_FINEST, different.shape[0]))
    chosen: Floats = different[np.unique(places.round().astype(np.int64))]
    return chosen
