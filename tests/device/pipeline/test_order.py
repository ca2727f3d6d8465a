"""Frames come out in the order in which they went in, each exactly once, whatever the stages do."""

import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from device.pipeline import Interface, Pipeline, Stage
from device.pipeline.links import Links
from device.program import Buffer, Call, Layer, Program, PythonRuntime

MakePipeline = Callable[..., Pipeline]
MakeFrame = Callable[[int], dict[str, Any]]


@pytest.mark.parametrize("replicas", [(1,), (2,), (1, 1), (2, 3, 1), (3, 2), (1, 4, 2)])
@pytest.mark.parametrize("queue_depth", [0, 2])
def test_frames_leave_in_order(
    make_pipeline: MakePipeline, frame: MakeFrame, replicas: tuple[int, ...], queue_depth: int
) -> None:
    with make_pipeline(replicas, queue_depth=queue_depth) as pipeline:
        outputs = [output["out"].tolist() for output in pipeline.run(map(frame, range(200)))]
    assert outputs == [[n + len(replicas), -n + len(replicas)] for n in range(200)]


def test_a_late_replica_does_not_let_others_overtake(make_pipeline: MakePipeline, frame: MakeFrame) -> None:
    """The first frame is held until the replica beside has worked on the second."""
    second_is_done = threading.Event()

    def hold_first(source: Any, target: Any) -> None:
        if source[0] == 0:
            second_is_done.wait()
        np.copyto(target, source)
        if source[0] == 1:
            second_is_done.set()

    with make_pipeline((2, 1), {0: hold_first}) as pipeline:
        outputs = [int(output["out"][0]) for output in pipeline.run(map(frame, range(6)))]
    assert outputs == [1, 2, 3, 4, 5, 6]


@given(writers=st.integers(1, 6), readers=st.integers(1, 6))
@settings(deadline=None)
def test_writer_and_reader_of_every_frame_use_the_same_queue(writers: int, readers: int) -> None:
    links = Links(writers, readers)
    puts = [links.puts(writer) for writer in range(writers)]
    gets = [links.gets(reader) for reader in range(readers)]
    for number in range(2 * writers * readers):
        put = puts[number % writers][(number // writers) % len(puts[number % writers])]
        get = gets[number % readers][(number // readers) % len(gets[number % readers])]
        assert put.__self__ is get.__self__  # type: ignore[attr-defined]


def test_tensor_for_a_later_stage_travels_along() -> None:
    """Stage 2 reads what stage 0 made and the model's input, past stage 1, while others are under way."""
    form = Buffer(shape=(4,), dtype="float32")

    def program(function: str, inputs: tuple[str, ...], outputs: tuple[str, ...]) -> Program:
        return Program(
            inputs=inputs,
            outputs=outputs,
            weights=(),
            buffers=dict.fromkeys((*inputs, *outputs), form),
            layers=(Layer(name=function, calls=(Call(function=function, arguments=(*inputs, *outputs)),)),),
        )

    def split(x: Any, double: Any, triple: Any) -> None:
        np.multiply(x, 2, out=double)
        np.multiply(x, 3, out=triple)

    runtime = PythonRuntime(
        {
            "split": split,
            "negate": lambda double, negated: np.negative(double, out=negated),
            "join": lambda x, triple, negated, y: np.copyto(y, x * 100 + triple * 10 + negated),
        }
    )
    programs = [
        program("split", ("x",), ("double", "triple")),
        program("negate", ("double",), ("negated",)),
        program("join", ("x", "triple", "negated"), ("y",)),
    ]
    stages = [
        Stage(program=part, runtime=runtime, weights={}, replica_cpus=((),) * replicas)
        for part, replicas in zip(programs, (1, 2, 1), strict=True)
    ]
    interface = Interface(
        inputs={"x": form}, outputs={"y": form, "t": form}, output_tensors={"y": "y", "t": "triple"}
    )
    frames = [{"x": np.full(4, n, np.float32)} for n in range(50)]
    with Pipeline(interface, stages) as pipeline:
        outputs = list(pipeline.run(frames))
    assert [output["y"].tolist() for output in outputs] == [[128.0 * n] * 4 for n in range(50)]
    assert [output["t"].tolist() for output in outputs] == [[3.0 * n] * 4 for n in range(50)]
