"""The solver against a search that tries every plan, written from the definitions and from nothing else."""

import math
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from host.errors import InfeasibleError, InputError
from host.planner import Constraints, Objective, pareto_front, parse_profile, solve

Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Stage:
    first: int
    last: int
    processor: str
    cores: int
    replicas: int
    time: Fraction


@dataclass(frozen=True, slots=True)
class Tried:
    period: Fraction
    latency: Fraction
    energy: Fraction | None
    stages: int


def _no_more(one: tuple[Fraction, ...], other: tuple[Fraction, ...]) -> bool:
    return all(mine <= its for mine, its in zip(one, other, strict=True))


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

    def best(self, objective: Objective) -> tuple[Fraction, ...] | None:
        """The least rank of an acceptable plan; of the energy alone where that is looked for."""
        plans = self.accepted()
        if objective is Objective.ENERGY:
            return min(((plan.energy,) for plan in plans if plan.energy is not None), default=None)
        if objective is Objective.LATENCY:
            return min(((plan.latency, plan.period) for plan in plans), default=None)
        return min(((plan.period, Fraction(plan.stages), plan.latency) for plan in plans), default=None)

    def front(self) -> set[tuple[Fraction, Fraction, Fraction]]:
        """Period, energy and latency of all plans that none beats; without any energy the energy is 0."""
        plans = self.accepted()
        if self.knows_energy():
            every = {(plan.period, plan.energy, plan.latency) for plan in plans if plan.energy is not None}
        else:
            every = {(plan.period, Fraction(0), plan.latency) for plan in plans}
        return {one for one in every if not any(other != one and _no_more(other, one) for other in every)}

    def knows_energy(self) -> bool:
        """Whether every layer has an energy somewhere, and some operating point an idle power."""
        known = {row["layer"] for row in self.document["costs"] if row["energy_uj"] is not None}
        points = [row["idle_power_mw"] for row in self.document["operating_points"]]
        return known == set(self.names) and any(power is not None for power in points)

    def accepted(self) -> Iterator[Tried]:
        """All plans that keep the constraints."""
        source = exact(1e6 / self.constraints.source_fps) if self.constraints.source_fps else Fraction(0)
        for point in self.document["operating_points"]:
            for stages in self._extensions([], point):
                period = max(source, *(stage.time / stage.replicas for stage in stages))
                plan = Tried(
                    period=period,
                    latency=sum((stage.time for stage in stages), Fraction(0)),
                    energy=self._energy(point, stages, period),
                    stages=len(stages),
                )
                if self._is_accepted(stages, plan):
                    yield plan

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

    def _is_accepted(self, stages: list[Stage], plan: Tried) -> bool:
        limits = self.constraints
        used = {stage.processor for stage in stages}
        ends = {self.names[stage.last] for stage in stages}
        slack = Fraction(1_000_000_001, 1_000_000_000)
        return (
            (limits.max_stages is None or len(stages) <= limits.max_stages)
            and not (limits.no_replicas and any(stage.replicas > 1 for stage in stages))
            and (limits.min_fps is None or plan.period <= exact(1e6 / limits.min_fps) * slack)
            and (limits.max_latency_ms is None or plan.latency <= exact(limits.max_latency_ms) * 1000 * slack)
            and (limits.max_power_w is None or self._draws(plan) <= exact(limits.max_power_w) * slack)
            and used >= set(limits.use)
            and not used & set(limits.avoid)
            and ends >= set(limits.cuts)
        )

    @staticmethod
    def _draws(plan: Tried) -> Fraction | float:
        """Average power in watts; endless where it is not known."""
        if plan.energy is None:
            return math.inf
        if plan.period == 0:
            return math.inf if plan.energy else 0
        return plan.energy / plan.period


def random_constraints(chance: random.Random, document: Document, *, with_power: bool = False) -> Constraints:
    """Mostly few limits, near to where they begin to matter."""
    processors = [row["name"] for row in document["processors"]]
    layers = [layer["name"] for layer in document["layers"]]
    chance.shuffle(processors)
    avoid = processors[:1] if len(processors) > 1 and chance.random() < 0.15 else []
    return Constraints(
        max_power_w=chance.choice((0.5, 0.8, 1.2, 2.0, 4.0)) if with_power else None,
        max_stages=chance.choice((None, None, None, 1, 2, 3)),
        no_replicas=chance.random() < 0.25,
        min_fps=chance.choice((None, None, None, 5e4, 2e5, 4e5)),
        max_latency_ms=chance.choice((None, None, 0.003, 0.005, 0.0085, 0.02)),
        source_fps=chance.choice((None, None, None, 1e5, 2.5e5)),
        use=tuple(processors[len(avoid) : len(avoid) + 1] if chance.random() < 0.15 else []),
        avoid=tuple(avoid),
        cuts=tuple(name for name in layers[:-1] if chance.random() < 0.1),
    )


def check_against_every_plan(
    document: Document, constraints: Constraints, objective: Objective = Objective.THROUGHPUT
) -> bool:
    """Whether there is a plan; fails when solver and exhaustive search disagree."""
    best = EveryPlan(document, constraints).best(objective)
    try:
        plan = solve(parse_profile(document), constraints, objective)
    except InfeasibleError:
        assert best is None
        return False
    except InputError:
        assert best is None or takes_no_time(document, constraints)
        return False
    assert best is not None
    assert plan.objective == objective
    found = {
        Objective.THROUGHPUT: (plan.period_us, len(plan.stages), plan.latency_us),
        Objective.ENERGY: (plan.energy_uj_per_frame,),
        Objective.LATENCY: (plan.latency_us, plan.period_us),
    }[objective]
    if objective is Objective.THROUGHPUT and constraints.max_power_w is not None:
        found, best = found[:2], best[:2]
    assert found == pytest.approx(tuple(map(float, best)), rel=1e-9)
    assert plan.bound_us <= plan.period_us
    check_plan_itself(plan.to_document(), document)
    return True


def check_front(document: Document, constraints: Constraints) -> bool:
    """Whether there is a plan; fails when solver and exhaustive search disagree about what none beats."""
    expected = EveryPlan(document, constraints).front()
    try:
        front = pareto_front(parse_profile(document), constraints)
    except InfeasibleError:
        assert not expected
        return False
    except InputError:
        assert not expected or takes_no_time(document, constraints)
        return False
    found = [(plan.period_us, plan.energy_uj_per_frame or 0.0, plan.latency_us) for plan in front]
    assert len(found) == len(expected)
    in_order = sorted(found, key=lambda values: [f"{value:025.9f}" for value in values])
    for one, other in zip(in_order, sorted(expected), strict=True):
        assert one == pytest.approx(tuple(map(float, other)), rel=1e-9)
    for plan in front:
        check_plan_itself(plan.to_document(), document)
    return True


def takes_no_time(document: Document, constraints: Constraints) -> bool:
    """Whether some plan has a period of nothing, so that there is no throughput to tell."""
    return any(plan.period == 0 for plan in EveryPlan(document, constraints).accepted())


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


@pytest.mark.parametrize("with_power", [False, True])
@pytest.mark.parametrize("objective", Objective)
@pytest.mark.parametrize("seed", range(4))
def test_no_plan_is_better_in_what_is_looked_for(
    seed: int, objective: Objective, with_power: bool, make_document: Callable[..., Document]
) -> None:
    chance = random.Random(300 + seed)
    solved = 0
    for _ in range(150):
        document = make_document(chance, layers=4, processors=2, cores=3)
        constraints = random_constraints(chance, document, with_power=with_power)
        solved += check_against_every_plan(document, constraints, objective)
    assert solved > 10


@pytest.mark.parametrize("with_power", [False, True])
@pytest.mark.parametrize("seed", range(4))
def test_no_plan_beats_one_of_the_front_and_none_is_missing(
    seed: int, with_power: bool, make_document: Callable[..., Document]
) -> None:
    chance = random.Random(400 + seed)
    solved = 0
    for _ in range(150):
        document = make_document(chance, layers=4, processors=2, cores=3)
        solved += check_front(document, random_constraints(chance, document, with_power=with_power))
    assert solved > 10


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.randoms(use_true_random=False))
def test_no_plan_that_hypothesis_finds_is_better(
    make_document: Callable[..., Document], chance: random.Random
) -> None:
    document = make_document(chance, layers=4, processors=2, cores=4)
    check_against_every_plan(document, random_constraints(chance, document))
