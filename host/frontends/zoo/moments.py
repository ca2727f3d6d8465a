"""How large activations get when parameters are random: mean and variance followed through the layers.

With these estimates the batch norms of a network with random parameters get statistics that fit what reaches
them, so that activations neither explode nor vanish, and its scores spread as those of a trained network do.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

# Mean of the largest of n independent standard normal values; neighbouring activations are not independent.
_LARGEST_OF = {4: 1.03, 9: 1.49}
_INDEPENDENCE = 0.4


@dataclass(frozen=True, slots=True, kw_only=True)
class Moments:
    """Mean and variance over all elements of an activation, taken as normally distributed."""

    mean: float = 0.0
    variance: float = 1.0

    @property
    def power(self) -> float:
        """Mean square."""
        return self.mean**2 + self.variance

    @property
    def deviation(self) -> float:
        """Standard deviation."""
        return math.sqrt(self.variance)

    def rectified(self) -> Self:
        """Behind a ReLU: the moments of a rectified normal distribution."""
        ratio = self.mean / self.deviation
        below = math.erfc(-ratio / math.sqrt(2)) / 2
        density = math.exp(-(ratio**2) / 2) / math.sqrt(2 * math.pi)
        mean = self.mean * below + self.deviation * density
        power = self.power * below + self.mean * self.deviation * density
        return type(self)(mean=mean, variance=power - mean**2)

    def largest_of(self, count: int) -> Self:
        """Behind a max pooling over `count` elements."""
        shift = _INDEPENDENCE * _LARGEST_OF[count] * self.deviation
        return type(self)(mean=self.mean + shift, variance=self.variance)

    def plus(self, other: "Moments") -> Self:
        """Behind an addition of two activations that have nothing to do with each other."""
        return type(self)(mean=self.mean + other.mean, variance=self.variance + other.variance)


def mixture(parts: Sequence[tuple[int, Moments]]) -> Moments:
    """Behind a concatenation: each part counts with its number of channels."""
    total = sum(count for count, _ in parts)
    mean = sum(count * moments.mean for count, moments in parts) / total
    power = sum(count * moments.power for count, moments in parts) / total
    return Moments(mean=mean, variance=power - mean**2)
