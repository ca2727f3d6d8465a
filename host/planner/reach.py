"""Whether any plan keeps within a period: the question that the search asks many times."""

import numpy as np
from numpy.typing import NDArray

from host.planner.usage import Codes, Undominated
from host.planner.windows import Windows

Bools = NDArray[np.bool_]


def is_reachable(windows: Windows, max_stages: int) -> bool:
    """Whether some plan with at most `max_stages` stages keeps within the windows' period.

    Stage by stage, all partial plans advance at once: for every combination of used cores and every last
    processor the set of cuts that they can end at.

    Args:
        windows: How far stages reach within the period.
        max_stages: Most stages.
    """
    problem = windows.problem
    if windows.hopeless(np.zeros(1, dtype=np.int64))[0, 0, 0]:
        return False
    undominated = Undominated(problem.grid, cuts=problem.layers + 1, worst=True)
    codes: Codes = np.zeros(1, dtype=np.int64)
    reached = np.zeros((1, len(problem.grid.shape), problem.layers + 1), dtype=np.bool_)
    reached[0, 0, 0] = True
    for _ in range(max_stages):
        missed = undominated.nothing()
        _advance(windows, codes, reached, missed)
        finished = np.flatnonzero(~missed[:, :, -1].all(axis=1))
        if problem.grid.is_complete(finished).any():
            return True
        codes = undominated.keep(missed)
        reached = ~(missed[codes] | windows.hopeless(codes))
        if not reached.any():
            return False
    return False


def _advance(windows: Windows, codes: Codes, reached: Bools, missed: Bools) -> None:
    problem = windows.problem
    numbers = np.uint16 if problem.layers < np.iinfo(np.uint16).max else np.uint32
    cuts = np.arange(1, problem.layers + 1, dtype=numbers)
    for (processor, units), ends in windows.ends_by_units.items():
        fits = problem.grid.fits(codes, processor, units)
        if not (fits.any() and ends.any()):
            continue
        furthest = (reached[fits] * ends.astype(numbers)).max(axis=1)
        np.maximum.accumulate(furthest, axis=1, out=furthest)
        targets = codes[fits] + units * problem.grid.stride(processor)
        missed[targets, processor, 1:] &= furthest[:, :-1] < cuts
