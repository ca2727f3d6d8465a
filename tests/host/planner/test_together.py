"""Networks that share a board: equal to trying all pairs of plans; they never use more cores than there are."""

import random
from collections.abc import Callable
from copy import deepcopy
from fractions import Fraction
from typing import Any

import pytest

from host.errors import InfeasibleError, InputError, UsageError
from host.planner import Constraints, Plan, parse_profile, solve_together
from tests.bench.planner import document as made_up
from tests.host.planner.test_exactness import EveryPlan, Stage, check_plan_itself

Document = dict[str, Any]


def sibling(chance: random.Random, document: Document) -> Document:
    """Another network on the same board."""
    other = deepcopy(document)
    other["costs"] = [row for row in other["costs"] if chance.random() < 0.95]
    for row in other["costs"]:
        row["latency_us"] = round(row["latency_us"] * chance.choice((0.5, 1.0, 2.0, 3.0)), 3)
    return other


def plans_of(every: EveryPlan, point: Document) -> list[tuple[dict[str, int], Fraction, int]]:
    """Used cores, period and number of stages of all plans at an operating point."""
    found = []
    for stages in every._extensions([], point):
        cores: dict[str, int] = {}
        for stage in stages:
            cores[stage.processor] = cores.get(stage.processor, 0) + stage.cores * stage.replicas
        found.append((cores, max(_share(stage) for stage in stages), len(stages)))
    return found


def takes_no_time(document: Document) -> bool:
    """Whether some plan has a period of nothing, so that there is no throughput to tell."""
    every = EveryPlan(document, Constraints())
    return any(plan[1] == 0 for point in document["operating_points"] for plan in plans_of(every, point))


def _share(stage: Stage) -> Fraction:
    return stage.time / stage.replicas


def least_load(documents: list[Document], rates: list[float], max_stages: int | None) -> Fraction | None:
    """Of all pairs of plans that fit onto the board."""
    first, second = (EveryPlan(document, Constraints()) for document in documents)
    loads = []
    for index, point in enumerate(documents[0]["operating_points"]):
        most = first.cores | point.get("cores", {})
        others = plans_of(second, documents[1]["operating_points"][index])
        for cores, period, stages in plans_of(first, point):
            for other_cores, other_period, other_stages in others:
                if max_stages and stages + other_stages > max_stages:
                    continue
                if all(cores.get(name, 0) + other_cores.get(name, 0) <= most[name] for name in most):
                    loads.append(
                        max(period * Fraction(rates[0]), other_period * Fraction(rates[1])) / 1_000_000
                    )
    return min(loads, default=None)


@pytest.mark.parametrize("seed", range(6))
def test_no_pair_of_plans_is_better(seed: int, make_document: Callable[..., Document]) -> None:
    chance = random.Random(seed)
    solved = 0
    for _ in range(40):
        document = make_document(chance, layers=3, processors=2, cores=3)
        documents = [document, sibling(chance, document)]
        rates = [chance.choice((1.0, 2.0, 5.0)) for _ in documents]
        max_stages = chance.choice((None, None, 2, 3))
        best = least_load(documents, rates, max_stages)
        tables = [parse_profile(one) for one in documents]
        try:
            shared = solve_together(tables, rates, Constraints(max_stages=max_stages))
        except InfeasibleError:
            assert best is None or best > 1
            continue
        except InputError:
            assert any(takes_no_time(one) for one in documents)
            continue
        assert best is not None
        assert shared.load == pytest.approx(float(best), rel=1e-9)
        loads = [plan.period_us * rate / 1e6 for plan, rate in zip(shared.plans, rates, strict=True)]
        assert max(loads) == pytest.approx(shared.load)
        assert len({plan.operating_point for plan in shared.plans}) == 1
        for plan, one in zip(shared.plans, documents, strict=True):
            check_plan_itself(plan.to_document(), one)
        require_fit(shared.plans, document)
        solved += 1
    assert solved > 10


def require_fit(plans: tuple[Plan, ...], document: Document) -> None:
    """All stages together use no more cores than there are."""
    point = next(row for row in document["operating_points"] if row["name"] == plans[0].operating_point)
    most = {row["name"]: row["cores"] for row in document["processors"]} | point.get("cores", {})
    for name, cores in most.items():
        used = [
            stage.cores * stage.replicas for plan in plans for stage in plan.stages if stage.processor == name
        ]
        assert sum(used) <= cores


def usual(seed: int) -> Document:
    """A network of 100 layers on a TX2's processors."""
    points = [{"denver2": 1.0, "a57": 1.0, "gpu": speed} for speed in (0.5, 1.0)]
    return made_up(random.Random(seed), 100, {"denver2": 2, "a57": 4, "gpu": 1}, points)


def test_two_networks_of_a_hundred_layers_share_a_board() -> None:
    documents = [usual(1), usual(2)]
    shared = solve_together([parse_profile(one) for one in documents], [5.0, 10.0])
    require_fit(shared.plans, documents[0])
    assert 0 < shared.load < 1
    assert [len(plan.stages[-1].layers) > 0 for plan in shared.plans] == [True, True]


def test_without_rates_both_get_the_highest_that_both_can_have() -> None:
    tables = [parse_profile(usual(seed)) for seed in (1, 2)]
    shared = solve_together(tables)
    assert shared.load == 1.0
    assert shared.rates_fps[0] == shared.rates_fps[1]
    assert min(plan.throughput_fps for plan in shared.plans) == pytest.approx(shared.rates_fps[0])
    with pytest.raises(InfeasibleError, match=r"keeps up with 9\d %"):
        solve_together(tables, [1.05 * rate for rate in shared.rates_fps])
    solve_together(tables, [0.999 * rate for rate in shared.rates_fps])


def test_transfers_and_handovers_belong_to_their_network(document: Document) -> None:
    tables = [parse_profile(document), parse_profile(document | {"handover_us": 5.0})]
    shared = solve_together(tables, [100.0, 100.0])
    assert max(plan.period_us for plan in shared.plans) == pytest.approx(shared.load * 1e4)
    for plan, handover_us in zip(shared.plans, (0.5, 5.0), strict=True):
        check_plan_itself(plan.to_document(), document | {"handover_us": handover_us})


def test_what_cannot_be_shared_is_refused(document: Document) -> None:
    table = parse_profile(document)
    other = parse_profile(document | {"board": "nano"})
    with pytest.raises(UsageError, match="same board"):
        solve_together([table, other], [1.0, 1.0])
    with pytest.raises(UsageError, match="rates"):
        solve_together([table, table], [1.0])
    with pytest.raises(UsageError, match="--fps"):
        solve_together([table, table], [1.0, 1.0], Constraints(max_latency_ms=3.0))
    with pytest.raises(InfeasibleError, match="stages"):
        solve_together([table, table], [1.0, 1.0], Constraints(max_stages=1))
