"""Concatenation, elementwise steps, changes of form and softmax compute what the plain formulas compute."""

from random import Random

import pytest

from host.kernels.forms import Form
from host.kernels.specs import Pointwise, Softmax
from host.kernels.variants import Plain
from tests.host.kernels.reference import Machine, assert_computes, machines
from tests.host.kernels.shapes import a_channel_count, an_epilogue, an_image

MACHINES = machines()


def a_pointwise(random: Random) -> Pointwise:
    """One to three inputs side by side, each as it likes to lie."""
    counts = [a_channel_count(random, 40) for _ in range(random.randint(1, 3))]
    size = {
        "batch": random.choice([1, 1, 2]),
        "height": random.randint(1, 4),
        "width": random.randint(1, 20),
    }
    output = an_image(random, channels=sum(counts), **size)
    return Pointwise(
        inputs=tuple(an_image(random, channels=count, **size) for count in counts),
        output=output,
        epilogue=an_epilogue(random, output),
    )


@pytest.mark.parametrize("seed", range(14))
@pytest.mark.parametrize("on", MACHINES, ids=lambda on: on.name)
def test_pointwise(on: Machine, seed: int) -> None:
    assert_computes(a_pointwise(Random(f"{on.name} {seed}")), Plain(), on)


@pytest.mark.parametrize("on", MACHINES, ids=lambda on: on.name)
def test_rank_two_tensors_are_images_of_one_pixel(on: Machine) -> None:
    flat = Form(channels=37, rank=2)
    image = Form(channels=37, layout="channels-first")
    assert_computes(Pointwise(inputs=(flat,), output=image), Plain(), on)
    assert_computes(Pointwise(inputs=(image,), output=flat), Plain(), on)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("on", MACHINES, ids=lambda on: on.name)
def test_softmax(on: Machine, seed: int) -> None:
    random = Random(f"{on.name} {seed}")
    form = Form(batch=random.randint(1, 3), channels=a_channel_count(random, 200), rank=2)
    assert_computes(Softmax(input=form, output=form, epilogue=an_epilogue(random, form)), Plain(), on)
