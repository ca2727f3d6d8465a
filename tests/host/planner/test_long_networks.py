"""Networks that are too long to try every plan: against all partial plans that no other one beats."""

import random
from collections.abc import Callable, Iterator
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from host.errors import InfeasibleError
from host.planner import Constraints, parse_profile, solve
from host.planner.problem import NEVER
from host.planner.routes import _least_over_windows

Document = dict[str, Any]
Rank = tuple[Fraction, int, Fraction]
State = tuple[str, tuple[int, ...]]


class PartialPlans:
    """The least (period, stages, latency) at one operating point, by way of partial plans."""

    def __init__(self, document: Document, point: str) -> None:
        self.names = [layer["name"] for layer in document["layers"]]
        here = next(row for row in document["operating_points"] if row["name"] == point)
        self.cores = {row["name"]: row["cores"] for row in document["processors"]} | here.get("cores", {})
        self.latency = {
            (row["layer"], row["processor"], row["cores"]): Fraction(repr(row["latency_us"]))
            for row in document["costs"]
            if row["level"] == point
        }
        self.transfers = {(row["from"], row["to"]): row for row in document["transfers"]}
        self.handover = Fraction(repr(document["handover_us"]))
        self.layers = document["layers"]

    def best(self) -> Rank | None:
        """The least rank of a complete plan."""
        nothing_used = tuple(0 for _ in self.cores)
        ends: list[dict[State, list[Rank]]] = [{} for _ in range(len(self.names) + 1)]
        ends[0]["", nothing_used] = [(Fraction(0), 0, Fraction(0))]
        for begin in range(len(self.names)):
            for (before, used), ranks in ends[begin].items():
                for end, state, time, replicas in self._stages(begin, before, used):
                    found = ends[end].setdefault(state, [])
                    found += [
                        (max(period, time / replicas), stages + 1, latency + time)
                        for period, stages, latency in ranks
                    ]
                    found[:] = _unbeaten(found)
        return min((rank for ranks in ends[-1].values() for rank in ranks), default=None)

    def _stages(
        self, begin: int, before: str, used: tuple[int, ...]
    ) -> Iterator[tuple[int, State, Fraction, int]]:
        for index, (processor, most) in enumerate(self.cores.items()):
            for cores in range(1, most - used[index] + 1):
                time = self.handover + self._transfer(before, processor, begin)
                for end in range(begin + 1, len(self.names) + 1):
                    latency = self.latency.get((self.names[end - 1], processor, cores))
                    if latency is None:
                        break
                    time += latency
                    for replicas in range(1, (most - used[index]) // cores + 1):
                        taken = used[index] + cores * replicas
                        state = (processor, (*used[:index], taken, *used[index + 1 :]))
                        yield end, state, time, replicas

    def _transfer(self, before: str, after: str, cut: int) -> Fraction:
        row = self.transfers.get((before, after))
        if row is None or before == after:
            return Fraction(0)
        needed = {name for layer in self.layers[cut:] for name in layer["inputs"]}
        crossing = sum(layer["output_bytes"] for layer in self.layers[:cut] if layer["name"] in needed)
        moving = Fraction(crossing * 1_000_000) / Fraction(repr(row["bytes_per_s"]))
        return Fraction(repr(row["latency_us"])) + moving


def _unbeaten(ranks: list[Rank]) -> list[Rank]:
    kept: list[Rank] = []
    for rank in sorted(set(ranks)):
        if not any(other[1] <= rank[1] and other[2] <= rank[2] for other in kept):
            kept.append(rank)
    return kept


@pytest.mark.parametrize("seed", range(10))
def test_no_plan_of_a_long_network_is_better(seed: int, make_document: Callable[..., Document]) -> None:
    chance = random.Random(seed)
    for _ in range(4):
        document = make_document(chance, layers=24, processors=2, cores=3)
        points = [point["name"] for point in document["operating_points"]]
        ranks = [rank for point in points if (rank := PartialPlans(document, point).best())]
        try:
            plan = solve(parse_profile(document))
        except InfeasibleError:
            assert not ranks
            continue
        period, stages, latency = min(ranks)
        assert plan.period_us == pytest.approx(float(period), rel=1e-12)
        assert len(plan.stages) == stages
        assert plan.latency_us == pytest.approx(float(latency), rel=1e-12)


@pytest.mark.parametrize("seed", range(5))
def test_the_least_over_windows_is_the_least_of_all_that_reach_a_cut(seed: int) -> None:
    chance = np.random.default_rng(seed)
    cuts = 60
    values = chance.integers(-50, 50, size=(7, cuts))
    values[chance.random(values.shape) < 0.5] = NEVER
    begins = np.arange(cuts)
    ends = np.minimum(begins + chance.integers(0, cuts, size=cuts), cuts - 1)
    ends[ends <= begins] = 0
    expected = np.full(values.shape, NEVER)
    for begin, end in enumerate(ends):
        for cut in range(begin + 1, end + 1):
            expected[:, cut] = np.minimum(expected[:, cut], values[:, begin])
    assert (_least_over_windows(values, ends) == expected).all()


def test_a_thousand_layers_are_planned(make_document: Callable[..., Document]) -> None:
    chance = random.Random(1)
    names = [f"layer{index}" for index in range(1000)]
    document = make_document(chance, layers=1, processors=1, cores=1) | {
        "layers": [{"name": name, "inputs": ["input"], "output_bytes": 1} for name in names],
        "processors": [{"name": "cpu", "cores": 4}, {"name": "gpu", "cores": 1}],
        "operating_points": [{"name": "only"}],
        "transfers": [],
        "costs": [
            {
                "layer": name,
                "processor": processor,
                "cores": cores,
                "level": "only",
                "latency_us": time / speed,
            }
            for name in names
            for time in [chance.randint(1, 1000)]
            for processor, cores, speed in (("cpu", 1, 1), ("cpu", 2, 2), ("cpu", 4, 4), ("gpu", 1, 4))
        ],
    }
    plan = solve(parse_profile(document), Constraints(no_replicas=True))
    assert len(plan.stages) == 2
    assert plan.bound_us <= plan.period_us <= plan.bound_us + 1000
