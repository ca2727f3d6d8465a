"""Starting, draining, aborting, failing: a drain loses no frame, no thread survives, errors name a place."""

import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from device.errors import FrameError, PipelineStateError, StageFailedError
from device.pipeline import Pipeline

MakePipeline = Callable[..., Pipeline]
MakeFrame = Callable[[int], dict[str, Any]]


def stage_threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("stage ")]


def firsts(outputs: Iterator[dict[str, Any]]) -> list[int]:
    return [int(output["out"][0]) for output in outputs]


def fail_on(number: int) -> Callable[[Any, Any], None]:
    def kernel(source: Any, target: Any) -> None:
        if source[0] == number:
            raise ArithmeticError("overflow")
        np.copyto(target, source)

    return kernel


def test_stop_lets_frames_that_are_inside_come_out(make_pipeline: MakePipeline, frame: MakeFrame) -> None:
    pipeline = make_pipeline((1, 2))
    pipeline.start()
    for number in range(3):
        pipeline.submit(frame(number))
    pipeline.stop()
    assert stage_threads() == []
    assert firsts(pipeline.results()) == [2, 3, 4]


def test_pipeline_can_be_started_again(make_pipeline: MakePipeline, frame: MakeFrame) -> None:
    pipeline = make_pipeline()
    for _ in range(3):
        with pipeline:
            assert firsts(pipeline.run(map(frame, range(20)))) == list(range(2, 22))


def test_sequences_follow_each_other_in_one_session(make_pipeline: MakePipeline, frame: MakeFrame) -> None:
    with make_pipeline((2, 3)) as pipeline:
        assert firsts(pipeline.run(map(frame, range(7)))) == list(range(2, 9))
        assert firsts(pipeline.run([])) == []
        assert firsts(pipeline.run(map(frame, range(5)))) == list(range(2, 7))


def test_finish_ends_results_and_later_frames_belong_to_the_next_sequence(
    make_pipeline: MakePipeline, frame: MakeFrame
) -> None:
    with make_pipeline((2,), queue_depth=4) as pipeline:
        pipeline.submit(frame(0))
        pipeline.finish()
        pipeline.submit(frame(1))
        pipeline.submit(frame(2))
        pipeline.finish()
        assert firsts(pipeline.results()) == [1]
        assert firsts(pipeline.results()) == [2, 3]


@pytest.mark.parametrize("replicas", [(1, 1), (3, 2)])
def test_failing_stage_ends_everything_and_is_named(
    make_pipeline: MakePipeline, frame: MakeFrame, replicas: tuple[int, ...]
) -> None:
    pipeline = make_pipeline(replicas, {1: fail_on(13)})
    with (  # noqa: PT012
        pytest.raises(
            StageFailedError, match="stage 1 failed on frame 12: ArithmeticError: overflow"
        ) as caught,
        pipeline,
    ):
        outputs = firsts(pipeline.run(map(frame, range(10_000))))
        assert outputs == list(range(1, 1 + len(outputs)))
    assert (caught.value.stage, caught.value.frame) == (1, 12)
    assert stage_threads() == []


def test_source_that_waits_learns_of_the_failure(make_pipeline: MakePipeline, frame: MakeFrame) -> None:
    with make_pipeline((1,), {0: fail_on(0)}) as pipeline:
        with pytest.raises(StageFailedError):  # noqa: PT012
            while True:
                pipeline.submit(frame(0))
        with pytest.raises(StageFailedError):
            next(pipeline.results())


def test_pipeline_works_again_after_a_failure(make_pipeline: MakePipeline, frame: MakeFrame) -> None:
    pipeline = make_pipeline((1, 2), {0: fail_on(3)})
    with pytest.raises(StageFailedError), pipeline:
        list(pipeline.run([frame(3)]))
    with pipeline:
        assert firsts(pipeline.run([frame(5), frame(6)])) == [6, 7]


def test_reader_that_leaves_early_aborts_an_endless_source(
    make_pipeline: MakePipeline, frame: MakeFrame
) -> None:
    def endless() -> Iterator[dict[str, Any]]:
        while True:
            yield frame(1)

    with make_pipeline() as pipeline:
        outputs = pipeline.run(endless())
        assert [next(outputs)["out"][0] for _ in range(5)] == [3] * 5
        outputs.close()  # type: ignore[attr-defined]
        assert stage_threads() == []
        with pytest.raises(PipelineStateError, match="aborted"):
            pipeline.submit(frame(1))


def test_error_of_the_source_comes_out_behind_the_good_frames(
    make_pipeline: MakePipeline, frame: MakeFrame
) -> None:
    def broken_camera() -> Iterator[dict[str, Any]]:
        yield frame(0)
        yield frame(1)
        raise OSError("lens cap")

    with make_pipeline() as pipeline:
        outputs = pipeline.run(broken_camera())
        assert [int(next(outputs)["out"][0]) for _ in range(2)] == [2, 3]
        with pytest.raises(OSError, match="lens cap"):
            next(outputs)


@pytest.mark.parametrize(
    ("inputs", "complaint"),
    [
        ({}, "needs the inputs"),
        ({"t0": np.zeros(2, np.int64), "t1": np.zeros(2)}, "needs the inputs"),
        ({"t0": np.zeros(3, np.int64)}, r"input 't0' must be int64\[2\], got int64\[3\]"),
        ({"t0": np.zeros(2, np.float32)}, r"got float32\[2\]"),
    ],
)
def test_frame_that_does_not_fit_is_refused(make_pipeline: MakePipeline, inputs: Any, complaint: str) -> None:
    with make_pipeline() as pipeline, pytest.raises(FrameError, match=complaint):
        pipeline.submit(inputs)


def test_asking_a_pipeline_that_does_not_run_is_an_error(
    make_pipeline: MakePipeline, frame: MakeFrame
) -> None:
    pipeline = make_pipeline()
    for ask in (lambda: pipeline.submit(frame(0)), pipeline.metrics, lambda: next(pipeline.results())):
        with pytest.raises(PipelineStateError, match="never started"):
            ask()
    pipeline.start()
    with pytest.raises(PipelineStateError, match="runs already"):
        pipeline.start()
    pipeline.stop()
    with pytest.raises(PipelineStateError, match="does not run"):
        pipeline.submit(frame(0))


def test_only_one_reads_results(make_pipeline: MakePipeline, frame: MakeFrame) -> None:
    with make_pipeline() as pipeline:
        first = pipeline.run(map(frame, range(3)))
        next(first)
        with pytest.raises(PipelineStateError, match="read by somebody else"):
            pipeline.measure(1)
        assert len(list(first)) == 2


def test_outputs_stay_as_they_are_when_later_frames_follow(
    make_pipeline: MakePipeline, frame: MakeFrame
) -> None:
    with make_pipeline() as pipeline:
        outputs = list(pipeline.run(map(frame, range(100))))
    assert outputs[0]["out"].tolist() == [2, 2]


def test_runtime_loads_no_tvm_until_a_module_is_loaded() -> None:
    script = "import sys, device.pipeline; print(sorted({'tvm', 'tvm_ffi', 'onnx'} & sys.modules.keys()))"
    result = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60
    )
    assert result.stdout.strip() == "[]"
