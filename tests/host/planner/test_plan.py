"""Plan documents: exact keys, and nothing that does not fit together."""

import json
from dataclasses import replace
from typing import Any

import pytest

from host.errors import InputError
from host.planner import Measured, MeasuredStage, Plan, parse_profile, solve

Document = dict[str, Any]


@pytest.fixture
def plan(document: Document) -> Plan:
    return solve(parse_profile(document))


@pytest.fixture
def measured(plan: Plan) -> Plan:
    found = Measured(
        period_us=70.0,
        throughput_fps=1e6 / 70.0,
        latency_us=120.0,
        energy_uj_per_frame=None,
        stages=tuple(MeasuredStage(time_us=60.0) for _ in plan.stages),
        frames=200,
    )
    return replace(plan, measured=found)


def test_a_plans_document_has_the_keys_that_everybody_reads(plan: Plan) -> None:
    document = plan.to_document()
    assert list(document) == [
        "schema",
        "model",
        "board",
        "operating_point",
        "objective",
        "stages",
        "period_us",
        "throughput_fps",
        "latency_us",
        "energy_uj_per_frame",
        "baseline",
        "gain",
        "bound_us",
        "measured",
    ]
    keys = ["first", "last", "layers", "processor", "cores", "replicas", "time_us", "energy_uj"]
    assert list(document["stages"][0]) == keys
    assert list(document["baseline"]) == ["processor", "cores", "period_us"]
    assert (document["schema"], document["objective"]) == ("stageline.plan/1", "throughput")


def test_a_plan_survives_writing_and_reading(plan: Plan, measured: Plan) -> None:
    for each in (plan, measured, replace(plan, baseline=None, gain=None)):
        assert Plan.from_document(json.loads(json.dumps(each.to_document(), allow_nan=False))) == each


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"schema": "stageline.plan/2"}, "schema is"),
        ({"period_us": 0}, "period_us is 0; it must be more than zero"),
        ({"stages": []}, "stages is empty"),
        ({"gain": "2"}, 'gain is "2", not a number'),
        ({"baseline": 5}, "baseline is 5, not an object"),
        ({"note": "x"}, 'unknown key "note"'),
    ],
)
def test_a_damaged_plan_is_refused(plan: Plan, change: Document, expected: str) -> None:
    with pytest.raises(InputError) as caught:
        Plan.from_document(plan.to_document() | change)
    assert caught.value.message.startswith(expected)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"first": 1}, "stages[0].first is 1, and the stage must begin at layer 0"),
        ({"last": 7}, "stages[0].last is 7, which does not fit 0 as the first of"),
        ({"layers": []}, "stages[0].last is"),
        ({"replicas": 0}, "stages[0].replicas is 0; it must be at least 1"),
    ],
)
def test_stages_that_do_not_follow_each_other_are_refused(
    plan: Plan, change: Document, expected: str
) -> None:
    document = plan.to_document()
    document["stages"][0] |= change
    with pytest.raises(InputError) as caught:
        Plan.from_document(document)
    assert caught.value.message.startswith(expected)


def test_measurements_of_other_stages_are_refused(measured: Plan) -> None:
    document = measured.to_document()
    document["measured"]["stages"].append({"time_us": 1.0})
    with pytest.raises(InputError, match=r"measured.stages has 3 entries, and the plan has 2 stages"):
        Plan.from_document(document)
