"""Concatenation, elementwise steps, changes of form and softmax compute what the plain formulas compute."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from host.kernels.forms import Form
from host.kernels.specs import Pointwise, Softmax
from host.kernels.variants import Plain
from tests.host.kernels.reference import Machine, assert_computes, machines
from tests.host.kernels.shapes import LAYOUTS, channel_counts, epilogues, halos

MACHINES = machines()


@st.composite
def pointwise(draw: st.DrawFn) -> Pointwise:
    """One to three inputs side by side, each as it likes to lie."""
    batch, height, width = draw(st.integers(1, 2)), draw(st.integers(1, 4)), draw(st.integers(1, 20))
    counts = draw(st.lists(channel_counts(40), min_size=1, max_size=3))

    def form(channels: int) -> Form:
        return Form(
            batch=batch,
            channels=channels,
            height=height,
            width=width,
            halo=draw(halos()),
            layout=draw(st.sampled_from(LAYOUTS)),
        )

    output = form(sum(counts))
    return Pointwise(
        inputs=tuple(form(count) for count in counts), output=output, epilogue=draw(epilogues(output))
    )


@settings(max_examples=100, deadline=None, derandomize=True)
@given(spec=pointwise(), on=st.sampled_from(MACHINES))
def test_pointwise(spec: Pointwise, on: Machine) -> None:
    assert_computes(spec, Plain(), on)


@pytest.mark.parametrize("on", MACHINES, ids=lambda on: on.name)
def test_rank_two_tensors_are_images_of_one_pixel(on: Machine) -> None:
    flat = Form(channels=37, rank=2)
    image = Form(channels=37, layout="channels-first")
    assert_computes(Pointwise(inputs=(flat,), output=image), Plain(), on)
    assert_computes(Pointwise(inputs=(image,), output=flat), Plain(), on)


@st.composite
def softmaxes(draw: st.DrawFn) -> Softmax:
    form = Form(batch=draw(st.integers(1, 3)), channels=draw(channel_counts(200)), rank=2)
    return Softmax(input=form, output=form, epilogue=draw(epilogues(form)))


@settings(max_examples=30, deadline=None, derandomize=True)
@given(spec=softmaxes(), on=st.sampled_from(MACHINES))
def test_softmax(spec: Softmax, on: Machine) -> None:
    assert_computes(spec, Plain(), on)
