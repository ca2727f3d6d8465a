"""Whether any plan keeps within a period: the question that the search asks many times."""

from functools import cache

import numpy as np
from numpy.typing import NDArray

from host.planner.usage import Codes, UndominatedSets
from host.planner.windows import Windows

Bools = NDArray[np.bool_]
Bits = NDArray[np.uint8]

_BYTE = 8
_HIGHEST_BIT = 0x80


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
    cuts = problem.layers + 1
    last, bit = problem.layers // _BYTE, _HIGHEST_BIT >> problem.layers % _BYTE
    undominated = UndominatedSets(problem.grid, cuts=cuts)
    codes: Codes = np.zeros(1, dtype=np.int64)
    reached = np.zeros((1, len(problem.grid.shape), cuts), dtype=np.bool_)
    reached[0, 0, 0] = True
    for _ in range(max_stages):
        missed = undominated.nothing()
        _advance(windows, codes, reached, missed)
        finished = np.flatnonzero((missed[:, :, last] & bit == 0).any(axis=1))
        if problem.grid.is_complete(finished).any():
            return True
        codes = undominated.keep(missed)
        is_missed = np.unpackbits(missed[codes], axis=2, count=cuts).astype(np.bool_)
        reached = ~(is_missed | windows.hopeless(codes))
        if not reached.any():
            return False
    return False


def _advance(windows: Windows, codes: Codes, reached: Bools, missed: Bits) -> None:
    """Notes in `missed` what one more stage reaches."""
    problem = windows.problem
    numbers = np.uint16 if problem.layers < np.iinfo(np.uint16).max else np.uint32
    cuts = np.arange(1, problem.layers + 1, dtype=numbers)
    width = missed.shape[2] * _BYTE
    from_any = cache(lambda group: np.logical_or.reduce(reached[:, group], axis=1))
    for (processor, units), groups in windows.ends_by_groups.items():
        fits = problem.grid.fits(codes, processor, units)
        if not fits.any():
            continue
        furthest = np.zeros((np.count_nonzero(fits), problem.layers + 1), dtype=numbers)
        for group, ends in groups:
            np.maximum(furthest, from_any(group)[fits] * ends.astype(numbers), out=furthest)
        np.maximum.accumulate(furthest, axis=1, out=furthest)
        is_missed = np.ones((furthest.shape[0], width), dtype=np.bool_)
        np.less(furthest[:, :-1], cuts, out=is_missed[:, 1 : problem.layers + 1])
        targets = codes[fits] + units * problem.grid.stride(processor)
        missed[targets, processor] &= np.packbits(is_missed, axis=1)
