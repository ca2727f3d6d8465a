"""Time in whole ticks, so that sums are exact and ties are ties."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from host.errors import InputError
from host.planner.costs import CostTable

_MOST: Final = 1e15
_SMALLEST_EXPONENT: Final = -300
_LARGEST_EXPONENT: Final = 300
_SLACK: Final = Fraction(1_000_000_001, 1_000_000_000)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticks:
    """The smallest difference in time that a solver tells apart: a power of ten of a microsecond.

    In binary fractions 0.1 + 0.2 is not 0.3, and two plans that tie would not. Measured times are decimal:
    counted in ticks they add up exactly. The largest sum that a table can give stays at or below 1e15 ticks,
    where a float still holds every whole number, and a tick is then at most 1e-14 of that sum.

    Attributes:
        exponent: A microsecond has ten to this power ticks.
    """

    exponent: int

    @classmethod
    def of_table(cls, table: CostTable) -> Self:
        """Ticks that are fine enough and not too fine for a table.

        Raises:
            InputError: The costs add up to more than a float holds.
        """
        return cls.of_tables([table])

    @classmethod
    def of_tables(cls, tables: Iterable[CostTable]) -> Self:
        """Ticks for the costs of several networks added up.

        Raises:
            InputError: They add up to more than a float holds.
        """
        return cls.of_most(math.fsum(map(_most_us, tables)))

    @classmethod
    def of_most(cls, most: float) -> Self:
        """Ticks for sums up to a number of microseconds, or of another unit.

        Raises:
            InputError: It is more than a float holds.
        """
        if not math.isfinite(most):
            raise InputError("the costs are too large to be added up")
        exponent = math.floor(math.log10(_MOST / most)) if most > 0 else 0
        return cls(exponent=min(max(exponent, _SMALLEST_EXPONENT), _LARGEST_EXPONENT))

    def count(self, time_us: float) -> int:
        """A time in ticks, rounded."""
        return int(self.counts(np.array(time_us)))

    def counts(self, times_us: NDArray[np.float64]) -> NDArray[np.int64]:
        """Times in ticks, rounded."""
        if self.exponent < 0:
            return np.rint(times_us / 10.0**-self.exponent).astype(np.int64)
        return np.rint(times_us * 10.0**self.exponent).astype(np.int64)

    def limit(self, time_us: float) -> Fraction:
        """A limit in ticks, with a billionth of slack for numbers that were rounded on their way here."""
        return Fraction(time_us) * Fraction(10) ** self.exponent * _SLACK

    def exact(self, time_us: float) -> Fraction:
        """A time in ticks, not rounded."""
        return Fraction(time_us) * Fraction(10) ** self.exponent

    def units(self, ticks: Fraction | int) -> Fraction:
        """Ticks in what they are ticks of, not rounded."""
        return Fraction(ticks) / Fraction(10) ** self.exponent

    def microseconds(self, ticks: Fraction | float) -> float:
        """Ticks as a time."""
        return float(Fraction(ticks) / Fraction(10) ** self.exponent)


def _most_us(table: CostTable) -> float:
    layers = [max((cost.latency_us for cost in layer.costs.values()), default=0.0) for layer in table.layers]
    try:
        crossing = max(table.crossing_bytes)
        transfer = max((row.time_us(crossing) for row in table.transfers), default=0.0)
    except OverflowError:
        return math.inf
    return sum(layers) + len(layers) * (table.handover_us + transfer)
