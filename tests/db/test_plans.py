"""Plans and deployments come back as they were stored; malformed ones are refused whole."""

from typing import Any

import pytest

from db.errors import NotFoundError, RecordError
from db.store import Store


def test_plan_survives(store: Store, samples: Any) -> None:
    plan_id = store.add_plan(samples.plan())

    record = store.plan(plan_id)

    assert record.document == samples.plan()
    assert (record.model_fingerprint, record.board_fingerprint) == (None, None)


def test_plan_remembers_model_and_board(store: Store, samples: Any) -> None:
    record = store.plan(samples.fill(store))

    assert (record.model_fingerprint, record.board_fingerprint) == ("model-1", "board-1")


def test_plan_carries_what_its_last_deployment_measured(store: Store, samples: Any) -> None:
    plan_id = store.add_plan(samples.plan())
    store.add_deployment(plan_id, samples.measured(period_us=150.0))
    store.add_deployment(plan_id, samples.measured())

    assert store.plan(plan_id).document["measured"] == samples.measured()
    assert [item.measured["period_us"] for item in store.deployments(plan_id)] == [104.0, 150.0]


def test_plan_summary_names_the_placements_in_order(store: Store, samples: Any) -> None:
    plan_id = samples.fill(store)

    (summary,) = store.plans()

    assert (summary.id, summary.pipeline) == (plan_id, "gpu | a57x2 *2")
    assert (summary.deployments, summary.measured_period_us) == (1, 104.0)


def test_plans_are_listed_newest_first(store: Store, samples: Any) -> None:
    for model in ("tinynet", "hugenet", "tinynet"):
        store.add_plan(samples.plan(model=model))

    assert [summary.id for summary in store.plans()] == [3, 2, 1]
    assert [summary.id for summary in store.plans(model="tinynet", board="tx2")] == [3, 1]
    assert [summary.id for summary in store.plans(limit=1)] == [3]
    assert store.plans(board="nano") == ()


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"period_us": "fast"}, "expected a number as 'period_us', found 'fast'"),
        ({"period_us": float("nan")}, "cannot be stored as JSON"),
        ({"model": None}, "expected text as 'model', found None"),
        ({"gain": True}, "expected a number as 'gain', found True"),
        ({"stages": []}, "expected a list that is not empty as 'stages'"),
        ({"stages": [{"layers": ["conv1"]}]}, "stage 1 of the plan cannot be stored: it has no 'processor'"),
        ({"stages": [7]}, "stage 1 of the plan cannot be stored: expected an object, found 7"),
    ],
)
def test_malformed_plan_is_refused_whole(
    store: Store, samples: Any, changes: dict[str, Any], named: str
) -> None:
    with pytest.raises(RecordError, match=named):
        store.add_plan(samples.plan(**changes))

    assert store.plans() == ()


def test_plan_of_unknown_model_or_board_is_refused(store: Store, samples: Any) -> None:
    with pytest.raises(RecordError, match="no model with the fingerprint model-9"):
        store.add_plan(samples.plan(), model_fingerprint="model-9")
    with pytest.raises(RecordError, match="no board with the fingerprint board-9"):
        store.add_plan(samples.plan(), board_fingerprint="board-9")


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"stages": [{"time_us": 1.0}]}, "the measurement has 1 stages, plan 1 has 2"),
        ({"frames": 1.5}, "expected a whole number as 'frames', found 1.5"),
        ({"latency_us": None}, "expected a number as 'latency_us', found None"),
    ],
)
def test_malformed_measurement_is_refused(
    store: Store, samples: Any, changes: dict[str, Any], named: str
) -> None:
    store.add_plan(samples.plan())

    with pytest.raises(RecordError, match=named):
        store.add_deployment(1, samples.measured(**changes))

    assert store.deployments() == ()


def test_missing_plan_is_wrong_input_not_a_broken_database(store: Store, samples: Any) -> None:
    with pytest.raises(NotFoundError, match="no plan 17") as none_stored:
        store.plan(17)
    store.add_plan(samples.plan())
    with pytest.raises(NotFoundError) as one_stored:
        store.add_deployment(17, samples.measured())

    assert none_stored.value.exit_code == 3
    assert "host plan" in none_stored.value.hint
    assert one_stored.value.hint == "the newest one is 1"


def test_slowdowns_say_whose_they_are(store: Store, samples: Any) -> None:
    samples.fill(store)

    first, second = store.slowdowns("board-1", "maxn")

    assert (first.model_fingerprint, first.processor, first.cores) == ("model-1", "gpu", 1)
    assert (first.first_layer, first.last_layer, first.slowdown) == ("conv1", "conv2", 1.02)
    assert (second.processor, second.cores, second.slowdown) == ("a57", 2, 1.04)
    assert first.has_replicas
    assert not first.is_alone
    assert store.slowdowns("board-1", "maxq") == store.slowdowns("board-2", "maxn") == ()


def test_slowdowns_come_newest_first_and_may_be_unknown(store: Store, samples: Any) -> None:
    plan_id = samples.fill(store)
    store.add_deployment(plan_id, samples.measured(), [2.02, 2.04])
    store.add_deployment(plan_id, samples.measured())

    assert [one.slowdown for one in store.slowdowns("board-1", "maxn")] == [2.02, 2.04, 1.02, 1.04]
    assert len(store.slowdowns("board-1", "maxn", limit=3)) == 3


def test_a_stage_that_ran_by_itself_is_alone(store: Store, samples: Any) -> None:
    samples.fill(store)
    stage = samples.plan()["stages"][0] | {"layers": ["conv1", "conv2", "fc"], "last": 2}
    plan_id = store.add_plan(
        samples.plan(stages=[stage]), model_fingerprint="model-1", board_fingerprint="board-1"
    )
    store.add_deployment(plan_id, samples.measured(stages=[{"time_us": 1.0}]), [1.5])

    assert store.slowdowns("board-1", "maxn")[0].is_alone
