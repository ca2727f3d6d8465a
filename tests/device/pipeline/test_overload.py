"""A source that is too fast waits, or loses the oldest frame that no stage has begun."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

from device.errors import PipelineStateError
from device.pipeline import Overload, Pipeline
from device.pipeline.frames import Frame
from device.pipeline.intake import BlockingIntake, DroppingIntake, Intake, make_intake
from device.pipeline.links import Token

MakePipeline = Callable[..., Pipeline]
MakeFrame = Callable[[int], dict[str, Any]]


class Gate:
    """A kernel that lets a frame through only once it is open."""

    def __init__(self) -> None:
        self.is_open = threading.Event()
        self.has_begun = threading.Event()

    def __call__(self, source: Any, target: Any) -> None:
        self.has_begun.set()
        self.is_open.wait()
        np.copyto(target, source)


def frames(count: int) -> list[Frame]:
    return [Frame(index, {}) for index in range(count)]


def test_fast_source_loses_the_oldest_waiting_frames_only(
    make_pipeline: MakePipeline, frame: MakeFrame
) -> None:
    gate = Gate()
    with make_pipeline((1,), {0: gate}, queue_depth=1, overload="drop") as pipeline:
        pipeline.submit(frame(0))
        gate.has_begun.wait()
        for number in range(1, 20):
            pipeline.submit(frame(number))
        pipeline.finish()
        gate.is_open.set()
        outputs = [(output.frame, int(output["out"][0])) for output in pipeline.results()]
        metrics = pipeline.metrics()
    assert outputs == [(0, 0), (1, 1), (19, 19)]
    assert (metrics.frames_in, metrics.frames_out, metrics.dropped) == (3, 3, 17)


def test_nothing_is_dropped_while_there_is_room(make_pipeline: MakePipeline, frame: MakeFrame) -> None:
    with make_pipeline((2, 1), queue_depth=3, overload=Overload.DROP) as pipeline:
        results = pipeline.results()
        for number in range(50):
            pipeline.submit(frame(number))
            assert int(next(results)["out"][0]) == number + 2
        assert pipeline.metrics().dropped == 0


def test_stopping_sends_waiting_frames_through(make_pipeline: MakePipeline, frame: MakeFrame) -> None:
    gate = Gate()
    pipeline = make_pipeline((1,), {0: gate}, queue_depth=2, overload="drop")
    pipeline.start()
    for number in range(5):
        pipeline.submit(frame(number))
    gate.is_open.set()
    pipeline.stop()
    assert [int(output["out"][0]) for output in pipeline.results()] == [0, 1, 2, 3, 4]


def test_dropping_pipeline_can_be_measured(make_pipeline: MakePipeline) -> None:
    with make_pipeline((2, 1), overload="drop") as pipeline:
        report = pipeline.measure(100, warm_up_s=0)
        assert (report.frames, report.dropped) == (100, 0)
        assert pipeline.measure(50, warm_up_s=0).frames == 50


def test_waiting_source_gets_the_frame_that_the_consumer_returns() -> None:
    sent: list[Token] = []
    intake = BlockingIntake(frames(1), [sent.append])
    first = intake.take()
    with ThreadPoolExecutor(max_workers=1) as pool:
        second = pool.submit(intake.take)
        intake.enter(first)
        intake.release(first)
        assert second.result() is first


def test_closing_wakes_a_waiting_source() -> None:
    intake = BlockingIntake([], [])
    with ThreadPoolExecutor(max_workers=1) as pool:
        waiting = pool.submit(intake.take)
        intake.close(None)
        with pytest.raises(PipelineStateError, match="stopped"):
            waiting.result()


def indices(queue: list[Token]) -> list[int]:
    return [frame.index for frame in queue if isinstance(frame, Frame)]


def test_oldest_waiting_frame_is_used_again() -> None:
    sent: list[Token] = []
    intake = DroppingIntake(frames(3), [sent.append], 1)
    taken = []
    for _ in range(5):
        taken.append(intake.take())
        intake.enter(taken[-1])
    assert indices(sent) == [taken[0].index]
    assert taken[3] is taken[1]
    assert taken[4] is taken[2]
    assert (intake.accepted, intake.dropped) == (3, 2)
    intake.release(taken[0])
    intake.release(taken[3])
    assert indices(sent) == [frame.index for frame in (taken[0], taken[3], taken[4])]


@pytest.mark.parametrize("overload", list(Overload))
def test_replicas_get_frames_in_turn(overload: Overload) -> None:
    queues: list[list[Token]] = [[], [], []]
    intake: Intake = make_intake(overload, frames(7), [queue.append for queue in queues], 7)
    taken = [intake.take() for _ in range(7)]
    for frame in taken:
        intake.enter(frame)
    for turn, queue in enumerate(queues):
        assert indices(queue) == [frame.index for frame in taken[turn::3]]


def test_order_holds_while_frames_are_dropped(make_pipeline: MakePipeline, frame: MakeFrame) -> None:
    """Each replica gets every third frame that is really sent, however many are dropped between them."""
    with make_pipeline((3, 2), overload="drop") as pipeline:
        outputs = list(pipeline.run(map(frame, range(2000))))
        metrics = pipeline.metrics()
    numbers = [output.frame for output in outputs]
    assert numbers == sorted(set(numbers))
    assert numbers[-1] == 1999
    assert [int(output["out"][0]) for output in outputs] == [number + 2 for number in numbers]
    assert len(outputs) + metrics.dropped == 2000


def test_unknown_policy_and_negative_depth_are_refused(make_pipeline: MakePipeline) -> None:
    with pytest.raises(ValueError, match="sometimes"):
        make_pipeline(overload="sometimes")
    with pytest.raises(ValueError, match="queue_depth"):
        make_pipeline(queue_depth=-1)
