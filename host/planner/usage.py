"""How many cores of every processor a partial plan uses, and which partial plans are not worth continuing."""

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, Final, cast

import numpy as np
from numpy.typing import NDArray

from host.errors import InputError

Codes = NDArray[np.int64]

_MOST_CELLS: Final = 50_000_000
_ALL_BITS: Final = 0xFF


@dataclass(frozen=True, kw_only=True)
class UsageGrid:
    """Every combination of used cores, numbered; a `code` is such a number.

    Attributes:
        cores: How many cores each processor has.
        units: The step in which each processor's cores can be used.
        required: Positions of the processors that must run something.
    """

    cores: tuple[int, ...]
    units: tuple[int, ...]
    required: tuple[int, ...]

    @cached_property
    def shape(self) -> tuple[int, ...]:
        """How many different amounts of each processor can be in use."""
        return tuple(cores // unit + 1 for cores, unit in zip(self.cores, self.units, strict=True))

    @cached_property
    def size(self) -> int:
        """How many combinations there are."""
        return math.prod(self.shape)

    def stride(self, processor: int) -> int:
        """What one more unit of a processor adds to a code."""
        return self._strides[processor]

    @cached_property
    def _strides(self) -> tuple[int, ...]:
        return tuple(math.prod(self.shape[processor + 1 :]) for processor in range(len(self.shape)))

    def used_units(self, codes: Codes, processor: int) -> Codes:
        """How many units of a processor are in use."""
        return codes // self.stride(processor) % self.shape[processor]

    def used_cores(self, codes: Codes) -> Codes:
        """Cores in use, by (code, processor)."""
        amounts = [self.used_units(codes, index) * unit for index, unit in enumerate(self.units)]
        return np.stack(amounts, axis=1)

    def fits(self, codes: Codes, processor: int, units: int) -> NDArray[np.bool_]:
        """Which codes leave room for more of a processor."""
        return self.used_units(codes, processor) + units < self.shape[processor]

    def is_complete(self, codes: Codes) -> NDArray[np.bool_]:
        """Which codes use every processor that must be used."""
        complete = np.ones(codes.shape, dtype=np.bool_)
        for processor in self.required:
            complete &= self.used_units(codes, processor) > 0
        return complete

    def require_tractable(self, layers: int) -> None:
        """Refuses a board whose combinations of cores do not fit into memory.

        Raises:
            InputError: There are too many.
        """
        if self.size * len(self.cores) * (layers + 1) > _MOST_CELLS:
            raise InputError(
                f"{layers} layers on processors with {', '.join(map(str, self.cores))} cores "
                "make more combinations than the solver takes",
                hint="leave processors out with --avoid",
            )


class Undominated:
    """Keeps the partial plans that may still become the best.

    A partial plan is beaten by one that ends at the same cut on the same processor, uses no more cores of any
    processor and has a value that is no larger. Whatever completes the one completes the other.

    Values stand in arrays by (code, last processor, cut), smaller is better, and `worst` stands for nothing.

    Args:
        grid: The combinations of used cores.
        cuts: How many cuts there are.
        worst: The value that stands for nothing.
    """

    _least: ClassVar[np.ufunc] = np.minimum

    def __init__(self, grid: UsageGrid, *, cuts: int, worst: int) -> None:
        self._grid = grid
        self._shape = (grid.size, len(grid.shape), cuts)
        self._grid_shape = (*grid.shape, len(grid.shape), cuts)
        self._first = [1 if axis in grid.required else 0 for axis in range(len(grid.shape))]
        self._worst = worst
        self._best = self.nothing()

    def nothing(self) -> NDArray[Any]:
        """An array in which nothing is reached."""
        return np.full(self._shape, self._worst, dtype=np.int64)

    def keep(self, fresh: NDArray[Any]) -> Codes:
        """Sets everything in `fresh` that is beaten to `worst`, and remembers the rest.

        Returns:
            The codes at which something is left.
        """
        self._drop_beaten(fresh, self._best)
        self._least(self._best, fresh, out=self._best)
        self._spread_over_more_cores()
        codes = self._codes(fresh)
        for processor, first in enumerate(self._first):
            more = codes[self._grid.used_units(codes, processor) > first]
            values = fresh[more]
            self._drop_beaten(values, self._best[more - self._grid.stride(processor)])
            fresh[more] = values
        return self._codes(fresh)

    def _drop_beaten(self, values: NDArray[Any], by: NDArray[Any]) -> None:
        np.copyto(values, self._worst, where=values >= by)

    def _codes(self, values: NDArray[Any]) -> Codes:
        return cast(Codes, np.flatnonzero((values != self._worst).any(axis=(1, 2))))

    def _spread_over_more_cores(self) -> None:
        best = self._best.reshape(self._grid_shape)
        for axis, first in enumerate(self._first):
            for more in range(first + 1, best.shape[axis]):
                part = _along(best, axis, more)
                self._least(part, _along(best, axis, more - 1), out=part)


class UndominatedSets(Undominated):
    """The same for partial plans that are there or not: a bit says where nothing is reached.

    Arrays hold eight cuts in a byte, as `numpy.packbits` packs them.
    """

    _least = np.bitwise_and

    def __init__(self, grid: UsageGrid, *, cuts: int) -> None:
        super().__init__(grid, cuts=math.ceil(cuts / 8), worst=_ALL_BITS)

    def nothing(self) -> NDArray[Any]:
        """An array in which nothing is reached."""
        return np.full(self._shape, self._worst, dtype=np.uint8)

    def _drop_beaten(self, values: NDArray[Any], by: NDArray[Any]) -> None:
        np.bitwise_or(values, ~by, out=values)


def _along(array: NDArray[Any], axis: int, part: int) -> NDArray[Any]:
    return array[(slice(None),) * axis + (part,)]
