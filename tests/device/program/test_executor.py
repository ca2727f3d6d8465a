"""An executor runs a program's calls in order on whatever tensors it is bound to."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from device.errors import ProgramError
from device.program import Buffer, Call, Executor, Layer, Program, PythonRuntime
from device.program.memory import aligned_copy

Array = npt.NDArray[Any]

FORM = Buffer(shape=(3,), dtype="float32")


def scale(source: Array, weight: Array, target: Array) -> None:
    np.multiply(source, weight, out=target)


def increment(source: Array, target: Array) -> None:
    np.add(source, 1, out=target)


RUNTIME = PythonRuntime({"scale": scale, "increment": increment})

PROGRAM = Program(
    inputs=("x",),
    outputs=("y",),
    weights=("w",),
    buffers=dict.fromkeys(("x", "w", "t", "u", "y"), FORM),
    layers=(
        Layer(name="first", calls=(Call(function="scale", arguments=("x", "w", "t")),)),
        Layer(name="empty", calls=()),
        Layer(
            name="second",
            calls=(
                Call(function="increment", arguments=("t", "u")),
                Call(function="increment", arguments=("u", "y")),
            ),
        ),
    ),
)


def array(*values: float) -> Array:
    return np.array(values, np.float32)


def executor() -> Executor:
    return Executor(PROGRAM, RUNTIME, {"w": array(2, 2, 2)})


def test_bound_program_fills_its_outputs() -> None:
    output = array(0, 0, 0)
    executor().bind({"x": array(1, 2, 3)}, {"y": output}).run()
    assert output.tolist() == [4, 6, 8]


def test_layers_run_one_by_one_do_the_same_as_the_program() -> None:
    output = array(0, 0, 0)
    bound = executor().bind({"x": array(1, 2, 3)}, {"y": output})
    for layer in bound.layers:
        layer.run()
    assert [layer.name for layer in bound.layers] == ["first", "empty", "second"]
    assert output.tolist() == [4, 6, 8]


def test_one_executor_serves_several_frames() -> None:
    shared, outputs = executor(), [array(0, 0, 0), array(0, 0, 0)]
    runs = [shared.bind({"x": array(n, n, n)}, {"y": outputs[n]}).run for n in range(2)]
    for run in runs:
        run()
    assert [output.tolist() for output in outputs] == [[2, 2, 2], [4, 4, 4]]


def test_missing_weight_is_named() -> None:
    with pytest.raises(ProgramError, match="weight 'w' of the program is missing"):
        Executor(PROGRAM, RUNTIME, {})


def test_missing_kernel_is_named() -> None:
    with pytest.raises(ProgramError, match="no kernel 'increment'"):
        Executor(PROGRAM, PythonRuntime({"scale": scale}), {"w": array(2, 2, 2)})


def test_tensor_of_another_form_is_refused() -> None:
    with pytest.raises(ProgramError, match=r"input 'x' must be float32\[3\], got float32\[2\]"):
        executor().bind({"x": array(1, 2)}, {"y": array(0, 0, 0)})
    with pytest.raises(ProgramError, match=r"output 'y' must be float32\[3\], got float64\[3\]"):
        executor().bind({"x": array(1, 2, 3)}, {"y": np.zeros(3)})


def test_aligned_copy_keeps_contents_of_a_view_that_is_not_dense() -> None:
    source = np.arange(12, dtype=np.int32).reshape(3, 4).T
    copy = aligned_copy(source)
    assert np.array_equal(copy, source)
    assert copy.flags.c_contiguous
    assert copy.ctypes.data % 64 == 0
