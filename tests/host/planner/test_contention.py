"""Pipelines are planned with what layers take beside other work, single placements with what they take alone."""

from typing import Any

import pytest

from host.errors import InfeasibleError
from host.planner import Constraints, Plan, parse_profile, profile_document, solve

Document = dict[str, Any]


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
