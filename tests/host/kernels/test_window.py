"""Pooling computes what the plain formula computes, at the image's edges, too."""

from typing import Literal

from hypothesis import given, settings
from hypothesis import strategies as st

from host.kernels import cpu
from host.kernels.forms import Form
from host.kernels.specs import Pooling
from tests.host.kernels.reference import Machine, assert_computes, machines
from tests.host.kernels.shapes import LAYOUTS, channel_counts, epilogues, halos

MACHINES = machines()
KINDS: tuple[Literal["max", "average"], ...] = ("max", "average")


@st.composite
def poolings(draw: st.DrawFn) -> Pooling:
    """Pooling whose windows may leave the image on all sides, but never wholly."""
    kind = draw(st.sampled_from(KINDS))
    kernel = draw(st.sampled_from([(1, 1), (2, 2), (3, 3), (3, 3), (3, 2), (1, 4), (7, 7)]))
    strides = draw(st.tuples(st.integers(1, 3), st.integers(1, 3)))
    dilation = draw(st.sampled_from([(1, 1), (1, 1), (2, 1)])) if kind == "max" else (1, 1)
    padding = (draw(st.integers(0, kernel[0] // 2)), draw(st.integers(0, kernel[1] // 2)))
    reach = [dilation[axis] * (kernel[axis] - 1) for axis in (0, 1)]
    image = [draw(st.integers(max(1, reach[axis]), reach[axis] + [3, 18][axis])) for axis in (0, 1)]
    whole = [(image[axis] + padding[axis] - reach[axis] - 1) // strides[axis] + 1 for axis in (0, 1)]
    most = [(image[axis] + padding[axis] - 1) // strides[axis] + 1 for axis in (0, 1)]
    size = [
        draw(st.integers(max(1, whole[axis]), max(1, min(whole[axis] + 1, most[axis])))) for axis in (0, 1)
    ]
    batch, channels = draw(st.integers(1, 2)), draw(channel_counts())
    output = Form(
        batch=batch,
        channels=channels,
        height=size[0],
        width=size[1],
        halo=draw(halos()),
        layout=draw(st.sampled_from(LAYOUTS)),
    )
    return Pooling(
        input=Form(
            batch=batch,
            channels=channels,
            height=image[0],
            width=image[1],
            halo=draw(st.one_of(halos(), halos(padding))),
            layout=draw(st.sampled_from(LAYOUTS)),
        ),
        output=output,
        kind=kind,
        kernel=kernel,
        strides=strides,
        padding=padding,
        dilation=dilation,
        counts_padding=draw(st.booleans()),
        is_nonnegative=draw(st.booleans()),
        epilogue=draw(epilogues(output)),
    )


@settings(max_examples=100, deadline=None, derandomize=True)
@given(spec=poolings(), on=st.sampled_from(MACHINES), data=st.data())
def test_pooling(spec: Pooling, on: Machine, data: st.DataObject) -> None:
    assert_computes(spec, data.draw(st.sampled_from(cpu.candidates(spec, on.cpu))), on)
