"""The solver against a search that tries every plan, written from the definitions and from nothing else."""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from host.errors import InfeasibleError, InputError
from host.planner import Constraints, Objective, parse_profile, solve

Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Stage:
    first: int
    last: int
    processor: str
    cores: int
    replicas: int
    time: Fraction


def exact(number: float) -> Fraction:
    """A number as it is written in JSON."""
    return Fraction(repr(number))


class EveryPlan:
    """All plans of a document that keep its constraints, by exact fractions."""

    def __init__(self, document: Document, constraints: Constraints) -> None:
        self.document = document
        self.constraints = constraints
        self.names = [layer["name"] for layer in document["layers"]]
        self.cores = {row["name"]: row["cores"] for row in document["processors"]}

    def best(self) -> tuple[Fraction, int, Fraction] | None:
        """The least (period, number of stages, latency)."""
        ranks = ((period, len(stages), latency) for _, stages, period, latency in self._accepted())
        return min(ranks, default=None)

    def least_energy(self) -> Fraction | None:
        """The least energy a frame of a plan whose energy is known."""
        energies = (self._energy(point, stages, period) for point, stages, period, _ in self._accepted())
        return min((energy for energy in energies if energy is not None), default=None)

    def _accepted(self) -> Iterator[tuple[Document, list[Stage], Fraction, Fraction]]:
        source = exact(1e6 / self.constraints.source_fps) if self.constraints.source_fps else Fraction(0)
        for point in self.document["operating_points"]:
            for stages in self._extensions([], point):
                period = max(source, *(stage.time / stage.replicas for stage in stages))
                latency = sum((stage.time for stage in stages), Fraction(0))
                if self._is_accepted(stages, period, latency):
                    yield point, stages, period, latency

    def _energy(self, point: Document, stages: list[Stage], period: Fraction) -> Fraction | None:
        """Layers, transfers, and the idle board in a period; None where any of it is not known."""
        parts = [point["idle_power_mw"]]
        for before, stage in zip([None, *stages], stages, strict=False):
            level = point.get("levels", {}).get(stage.processor, point["name"])
            for name in self.names[stage.first : stage.last + 1]:
                key = (name, stage.processor, stage.cores, level)
                parts += [
                    row["energy_uj"]
                    for row in self.document["costs"]
                    if (row["layer"], row["processor"], row["cores"], row["level"]) == key
                ]
            if before is not None and before.processor != stage.processor:
                parts += [
                    row["energy_uj"]
                    for row in self.document["transfers"]
                    if (row["from"], row["to"]) == (before.processor, stage.processor)
                ]
        if None in parts:
            return None
        idle, *energies = map(exact, parts)
        return sum(energies, Fraction(0)) + idle * period / 1000

    def _extensions(self, stages: list[Stage], point: Document) -> Iterator[list[Stage]]:
        first = stages[-1].last + 1 if stages else 0
        if first == len(self.names):
            yield stages
            return
        for last in range(first, len(self.names)):
            for processor, all_cores in self.cores.items():
                most = point.get("cores", {}).get(processor, all_cores)
                used = sum(stage.cores * stage.replicas for stage in stages if stage.processor == processor)
                for cores in range(1, most - used + 1):
                    time = self._time(stages, first, last, processor, cores, point)
                    if time is None:
                        continue
                    for replicas in range(1, (most - used) // cores + 1):
                        stage = Stage(first, last, processor, cores, replicas, time)
                        yield from self._extensions([*stages, stage], point)

    def _time(
        self, stages: list[Stage], first: int, last: int, processor: str, cores: int, point: Document
    ) -> Fraction | None:
        level = point.get("levels", {}).get(processor, point["name"])
        total = exact(self.document["handover_us"])
        for name in self.names[first : last + 1]:
            rows = [
                row
                for row in self.document["costs"]
                if (row["layer"], row["processor"], row["cores"], row["level"])
                == (name, processor, cores, level)
            ]
            if not rows:
                return None
            total += exact(rows[0]["latency_us"])
        return total + (self._transfer(stages[-1].processor, processor, first) if stages else 0)

    def _transfer(self, source: str, target: str, cut: int) -> Fraction:
        if source == target:
            return Fraction(0)
        before, after = self.document["layers"][:cut], self.document["layers"][cut:]
        needed = {name for layer in after for name in layer["inputs"]}
        crossing = sum(layer["output_bytes"] for layer in before if layer["name"] in needed)
        for row in self.document.get("transfers", []):
            if (row["from"], row["to"]) == (source, target):
                return exact(row["latency_us"]) + Fraction(crossing * 1_000_000) / exact(row["bytes_per_s"])
        return Fraction(0)

    def _is_accepted(self, stages: list[Stage], period: Fraction, latency: Fraction) -> bool:
        limits = self.constraints
        used = {stage.processor for stage in stages}
        ends = {self.names[stage.last] for stage in stages}
        slack = Fraction(1_000_000_001, 1_000_000_000)
        return (
            (limits.max_stages is None or len(stages) <= limits.max_stages)
            and not (limits.no_replicas and any(stage.replicas > 1 for stage in stages))
            and (limits.min_fps is None or period <= exact(1e6 / limits.min_fps) * slack)
            and (limits.max_latency_ms is None or latency <= exact(limits.max_latency_ms) * 1000 * slack)
            and used >= set(limits.use)
            and not used & set(limits.avoid)
            and ends >= set(limits.cuts)
        )


def random_constraints(chance: random.Random, document: Document) -> Constraints:
    """Mostly few limits, near to where they begin to matter."""
    processors = [row["name"] for row in document["processors"]]
    layers = [layer["name"] for layer in document["layers"]]
    chance.shuffle(processors)
    avoid = processors[:1] if len(processors) > 1 and chance.random() < 0.15 else []
    return Constraints(
        max_stages=chance.choice((None, None, None, 1, 2, 3)),
        no_replicas=chance.random() < 0.25,
        min_fps=chance.choice((None, None, None, 5e4, 2e5, 4e5)),
        max_latency_ms=chance.choice((None, None, 0.003, 0.005, 0.0085, 0.02)),
        source_fps=chance.choice((None, None, None, 1e5, 2.5e5)),
        use=tuple(processors[len(avoid) : len(avoid) + 1] if chance.random() < 0.15 else []),
        avoid=tuple(avoid),
        cuts=tuple(name for name in layers[:-1] if chance.random() < 0.1),
    )


def check_against_every_plan(document: Document, constraints: Constraints) -> bool:
    """Whether there is a plan; fails when solver and exhaustive search disagree."""
    best = EveryPlan(document, constraints).best()
    try:
        plan = solve(parse_profile(document), constraints)
    except InfeasibleError:
        assert best is None
        return False
    except InputError:
        assert best is None or best[0] == 0
        return False
    assert best is not None
    period, stages, latency = best
    assert plan.period_us == pytest.approx(float(period), rel=1e-12)
    assert len(plan.stages) == stages
    assert plan.latency_us == pytest.approx(float(latency), rel=1e-12)
    assert plan.bound_us <= plan.period_us
    check_plan_itself(plan.to_document(), document)
    return True


def check_against_every_energy(document: Document, constraints: Constraints) -> bool:
    """Whether there is a plan; fails when solver and exhaustive search disagree about the least energy."""
    constraints = replace(constraints, max_latency_ms=None)
    every = EveryPlan(document, constraints)
    best = every.least_energy()
    try:
        plan = solve(parse_profile(document), constraints, Objective.ENERGY)
    except InfeasibleError:
        assert best is None
        return False
    except InputError:
        fastest = every.best()
        assert best is None or (fastest is not None and fastest[0] == 0)
        return False
    assert best is not None
    assert plan.energy_uj_per_frame == pytest.approx(float(best), rel=1e-9)
    assert plan.objective == "energy"
    check_plan_itself(plan.to_document(), document)
    return True


def check_plan_itself(plan: Document, document: Document) -> None:
    """The stages of a plan, added up again, give the plan's numbers."""
    every = EveryPlan(document, Constraints())
    point = next(row for row in document["operating_points"] if row["name"] == plan["operating_point"])
    stages: list[Stage] = []
    for row in plan["stages"]:
        where = (row["processor"], row["cores"])
        assert row["first"] == (stages[-1].last + 1 if stages else 0)
        assert row["layers"] == every.names[row["first"] : row["last"] + 1]
        time = every._time(stages, row["first"], row["last"], *where, point)
        assert time is not None
        assert row["time_us"] == pytest.approx(float(time), rel=1e-12)
        stages.append(Stage(row["first"], row["last"], *where, row["replicas"], time))
    assert stages[-1].last == len(every.names) - 1
    for name, most in (every.cores | point.get("cores", {})).items():
        assert sum(stage.cores * stage.replicas for stage in stages if stage.processor == name) <= most


@pytest.mark.parametrize("seed", range(8))
def test_no_plan_is_better(seed: int, make_document: Callable[..., Document]) -> None:
    chance = random.Random(seed)
    solved = 0
    for _ in range(250):
        document = make_document(chance, layers=4, processors=3, cores=2)
        solved += check_against_every_plan(document, Constraints())
    assert solved > 100


@pytest.mark.parametrize("seed", range(8))
def test_no_plan_within_constraints_is_better(seed: int, make_document: Callable[..., Document]) -> None:
    chance = random.Random(100 + seed)
    solved = 0
    for _ in range(250):
        document = make_document(chance, layers=4, processors=2, cores=3)
        solved += check_against_every_plan(document, random_constraints(chance, document))
    assert solved > 50


@pytest.mark.parametrize("seed", range(4))
def test_no_plan_of_a_longer_network_is_better(seed: int, make_document: Callable[..., Document]) -> None:
    chance = random.Random(200 + seed)
    for _ in range(40):
        document = make_document(chance, layers=8, processors=2, cores=2)
        check_against_every_plan(document, random_constraints(chance, document))


@pytest.mark.parametrize("seed", range(8))
def test_no_plan_takes_less_energy(seed: int, make_document: Callable[..., Document]) -> None:
    chance = random.Random(300 + seed)
    solved = 0
    for _ in range(200):
        document = make_document(chance, layers=4, processors=2, cores=3)
        solved += check_against_every_energy(document, random_constraints(chance, document))
    assert solved > 20


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.randoms(use_true_random=False))
def test_no_plan_that_hypothesis_finds_is_better(
    make_document: Callable[..., Document], chance: random.Random
) -> None:
    document = make_document(chance, layers=4, processors=2, cores=4)
    check_against_every_plan(document, random_constraints(chance, document))
