"""Softmax and local response normalisation agree with numpy, whatever the number of channels."""

import platform
from typing import Any

import numpy as np
import numpy.typing as npt
import tvm
from hypothesis import given, settings
from hypothesis import strategies as st

from host.kernels import candidates, emit
from host.kernels.epilogue import Epilogue, Step
from host.kernels.forms import Form
from host.kernels.specs import Emitted, Lrn, Softmax

Array = npt.NDArray[np.float32]

TARGET = {"kind": "llvm", "mtriple": f"{platform.machine()}-linux-gnu"}


def run(spec: Emitted, *arrays: Array) -> Array:
    (variant,) = candidates(spec, TARGET)
    module = tvm.tirx.build(
        tvm.IRModule({"main": emit(spec, variant, TARGET)}), target=tvm.target.Target(TARGET)
    )
    out = tvm.runtime.tensor(np.full(spec.output.shape, np.nan, "float32"))
    module["main"](*(tvm.runtime.tensor(np.ascontiguousarray(array)) for array in arrays), out)
    result: Array = out.numpy()
    return result


def random(*shape: int) -> Array:
    return np.random.default_rng(0).normal(size=shape).astype("float32")


@settings(max_examples=10, deadline=None, derandomize=True)
@given(batch=st.integers(1, 3), channels=st.integers(1, 70))
def test_softmax_adds_up_to_one_over_the_channels_of_each_row(batch: int, channels: int) -> None:
    form = Form(batch=batch, channels=channels, rank=2)
    x = 30 * random(batch, channels)
    weights = np.exp(x - x.max(axis=1, keepdims=True))
    expected = weights / weights.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(run(Softmax(input=form, output=form), x), expected, rtol=1e-5, atol=1e-7)


def normalised(x: Array, spec: Lrn) -> Any:
    """The definition, on `(batch, rows, columns, channels)`."""
    padded = np.pad(x * x, ((0, 0), (0, 0), (0, 0), (spec.size // 2, spec.size // 2)))
    sums = sum(padded[..., shift : shift + x.shape[3]] for shift in range(spec.size))
    return x / (spec.bias + spec.alpha / spec.size * sums) ** spec.beta


@settings(max_examples=12, deadline=None, derandomize=True)
@given(
    channels=st.integers(1, 40),
    height=st.integers(1, 4),
    width=st.integers(1, 4),
    size=st.sampled_from([1, 3, 5]),
    beta=st.sampled_from([0.75, 0.5, 1.2]),
    halo=st.sampled_from([(0, 0), (1, 2)]),
)
def test_lrn_divides_by_the_squares_of_neighbouring_channels(
    channels: int, height: int, width: int, size: int, beta: float, halo: tuple[int, int]
) -> None:
    source = Form(channels=channels, height=height, width=width)
    target = Form(channels=channels, height=height, width=width, halo=halo)
    spec = Lrn(input=source, output=target, size=size, alpha=0.3, beta=beta, bias=1.5)
    x = 3 * random(*source.shape)
    expected = np.zeros(target.shape, "float32")
    rows, columns = halo
    expected[:, rows : rows + height, columns : columns + width] = normalised(x, spec)
    np.testing.assert_allclose(run(spec, x), expected, rtol=1e-4, atol=1e-6)


def test_steps_behind_a_normalisation_are_fused_into_it() -> None:
    form = Form(channels=5, height=2, width=2)
    relu = Epilogue(steps=(Step(operation="maximum", operands=("x", 0.0)),))
    spec = Lrn(input=form, output=form, size=3, alpha=0.1, beta=0.75, bias=1.0, epilogue=relu)
    x = random(*form.shape)
    np.testing.assert_allclose(run(spec, x), np.maximum(normalised(x, spec), 0), rtol=1e-4, atol=1e-6)
