"""The least period that a fractional split of the layers over the processors could reach.

Layers may be divided in any proportion among processors, and a processor's cores may be kept busy all the
time:

    least T  with  sum over layers of x[l, p] * work[l, p] <= cores[p] * T  for every processor p,
                   sum over processors of x[l, p] = 1  for every layer l,  x >= 0,

where `work[l, p]` is the least product of cores and latency over the placements on p. Transfers and
hand-overs are free here, so that no plan is faster. For given prices of the processors' time every layer goes
where it is cheapest; the linear program is therefore solved by column generation (Dantzig and Wolfe,
Operations Research 8, 1960): a column is one such assignment, and the basis has one row more than there are
processors, however many layers there are.
"""

from contextlib import suppress
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_TOLERANCE: Final = 1e-12
_MOST_STEPS: Final = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Bound:
    """A lower bound and its proof.

    Attributes:
        period: No fractional split has a shorter period; in the unit of the work.
        prices: What a core of each processor is worth, not negative; all cores together are worth 1. With
            every layer on its cheapest processor the work is worth `period`: whatever the split, it cannot be
            worth less.
        rest: What the layers after each cut are worth at least, by cut.
    """

    period: float
    prices: Floats
    rest: Floats


def fractional_bound(work: Floats, cores: Floats) -> Bound:
    """Solves the linear program above.

    Args:
        work: Core time that a layer takes on a processor, by (layer, processor); infinite where it cannot
            run. Every layer can run somewhere.
        cores: Number of cores of each processor.
    """
    scale = float(np.where(np.isfinite(work), work, 0).max(initial=0.0))
    prices = _best_prices(work / scale, cores) if scale > 0 else _equal_prices(cores)
    values = _cheapest(work, prices)[1]
    rest = np.append(values[::-1].cumsum()[::-1], 0.0)
    return Bound(period=float(rest[0]), prices=prices, rest=rest)


def _best_prices(work: Floats, cores: Floats) -> Floats:
    master = _Master(cores, _load(work, np.argmin(work / cores, axis=1)))
    best, highest = _equal_prices(cores), 0.0
    # Any prices give a bound: where rounding makes a basis singular, the best so far will do.
    with suppress(np.linalg.LinAlgError):
        for _ in range(_MOST_STEPS):
            prices = master.prices()
            least = int(np.argmin(prices))
            if prices[least] < -_TOLERANCE:
                if not master.enter_slack(least):
                    break
                continue
            prices = np.maximum(prices, 0) / (np.maximum(prices, 0) @ cores)
            choice, values = _cheapest(work, prices)
            if values.sum() > highest:
                best, highest = prices, values.sum()
            if highest >= master.period * (1 - _TOLERANCE) or not master.enter(_load(work, choice)):
                break
    return best


def _equal_prices(cores: Floats) -> Floats:
    return np.full(cores.shape, 1 / cores.sum())


def _cheapest(work: Floats, prices: Floats) -> tuple[NDArray[np.intp], Floats]:
    worth = np.where(np.isfinite(work), np.where(np.isfinite(work), work, 0) * prices, np.inf)
    choice = np.argmin(worth, axis=1)
    return choice, worth[np.arange(worth.shape[0]), choice]


def _load(work: Floats, choice: NDArray[np.intp]) -> Floats:
    layers = np.arange(work.shape[0])
    return np.bincount(choice, weights=work[layers, choice], minlength=work.shape[1]).astype(np.float64)


class _Master:
    """The simplex method on the assignments found so far.

    There is a row `cores * T - sum(share * load) - slack = 0` for each processor, and `sum(share) = 1`. The
    first basic variable is T and stays it: a period of nothing would need no work at all.
    """

    def __init__(self, cores: Floats, load: Floats) -> None:
        processors = cores.shape[0]
        busiest = int(np.argmax(load / cores))
        slacks = [index for index in range(processors) if index != busiest]
        self._basis = np.stack(
            [np.append(cores, 0.0), self._share(load), *(self._slack(processors, index) for index in slacks)],
            axis=1,
        )
        self._right = np.append(np.zeros(processors), 1.0)

    @property
    def period(self) -> float:
        """The least period over the assignments found so far."""
        return float(self._values()[0])

    def prices(self) -> Floats:
        """The price of a core of each processor."""
        cost = np.zeros(self._basis.shape[0])
        cost[0] = 1.0
        duals: Floats = np.linalg.solve(self._basis.T, cost)
        return duals[:-1]

    def enter(self, load: Floats) -> bool:
        """Takes an assignment into the basis; False when nothing can leave for it."""
        return self._pivot(self._share(load))

    def enter_slack(self, processor: int) -> bool:
        """Takes a processor's idle time into the basis; False when nothing can leave for it."""
        return self._pivot(self._slack(self._right.shape[0] - 1, processor))

    def _values(self) -> Floats:
        values: Floats = np.linalg.solve(self._basis, self._right)
        return values

    def _pivot(self, column: Floats) -> bool:
        direction = np.linalg.solve(self._basis, column)
        values = np.maximum(self._values(), 0)
        may_leave = direction > _TOLERANCE
        may_leave[0] = False
        if not may_leave.any():
            return False
        ratios = np.full(values.shape, np.inf)
        ratios[may_leave] = values[may_leave] / direction[may_leave]
        self._basis[:, int(np.argmin(ratios))] = column
        return True

    @staticmethod
    def _share(load: Floats) -> Floats:
        return np.append(-load, 1.0)

    @staticmethod
    def _slack(processors: int, processor: int) -> Floats:
        column = np.zeros(processors + 1)
        column[processor] = -1.0
        return column
