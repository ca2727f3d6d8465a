"""Pipelines are planned with what layers take beside other work, single placements with what they take alone."""

from typing import Any

import pytest

from host.errors import InfeasibleError
from host.planner import (
    Constraints,
    Placement,
    Plan,
    Slowed,
    corrected,
    parse_profile,
    predict,
    profile_document,
    slowdowns,
    solve,
)

Document = dict[str, Any]

LEVELS = {"a57": "2035200", "gpu": "1300500000"}


def slowed(document: Document, factor: float) -> Document:
    """The same board, on which every layer takes `factor` times as long beside other work."""
    costs = [{**cost, "busy_latency_us": factor * cost["latency_us"]} for cost in document["costs"]]
    return {**document, "costs": costs, "handover_us": 0.0, "transfers": []}


def plan(document: Document, **limits: Any) -> Plan:
    return solve(parse_profile(document), Constraints(**limits))


def test_stages_take_what_they_take_beside_other_work(document: Document) -> None:
    alone, beside = plan(slowed(document, 1.0)), plan(slowed(document, 1.2))
    assert len(alone.stages) == len(beside.stages) == 2
    assert beside.period_us == pytest.approx(1.2 * alone.period_us)


def test_the_baseline_works_alone(document: Document) -> None:
    found = plan(slowed(document, 1.2))
    assert found.baseline is not None
    assert (found.baseline.processor, found.baseline.period_us) == ("gpu", 70.0)
    assert found.gain == 70.0 / found.period_us


def test_a_pipeline_is_not_worth_it_where_work_beside_costs_more_than_it_brings(document: Document) -> None:
    found = plan(slowed(document, 3.0))
    assert [(stage.processor, stage.replicas) for stage in found.stages] == [("gpu", 1)]
    assert (found.period_us, found.gain) == (70.0, 1.0)


def test_cuts_that_are_asked_for_leave_no_single_placement(document: Document) -> None:
    found = plan(slowed(document, 3.0), cuts=("conv1",))
    assert len(found.stages) == 2


def test_a_limit_that_only_a_single_placement_meets_is_met_by_it(document: Document) -> None:
    assert len(plan(slowed(document, 1.2), max_latency_ms=0.071).stages) == 1


def test_a_limit_that_nothing_meets_is_named(document: Document) -> None:
    with pytest.raises(InfeasibleError, match="latency"):
        plan(slowed(document, 1.2), max_latency_ms=0.01)


def test_half_known_contention_counts_where_it_is_known(document: Document) -> None:
    document = slowed(document, 1.2)
    for cost in document["costs"]:
        if cost["processor"] == "gpu":
            cost["busy_latency_us"] = None
    (first, second) = plan(document, cuts=("conv1",), use=("a57", "gpu"), no_replicas=True).stages
    assert [stage.processor for stage in (first, second)] == ["a57", "gpu"]
    assert [stage.time_us for stage in (first, second)] == pytest.approx([60.0, 30.0])


def test_the_exchange_format_keeps_it(document: Document) -> None:
    table = parse_profile(slowed(document, 1.2))
    assert parse_profile(profile_document(table)) == table


def seen(plan: Plan, factors: list[float]) -> list[Slowed]:
    """How the stages of a plan fared."""
    return [
        Slowed(
            placement=Placement(processor=stage.processor, cores=stage.cores),
            level=LEVELS[stage.processor],
            is_alone=len(plan.stages) == 1 and stage.replicas == 1,
            has_replicas=False,
            layers=range(stage.first, stage.last + 1),
            slowdown=factor,
        )
        for stage, factor in zip(plan.stages, factors, strict=True)
    ]


def test_what_a_pipeline_showed_is_predicted_of_it_the_next_time(document: Document) -> None:
    table = parse_profile(slowed(document, 1.2))
    found = solve(table)
    times_us = [stage.time_us * factor for stage, factor in zip(found.stages, (1.1, 0.95), strict=True)]
    period_us = max(time / stage.replicas for time, stage in zip(times_us, found.stages, strict=True))
    factors = slowdowns(table, found, times_us, period_us)
    assert factors == pytest.approx([1.1, 0.95])
    again = predict(corrected(table, seen(found, factors)), found)
    assert [stage.time_us for stage in again.stages] == pytest.approx(times_us)
    assert again.period_us == pytest.approx(period_us)


def test_a_period_longer_than_every_stage_is_predicted_too(document: Document) -> None:
    table = parse_profile(slowed(document, 1.2))
    found = solve(table)
    factors = slowdowns(table, found, [stage.time_us for stage in found.stages], 1.07 * found.period_us)
    again = predict(corrected(table, seen(found, factors)), found)
    assert again.period_us == pytest.approx(1.07 * found.period_us)


def test_handovers_and_transfers_do_not_slow_down_with_the_layers(document: Document) -> None:
    document = {**slowed(document, 1.0), "handover_us": 3.0}
    document["transfers"] = [
        {"from": one, "to": other, "latency_us": 2.0, "bytes_per_s": 1e9}
        for one, other in (("a57", "gpu"), ("gpu", "a57"))
    ]
    table = parse_profile(document)
    found = solve(table, Constraints(cuts=("conv1",)))
    times_us = [1.3 * stage.time_us for stage in found.stages]
    period_us = 1.3 * found.period_us
    again = predict(corrected(table, seen(found, slowdowns(table, found, times_us, period_us))), found)
    assert [stage.time_us for stage in again.stages] == pytest.approx(times_us)


def test_newer_runs_count_more_and_other_networks_only_where_nothing_else_is_known(
    document: Document,
) -> None:
    table = parse_profile(slowed(document, 1.0))
    gpu = Placement(processor="gpu", cores=1)

    def stage(layers: range, slowdown: float) -> Slowed:
        return Slowed(
            placement=gpu,
            level=LEVELS["gpu"],
            is_alone=False,
            has_replicas=False,
            layers=layers,
            slowdown=slowdown,
        )

    later = corrected(table, [stage(range(1), 1.2), stage(range(1), 1.1), stage(range(0), 2.0)])
    before, after = (
        [layer.costs[gpu, LEVELS["gpu"]].busy_latency_us or 0.0 for layer in one.layers]
        for one in (table, later)
    )
    assert after[0] / before[0] == pytest.approx((1.2**2 * 1.1) ** (1 / 3))
    assert after[1] / before[1] == pytest.approx(1.2)
    assert [layer.costs[gpu, LEVELS["gpu"]].latency_us for layer in later.layers] == [
        layer.costs[gpu, LEVELS["gpu"]].latency_us for layer in table.layers
    ]
