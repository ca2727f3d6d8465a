"""A definition and the kernel that is written for a variant compute the same from the same tensors."""

import platform
from typing import Any

import numpy as np
import pytest
import tvm
from hypothesis import given, settings
from hypothesis import strategies as st

from host.kernels import candidates, emit
from host.kernels.cpu.emission import parameter_shapes
from host.kernels.definition import define
from host.kernels.epilogue import Epilogue, Step
from host.kernels.forms import Form, Layout
from host.kernels.specs import Convolution, Emitted, Lrn, Pointwise, Pooling, Softmax
from host.kernels.variants import Winograd

TARGET = {"kind": "llvm", "mtriple": f"{platform.machine()}-linux-gnu", "num-cores": 1}

BIAS_RELU = Epilogue(
    operands=(None,),
    steps=(
        Step(operation="add", operands=("x", "o0")),
        Step(operation="maximum", operands=("s0", 0.0)),
    ),
)


def results(function: Any, tensors: list[Any]) -> np.ndarray[Any, Any]:
    """What a kernel writes over an output full of ones, halo included."""
    library = tvm.tirx.build(
        tvm.IRModule({"main": function.with_attr("global_symbol", "main")}), target=tvm.target.Target(TARGET)
    )
    arguments = [tvm.runtime.tensor(tensor) for tensor in tensors]
    library["main"](*arguments)
    return np.asarray(arguments[-1].numpy())


def agree(spec: Emitted) -> None:
    written = [one for one in candidates(spec, TARGET) if not isinstance(one, Winograd)]
    for variant in written[:2]:
        random = np.random.default_rng(3)
        tensors = [
            random.standard_normal(shape).astype("float32") for shape in parameter_shapes(spec, variant)
        ]
        tensors[-1][...] = 1
        expected = results(emit(spec, variant, TARGET), tensors)
        np.testing.assert_allclose(results(define(spec, variant), tensors), expected, rtol=1e-3, atol=1e-4)


def test_a_transformation_has_no_definition() -> None:
    form = Form(channels=16, height=8, width=8, halo=(1, 1))
    spec = Convolution(input=form, output=form, kernel=(3, 3), padding=(1, 1))
    with pytest.raises(ValueError, match="not defined"):
        define(spec, Winograd(4, 2, 16, 32, "blocks"))


def residual(form: Form) -> Epilogue:
    """Bias, a tensor added, a factor for each channel of one pixel, a clip."""
    return Epilogue(
        operands=(None, form, Form(channels=form.channels, batch=form.batch)),
        steps=(
            Step(operation="add", operands=("x", "o0")),
            Step(operation="add", operands=("s0", "o1")),
            Step(operation="multiply", operands=("s1", "o2")),
            Step(operation="minimum", operands=("s2", 6.0)),
        ),
    )


@settings(max_examples=15, deadline=None)
@given(
    groups=st.sampled_from([1, 1, 2]),
    inner=st.integers(1, 5),
    each=st.integers(1, 9),
    size=st.integers(3, 9),
    kernel=st.sampled_from([1, 3]),
    stride=st.integers(1, 2),
    halo=st.sampled_from([(0, 0), (1, 1), (0, 2)]),
    batch=st.integers(1, 2),
    first_layout=st.sampled_from(["channels-last", "channels-first"]),
)
def test_convolutions_agree(
    groups: int,
    inner: int,
    each: int,
    size: int,
    kernel: int,
    stride: int,
    halo: tuple[int, int],
    batch: int,
    first_layout: Layout,
) -> None:
    padding, out = kernel // 2, (size - 1) // stride + 1
    output = Form(batch=batch, channels=groups * each, height=out, width=out, halo=halo)
    source = Form(
        batch=batch,
        channels=groups * inner,
        height=size,
        width=size,
        halo=(padding, padding),
        layout=first_layout,
    )
    spec = Convolution(
        input=source,
        output=output,
        kernel=(kernel, kernel),
        strides=(stride, stride),
        padding=(padding, padding),
        groups=groups,
        epilogue=residual(output),
    )
    agree(spec)


@settings(max_examples=8, deadline=None)
@given(
    channels=st.integers(2, 40),
    size=st.integers(3, 9),
    halo=st.sampled_from([(0, 0), (1, 1)]),
    dilation=st.integers(1, 2),
)
def test_depthwise_convolutions_agree(channels: int, size: int, halo: tuple[int, int], dilation: int) -> None:
    form = Form(channels=channels, height=size, width=size)
    spec = Convolution(
        input=Form(channels=channels, height=size, width=size, halo=(dilation, dilation)),
        output=Form(channels=channels, height=size, width=size, halo=halo),
        kernel=(3, 3),
        padding=(dilation, dilation),
        dilation=(dilation, dilation),
        groups=channels,
        epilogue=residual(form),
    )
    agree(spec)


@pytest.mark.parametrize("kind", ["max", "average"])
@pytest.mark.parametrize("halo", [0, 1])
@pytest.mark.parametrize("is_nonnegative", [False, True])
@pytest.mark.parametrize("counts_padding", [False, True])
def test_pooling_agrees(kind: Any, halo: int, is_nonnegative: bool, counts_padding: bool) -> None:
    spec = Pooling(
        input=Form(channels=19, height=8, width=7, halo=(halo, halo)),
        output=Form(channels=19, height=4, width=4, halo=(1, 0)),
        kind=kind,
        kernel=(3, 3),
        strides=(2, 2),
        padding=(1, 1),
        counts_padding=counts_padding,
        is_nonnegative=is_nonnegative,
    )
    agree(spec)


SMALL = Form(channels=5, height=4, width=6)


@pytest.mark.parametrize(
    "spec",
    [
        Convolution(
            input=Form(channels=6, height=3, width=2, halo=(0, 1)),
            output=Form(channels=11, rank=2),
            kernel=(3, 2),
            weights="dense",
            epilogue=BIAS_RELU,
        ),
        Convolution(
            input=Form(channels=6, rank=2), output=Form(channels=11, rank=2), kernel=(1, 1), weights="dense"
        ),
        Pointwise(
            inputs=(SMALL, Form(channels=2, height=4, width=6, halo=(1, 1)), SMALL),
            output=Form(channels=12, height=4, width=6, halo=(2, 1)),
            epilogue=BIAS_RELU,
        ),
        Pointwise(
            inputs=(Form(channels=3, height=4, width=20, layout="channels-first"),),
            output=Form(channels=3, height=4, width=20, layout="channels-first", halo=(1, 1)),
        ),
        Pointwise(
            inputs=(SMALL,), output=Form(channels=5, height=4, width=6, layout="channels-first", halo=(0, 1))
        ),
        Lrn(input=SMALL, output=SMALL, size=3, alpha=0.1, beta=0.75, bias=1.0, epilogue=BIAS_RELU),
        Lrn(input=SMALL, output=SMALL, size=5, alpha=0.1, beta=0.5, bias=2.0),
        Softmax(input=Form(batch=3, channels=10, rank=2), output=Form(batch=3, channels=10, rank=2)),
    ],
)
def test_everything_else_agrees(spec: Emitted) -> None:
    agree(spec)
