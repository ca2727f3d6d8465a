"""Measuring counts exactly the frames asked for, copies nothing and reports what the stages did."""

import json
import os
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from device.errors import FrameError, PipelineStateError, StageFailedError
from device.pipeline import Pipeline
from device.pipeline.null import measure_handover, null_pipeline

MakePipeline = Callable[..., Pipeline]
MakeFrame = Callable[[int], dict[str, Any]]


def test_report_counts_the_frames_asked_for(make_pipeline: MakePipeline) -> None:
    with make_pipeline((1, 2)) as pipeline:
        report = pipeline.measure(300, warm_up_s=0)
    assert report.frames == 300
    assert report.throughput_fps == pytest.approx(1e6 / report.period_us)
    assert [stage.replicas for stage in report.stages] == [1, 2]
    for stage in report.stages:
        assert 300 - 8 <= stage.frames <= 300 + 8
        assert stage.busy_us > 0
        assert stage.time_us > 0


def test_report_is_a_json_document(make_pipeline: MakePipeline) -> None:
    with make_pipeline() as pipeline:
        document = json.loads(json.dumps(pipeline.measure(70, warm_up_s=0).to_document()))
    keys = {"frames", "period_us", "throughput_fps", "latency_us", "energy_uj_per_frame", "stages", "dropped"}
    assert keys <= document.keys()
    assert document["energy_uj_per_frame"] is None
    assert document["latency_p90_us"] > 0
    assert document["latency_p99_us"] is None
    assert {"time_us", "busy_us", "wait_us", "frames"} <= document["stages"][0].keys()


def test_stages_see_the_inputs_that_were_given(make_pipeline: MakePipeline, frame: MakeFrame) -> None:
    seen: set[int] = set()

    def look(source: Any, target: Any) -> None:
        seen.add(int(source[0]))
        np.copyto(target, source)

    with make_pipeline((2,), {0: look}) as pipeline:
        pipeline.measure(50, frame(7), warm_up_s=0)
    assert seen == {7}


def test_wrong_inputs_are_refused(make_pipeline: MakePipeline) -> None:
    with make_pipeline() as pipeline, pytest.raises(FrameError):
        pipeline.measure(50, {"t0": np.zeros(5)})


def test_pipeline_serves_frames_after_measuring(make_pipeline: MakePipeline, frame: MakeFrame) -> None:
    with make_pipeline((2, 3)) as pipeline:
        pipeline.measure(41, warm_up_s=0)
        outputs = [int(output["out"][0]) for output in pipeline.run(map(frame, range(20)))]
        assert outputs == list(range(2, 22))
        assert pipeline.measure(10, warm_up_s=0).frames == 10


def test_measuring_with_frames_inside_is_refused(make_pipeline: MakePipeline, frame: MakeFrame) -> None:
    with make_pipeline() as pipeline:
        pipeline.submit(frame(0))
        with pytest.raises(PipelineStateError, match="frames inside"):
            pipeline.measure(1)


def test_failing_stage_ends_the_measurement(make_pipeline: MakePipeline) -> None:
    calls = iter(range(30))

    def fail_late(source: Any, target: Any) -> None:
        next(calls)

    with (
        make_pipeline((1, 1), {1: fail_late}) as pipeline,
        pytest.raises(StageFailedError, match="stage 1 failed on frame 30"),
    ):
        pipeline.measure(1000, warm_up_s=0)


def test_stopping_ends_a_measurement_early_with_what_was_counted(make_pipeline: MakePipeline) -> None:
    reached = threading.Event()
    calls = iter(range(1000))

    def count(source: Any, target: Any) -> None:
        if next(calls, None) is None:
            reached.set()

    pipeline = make_pipeline((1, 1), {1: count})
    pipeline.start()

    def stop_when_reached() -> None:
        reached.wait()
        pipeline.stop()

    stopper = threading.Thread(target=stop_when_reached)
    stopper.start()
    report = pipeline.measure(10**9, warm_up_s=0)
    stopper.join()
    assert 0 < report.frames < 10**9


def test_metrics_can_be_read_while_frames_run(make_pipeline: MakePipeline, frame: MakeFrame) -> None:
    with make_pipeline((1, 2)) as pipeline:
        outputs = pipeline.run(map(frame, range(500)))
        counts = []
        for _ in outputs:
            metrics = pipeline.metrics()
            counts.append(metrics.frames_out)
            assert metrics.frames_in >= metrics.frames_out
        assert counts == sorted(counts)
        document = pipeline.metrics().to_document()
    assert (document["frames_in"], document["frames_out"], document["dropped"]) == (500, 500, 0)
    assert document["period_us"] > 0
    assert [stage["frames"] for stage in document["stages"]] == [500, 500]


def test_report_of_frames_from_outside_covers_all_of_them(
    make_pipeline: MakePipeline, frame: MakeFrame
) -> None:
    with make_pipeline() as pipeline:
        assert pipeline.report() is None
        assert len(list(pipeline.run(map(frame, range(90))))) == 90
    report = pipeline.report()
    assert report is not None
    assert report.frames == 90
    assert report.unloaded_latency_us is None
    assert [stage.frames for stage in report.stages] == [90, 90]


def test_null_pipeline_does_nothing_but_hand_over() -> None:
    with null_pipeline([[[]], [[], []]]) as pipeline:
        report = pipeline.measure(500, warm_up_s=0)
    assert report.frames == 500
    assert all(stage.time_us < report.period_us * 2 for stage in report.stages)


def test_handover_is_measured_on_the_cpus_given() -> None:
    assert len(measure_handover(sorted(os.sched_getaffinity(0))[:1], frames=64).stages) == 1
