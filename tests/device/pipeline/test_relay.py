"""A pipeline takes over from another: no frame is lost, none comes twice, all come out in order."""

import threading
import time
from collections.abc import Iterator
from itertools import pairwise
from queue import Queue
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from device.errors import BundleError, PipelineStateError
from device.messages import Message
from device.pipeline import Pipeline
from device.relay import Relay

if TYPE_CHECKING:
    from tests.device.pipeline.conftest import Array, MakePipeline

FRAMES = 300


class Line:
    """Keeps what is said."""

    def __init__(self) -> None:
        self.said: list[tuple[str, dict[str, Any]]] = []
        self.results: list[tuple[int, int]] = []

    def send(
        self, kind: str, fields: dict[str, Any] | None = None, arrays: dict[str, Any] | None = None
    ) -> None:
        if kind == "frame":
            self.results.append(((fields or {})["number"], int((arrays or {})["out"][0])))
        else:
            self.said.append((kind, fields or {}))

    def kinds(self) -> list[str]:
        return [kind for kind, _ in self.said if kind != "progress"]


def slow(source: "Array", target: "Array") -> None:
    time.sleep(0.001)
    np.add(source, 1, out=target)


def frame(number: int) -> Message:
    return Message(kind="frame", fields={"number": number}, arrays={"t0": np.array([number, 0])})


SWAP = Message(kind="swap", fields={"bundle": "next"})


@pytest.fixture
def line() -> Line:
    return Line()


@pytest.fixture
def relay(make_pipeline: "MakePipeline", line: Line) -> Relay:
    """Pipelines of one to three stages, one after the other, some with replicas; what is `broken` cannot be loaded."""
    shapes = iter([(1,), (1, 1), (2,), (1, 2, 1), (1,), (3,)])

    def load(bundle: str) -> Pipeline:
        if bundle == "broken":
            raise BundleError("the bundle is broken")
        return make_pipeline(next(shapes), kernels={0: slow})

    return Relay(line, load, "first")


def test_frames_go_on_through_every_successor(relay: Relay, line: Line) -> None:
    def messages() -> Iterator[Message]:
        for number in range(FRAMES):
            yield frame(number)
            if number % 60 == 30:
                yield SWAP
        yield Message(kind="end")

    report = relay.run(messages())
    assert [number for number, _ in line.results] == list(range(FRAMES))
    stages = [out - number for number, out in line.results]
    assert set(stages) == {1, 2, 3}
    assert sum(before != after for before, after in pairwise(stages)) == 4
    assert line.kinds() == ["ready", *["swapped"] * 5]
    assert report["frames"] > 0


def test_a_successor_that_cannot_be_loaded_leaves_the_present_one_at_work(relay: Relay, line: Line) -> None:
    broken = Message(kind="swap", fields={"bundle": "broken"})
    relay.run(iter([frame(0), broken, *(frame(number) for number in range(1, 50)), Message(kind="end")]))
    assert line.results == [(number, number + 1) for number in range(50)]
    (answer,) = [fields["error"] for kind, fields in line.said if kind == "swapped"]
    assert (answer["code"], answer["message"]) == (BundleError.code, "the bundle is broken")


def test_a_swap_before_the_first_frame_and_after_the_last_one(relay: Relay, line: Line) -> None:
    relay.run(iter([SWAP, *(frame(number) for number in range(20)), SWAP, Message(kind="end")]))
    assert [number for number, _ in line.results] == list(range(20))


def test_measured_frames_are_counted_over_all_pipelines(relay: Relay, line: Line) -> None:
    messages: Queue[Message] = Queue()
    threading.Timer(0.6, messages.put, [SWAP]).start()
    report = relay.measure(iter(messages.get, None), 1200)
    assert report["frames"] == 1200
    assert len(report["stages"]) == 2
    assert line.kinds() == ["ready", "swapped"]


def test_a_stop_ends_a_measurement_whichever_pipeline_runs(relay: Relay) -> None:
    messages: Queue[Message] = Queue()
    for at_s, message in ((0.6, SWAP), (1.4, Message(kind="stop"))):
        threading.Timer(at_s, messages.put, [message]).start()
    report = relay.measure(iter(messages.get, None), 1_000_000)
    assert 0 < report["frames"] < 10_000
    assert len(report["stages"]) == 2


def test_a_stop_before_anything_was_counted_says_so(relay: Relay) -> None:
    with pytest.raises(PipelineStateError):
        relay.measure(iter([Message(kind="stop")]), 1_000_000)


def test_progress_tells_generation_counters_and_idle_cpus(relay: Relay, line: Line) -> None:
    messages: Queue[Message] = Queue()
    threading.Timer(0.7, messages.put, [SWAP]).start()
    relay.measure(iter(messages.get, None), 2500)
    progress = [fields for kind, fields in line.said if kind == "progress"]
    assert {fields["generation"] for fields in progress} == {0, 1}
    frames = [fields["frames"] for fields in progress]
    assert frames == sorted(frames)
    assert [len(fields["metrics"]["stages"]) for fields in progress][-1] == 2
    assert all(0 <= share <= 1 for fields in progress for share in fields["idle"].values())
