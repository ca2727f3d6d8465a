"""Partial plans by their period, energy and latency, as columns: how they grow, and which of them are beaten."""

from dataclasses import dataclass, fields
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from host.planner.problem import Floats, Int64s

_MOST_CELLS: Final = 4_000_000
_LARGEST_GROUP: Final = 1024
_BLOCK: Final = 256

Bools = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class Partials:
    """Partial plans of one number of stages; all columns are equally long.

    Attributes:
        code: Used cores, as the usage grid numbers them.
        processor: Where the last stage runs.
        cut: Where it ends.
        period: The largest contribution so far, in ticks.
        energy: Above idle, in ticks of energy.
        latency: In ticks.
        option: Position of the option of the last stage.
        parent: Row of the partial plan before the last stage.
    """

    code: Int64s
    processor: Int64s
    cut: Int64s
    period: Floats
    energy: Floats
    latency: Floats
    option: Int64s
    parent: Int64s

    @classmethod
    def nothing(cls, period: float) -> Self:
        """The empty plan before the first layer."""
        none, zero = np.zeros(1, dtype=np.int64), np.zeros(1)
        return cls(
            code=none,
            processor=none,
            cut=none,
            period=np.full(1, period),
            energy=zero,
            latency=zero,
            option=none,
            parent=none,
        )

    @classmethod
    def join(cls, parts: list[Self]) -> Self:
        """All rows of several, in order."""
        return cls(
            **{
                field.name: np.concatenate([getattr(part, field.name) for part in parts])
                for field in fields(cls)
            }
        )

    def __len__(self) -> int:
        return int(self.code.shape[0])

    def rows(self, chosen: Bools | Int64s) -> Self:
        """Some of the rows."""
        return type(self)(**{field.name: getattr(self, field.name)[chosen] for field in fields(self)})


def undominated(groups: Int64s, values: Floats) -> Int64s:
    """Rows that no other row of their group equals or beats in everything.

    Args:
        groups: The group of each row.
        values: By (row, quantity), three quantities; less is better. Of equal rows one is kept.
    """
    order = np.lexsort((values[:, 2], values[:, 1], values[:, 0], groups))
    sorted_groups, ordered = groups[order], values[order]
    begins = np.flatnonzero(np.append(True, sorted_groups[1:] != sorted_groups[:-1]))
    sizes = np.diff(np.append(begins, order.shape[0]))
    keep = np.ones(order.shape[0], dtype=np.bool_)
    size = 1
    while size < min(sizes.max(initial=0), _LARGEST_GROUP):
        size *= 2
        chosen = (sizes > size // 2) & (sizes <= size)
        _drop_beaten(ordered, keep, begins[chosen], sizes[chosen], size)
    for index in np.flatnonzero(sizes > size):
        rows = slice(begins[index], begins[index] + sizes[index])
        keep[rows] = _is_undominated(ordered[rows])
    kept: Int64s = order[keep]
    return kept


def _drop_beaten(values: Floats, keep: Bools, begins: Int64s, sizes: Int64s, size: int) -> None:
    """Compares all rows of small groups with each other; the rows of a group are sorted by their first quantity."""
    earlier = np.triu(np.ones((size, size), dtype=np.bool_), 1)
    step = max(1, _MOST_CELLS // (size * size))
    for first in range(0, begins.shape[0], step):
        places = np.arange(size)
        inside = places < sizes[first : first + step, np.newaxis]
        rows = np.where(inside, begins[first : first + step, np.newaxis] + places, 0)
        second, third = np.where(inside, values[rows, 1], np.inf), np.where(inside, values[rows, 2], np.inf)
        beaten = (second[:, :, np.newaxis] <= second[:, np.newaxis]) & earlier
        beaten &= third[:, :, np.newaxis] <= third[:, np.newaxis]
        keep[rows[beaten.any(axis=1) & inside]] = False


def _is_undominated(values: Floats) -> Bools:
    """Compares the rows of a large group, sorted by all quantities, with those that are known to be undominated."""
    keep = np.zeros(values.shape[0], dtype=np.bool_)
    for first in range(0, values.shape[0], _BLOCK):
        block = values[first : first + _BLOCK]
        before = values[:first][keep[:first]]
        open_ = ~_is_beaten(block, before).any(axis=1)
        rows = np.flatnonzero(open_)
        among = np.tril(_is_beaten(block[rows], block[rows]), -1).any(axis=1)
        keep[first + rows[~among]] = True
    return keep


def _is_beaten(values: Floats, by: Floats) -> Bools:
    """Whether each row is equalled or beaten in second and third quantity, by (row, row of `by`)."""
    return (by[:, 1] <= values[:, 1, np.newaxis]) & (by[:, 2] <= values[:, 2, np.newaxis])
