"""When is a measurement good enough? Pure functions on samples."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

MIN_SAMPLES = 8
"""Fewer say nothing about the scatter."""

RELATIVE_ERROR = 0.02
"""A layer is steady when the standard error of its median is at most this part of the median."""

NEGLIGIBLE_PART = 0.0005
"""An error below this part of the whole network's time does not matter, however short the layer is."""

_MAD_TO_SIGMA = 1.4826
_MEDIAN_TO_MEAN_ERROR = 1.2533

Samples = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What the samples of a network's layers are worth.

    Attributes:
        steady: For each layer whether its median can be relied on.
    """

    steady: tuple[bool, ...]

    @property
    def is_steady(self) -> bool:
        """Whether every layer is steady."""
        return all(self.steady)


def median_error(samples: Samples) -> float:
    """Standard error of the median, from the median absolute deviation, robust against single late samples.

    Args:
        samples: `(n,)`, any unit, n at least 1.

    Returns:
        The error in the samples' unit.
    """
    deviation = float(np.median(np.abs(samples - np.median(samples))))
    return _MEDIAN_TO_MEAN_ERROR * _MAD_TO_SIGMA * deviation / float(np.sqrt(len(samples)))


def judge(layers: Sequence[Samples]) -> Verdict:
    """Judges the samples of all layers of one network on one placement.

    Args:
        layers: For each layer its samples, `(n,)`, all in one unit.
    """
    total = sum(float(np.median(samples)) for samples in layers if len(samples))
    return Verdict(steady=tuple(_is_steady(samples, total) for samples in layers))


def _is_steady(samples: Samples, total: float) -> bool:
    if len(samples) < MIN_SAMPLES:
        return False
    allowed = max(RELATIVE_ERROR * float(np.median(samples)), NEGLIGIBLE_PART * total)
    return median_error(samples) <= allowed
