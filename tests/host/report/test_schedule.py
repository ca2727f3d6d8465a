"""Timelines follow from stages' times: frames pass as soon as they can, replicas take turns."""

from dataclasses import replace

from host.report.schedule import schedule
from host.report.trace import FRAMES, trace_document
from tests.host.report.test_plan import MEASURED, PLAN


def test_a_frame_enters_a_stage_when_both_are_free() -> None:
    visits = schedule(PLAN, [10.0, 30.0], 3)
    spans = [(visit.frame, visit.stage, visit.start_us, visit.end_us) for visit in visits]
    assert spans == [
        (0, 0, 0.0, 10.0),
        (0, 1, 10.0, 40.0),
        (1, 0, 10.0, 20.0),
        (1, 1, 40.0, 70.0),
        (2, 0, 20.0, 30.0),
        (2, 1, 70.0, 100.0),
    ]


def test_replicas_take_turns() -> None:
    first, second = PLAN.stages
    plan = replace(PLAN, stages=(first, replace(second, replicas=2)))
    visits = [visit for visit in schedule(plan, [10.0, 30.0], 4) if visit.stage == 1]
    assert [visit.replica for visit in visits] == [0, 1, 0, 1]
    assert [visit.start_us for visit in visits] == [10.0, 20.0, 40.0, 50.0]


def test_a_trace_has_predicted_and_measured_frames_on_lanes_with_names() -> None:
    document = trace_document(replace(PLAN, measured=MEASURED))
    names = [event["args"]["name"] for event in document["traceEvents"] if event["ph"] == "M"]
    assert names == ["predicted", "1. denver2x2", "2. gpu", "measured", "1. denver2x2", "2. gpu"]
    frames = [event for event in document["traceEvents"] if event["ph"] == "X"]
    assert len(frames) == 2 * 2 * FRAMES
    assert all(event["dur"] > 0 and event["ts"] >= 0 for event in frames)
    assert {(event["pid"], event["tid"]) for event in frames} == {(1, 1), (1, 2), (2, 1), (2, 2)}
