"""Pipelines of Python functions on numpy arrays."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from device.pipeline import Interface, Pipeline, Stage
from device.program import Buffer, Call, Layer, Program, PythonRuntime

FORM = Buffer(shape=(2,), dtype="int64")

Array = npt.NDArray[Any]
Kernel = Callable[..., None]
MakePipeline = Callable[..., Pipeline]


def add_one(source: Array, target: Array) -> None:
    np.add(source, 1, out=target)


def one_call_program(inputs: Sequence[str], output: str) -> Program:
    call = Call(function="kernel", arguments=(*inputs, output))
    return Program(
        inputs=tuple(inputs),
        outputs=(output,),
        weights=(),
        buffers=dict.fromkeys((*inputs, output), FORM),
        layers=(Layer(name="layer", calls=(call,)),),
    )


@pytest.fixture
def make_pipeline() -> Iterator[MakePipeline]:
    """Makes a chain of stages, each adding one unless a kernel is given; ends what still runs."""
    made: list[Pipeline] = []

    def make(
        replicas: Sequence[int] = (1, 1),
        kernels: dict[int, Kernel] | None = None,
        cpus: Sequence[int] = (),
        **options: Any,
    ) -> Pipeline:
        stages = [
            Stage(
                program=one_call_program([f"t{index}"], f"t{index + 1}"),
                runtime=PythonRuntime({"kernel": (kernels or {}).get(index, add_one)}),
                weights={},
                replica_cpus=(tuple(cpus),) * count,
            )
            for index, count in enumerate(replicas)
        ]
        interface = Interface(
            inputs={"t0": FORM}, outputs={"out": FORM}, output_tensors={"out": f"t{len(replicas)}"}
        )
        made.append(Pipeline(interface, stages, **options))
        return made[-1]

    yield make
    for pipeline in made:
        pipeline.abort()


@pytest.fixture
def frame() -> Callable[[int], dict[str, Array]]:
    """Makes the input of a frame that carries a number."""
    return lambda number: {"t0": np.array([number, -number])}
