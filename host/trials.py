"""Which schedules of each layer a board tries before it measures: at most a handful, the likeliest first. Pure."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from host.layers.choice import text_of
from host.layers.graph import Choice, Implementation, LayerGraph

Schedule = tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Trials:
    """What may run on one placement.

    Attributes:
        schedules: For each layer, by structural hash, the schedules to try; one where nothing is open.
    """

    schedules: Mapping[str, tuple[Schedule, ...]]

    @property
    def rounds(self) -> tuple[Choice, ...]:
        """Choices that try every schedule of every layer at least once; one where nothing is open."""
        count = max(map(len, self.schedules.values()))
        return tuple(
            {name: some[index % len(some)] for name, some in self.schedules.items()} for index in range(count)
        )

    def implementations(self, graph: LayerGraph) -> list[Implementation]:
        """Every kernel that some round needs."""
        return list(dict.fromkeys(one for choice in self.rounds for one in graph.implementations(choice)))

    def verdict(self, hashes: Sequence[str], samples_us: Sequence[Sequence[Sequence[float]]]) -> "Verdict":
        """Chooses each layer's fastest schedule.

        Args:
            hashes: Structural hashes of the different layers.
            samples_us: For each round, for each of `hashes`, its samples in microseconds.
        """
        times: dict[str, dict[Schedule, list[float]]] = {name: defaultdict(list) for name in hashes}
        for choice, groups in zip(self.rounds, samples_us, strict=True):
            for name, samples in zip(hashes, groups, strict=True):
                times[name][choice[name]].extend(samples)
        medians = {
            name: {schedule: float(np.median(samples)) for schedule, samples in found.items()}
            for name, found in times.items()
        }
        return Verdict(
            choice={name: min(found, key=lambda one: found[one]) for name, found in medians.items()},
            candidates_us={
                name: {text_of(schedule): time for schedule, time in found.items()} if len(found) > 1 else {}
                for name, found in medians.items()
            },
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What the trials showed.

    Attributes:
        choice: Each layer's fastest schedule.
        candidates_us: For each layer the median of every schedule that was tried, where there were several.
    """

    choice: Choice
    candidates_us: Mapping[str, Mapping[str, float]]
