"""Convolutions compute what the plain formula computes, however they are scheduled."""

from hypothesis import given, settings
from hypothesis import strategies as st

from host.kernels import cpu
from host.kernels.forms import Form
from host.kernels.specs import Convolution
from tests.host.kernels.reference import Machine, assert_computes, machines
from tests.host.kernels.shapes import LAYOUTS, channel_counts, epilogues, halos

MACHINES = machines()


def out(size: int, kernel: int, stride: int, dilation: int, padding: int) -> int:
    return (size + 2 * padding - dilation * (kernel - 1) - 1) // stride + 1


@st.composite
def convolutions(draw: st.DrawFn) -> Convolution:
    """Convolutions with every combination of strides, dilation, groups and halos, at least one result a row."""
    pair = st.tuples(st.integers(1, 2), st.integers(1, 2))
    kernel = draw(st.sampled_from([(1, 1), (1, 1), (3, 3), (1, 3), (5, 2)]))
    strides, dilation = draw(pair), draw(pair)
    padding = tuple(draw(st.integers(0, kernel[axis] // 2 * dilation[axis])) for axis in (0, 1))
    least = [max(1, dilation[axis] * (kernel[axis] - 1) + 1 - 2 * padding[axis]) for axis in (0, 1)]
    height, width = (draw(st.integers(least[0], least[0] + 3)), draw(st.integers(least[1], least[1] + 19)))
    groups = draw(st.sampled_from([1, 1, 1, 2, 3]))
    batch = draw(st.integers(1, 2))
    output = Form(
        batch=batch,
        channels=groups * draw(channel_counts(70 // groups)),
        height=out(height, kernel[0], strides[0], dilation[0], padding[0]),
        width=out(width, kernel[1], strides[1], dilation[1], padding[1]),
        halo=draw(halos()),
        layout=draw(st.sampled_from(LAYOUTS)),
    )
    return Convolution(
        input=Form(
            batch=batch,
            channels=groups * draw(channel_counts(20)),
            height=height,
            width=width,
            halo=draw(halos((padding[0], padding[1]))),
            layout=draw(st.sampled_from(LAYOUTS)),
        ),
        output=output,
        kernel=kernel,
        strides=strides,
        padding=(padding[0], padding[1]),
        dilation=dilation,
        groups=groups,
        weights=draw(st.sampled_from(["oihw", "dense"])) if groups == 1 else "oihw",
        epilogue=draw(epilogues(output)),
    )


@st.composite
def depthwise(draw: st.DrawFn) -> Convolution:
    """Depthwise convolutions."""
    kernel = draw(st.sampled_from([(3, 3), (5, 5), (7, 7), (1, 3), (3, 3)]))
    strides = draw(st.tuples(st.integers(1, 2), st.integers(1, 2)))
    dilation = draw(st.sampled_from([(1, 1), (1, 1), (2, 1)]))
    padding = (kernel[0] // 2 * dilation[0], kernel[1] // 2 * dilation[1])
    height, width, channels = draw(st.integers(1, 5)), draw(st.integers(1, 20)), draw(st.integers(2, 70))
    output = Form(
        channels=channels,
        height=out(height, kernel[0], strides[0], dilation[0], padding[0]),
        width=out(width, kernel[1], strides[1], dilation[1], padding[1]),
        halo=draw(halos()),
        layout=draw(st.sampled_from(LAYOUTS)),
    )
    return Convolution(
        input=Form(
            channels=channels,
            height=height,
            width=width,
            halo=draw(halos(padding)),
            layout=draw(st.sampled_from(LAYOUTS)),
        ),
        output=output,
        kernel=kernel,
        strides=strides,
        padding=padding,
        dilation=dilation,
        groups=channels,
        epilogue=draw(epilogues(output)),
    )


@settings(max_examples=120, deadline=None, derandomize=True)
@given(spec=convolutions(), on=st.sampled_from(MACHINES), data=st.data())
def test_convolutions(spec: Convolution, on: Machine, data: st.DataObject) -> None:
    assert_computes(spec, data.draw(st.sampled_from(cpu.candidates(spec, on.cpu))), on)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(spec=depthwise(), on=st.sampled_from(MACHINES), data=st.data())
def test_depthwise_convolutions(spec: Convolution, on: Machine, data: st.DataObject) -> None:
    assert_computes(spec, data.draw(st.sampled_from(cpu.candidates(spec, on.cpu))), on)
