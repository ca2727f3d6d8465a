"""Convolutions compute what the plain formula computes, however they are scheduled."""

from random import Random

import pytest

from host.kernels import cpu
from host.kernels.forms import Form
from host.kernels.specs import Convolution
from tests.host.kernels.reference import Machine, assert_computes, machines
from tests.host.kernels.shapes import (
    a_channel_count,
    a_halo,
    a_layout,
    a_pair,
    an_epilogue,
    an_image,
)


def a_convolution(random: Random) -> Convolution:
    """A convolution with strides, dilation, groups and halos of any kind, and at least one result a row."""
    kernel = random.choice([(1, 1), (1, 1), (3, 3), (3, 3), (1, 3), (5, 2)])
    groups, depth = random.choice([1, 1, 1, 2, 3]), a_channel_count(random, 20)
    return _over(
        random,
        kernel,
        dilation=a_pair(random, 1, 2) if random.random() < 0.4 else (1, 1),
        padding=(random.randint(0, kernel[0] // 2), random.randint(0, kernel[1] // 2)),
        groups=groups,
        inputs=groups * depth,
        outputs=groups * a_channel_count(random, 70 // groups),
    )


def a_depthwise_convolution(random: Random) -> Convolution:
    """A depthwise convolution whose result is as large as its input, or smaller by the strides."""
    kernel = random.choice([(3, 3), (3, 3), (5, 5), (7, 7), (1, 3)])
    channels = 1 + a_channel_count(random)
    return _over(
        random,
        kernel,
        dilation=random.choice([(1, 1), (1, 1), (2, 1)]),
        padding=(kernel[0] // 2, kernel[1] // 2),
        groups=channels,
        inputs=channels,
        outputs=channels,
    )


def _over(
    random: Random,
    kernel: tuple[int, int],
    *,
    dilation: tuple[int, int],
    padding: tuple[int, int],
    groups: int,
    inputs: int,
    outputs: int,
) -> Convolution:
    """A convolution over an image of any size that holds the window once."""
    strides, batch = a_pair(random, 1, 2), random.choice([1, 1, 2])
    window = [dilation[axis] * (kernel[axis] - 1) + 1 - 2 * padding[axis] for axis in (0, 1)]
    height, width = (max(1, window[axis]) + random.randint(0, (3, 19)[axis]) for axis in (0, 1))
    output = an_image(
        random,
        batch=batch,
        channels=outputs,
        height=(height - window[0]) // strides[0] + 1,
        width=(width - window[1]) // strides[1] + 1,
    )
    return Convolution(
        input=Form(
            batch=batch,
            channels=inputs,
            height=height,
            width=width,
            layout=a_layout(random),
            halo=a_halo(random, padding),
        ),
        output=output,
        kernel=kernel,
        strides=strides,
        padding=padding,
        dilation=dilation,
        groups=groups,
        weights="dense" if groups == 1 and random.random() < 0.2 else "oihw",
        epilogue=an_epilogue(random, output),
    )


@pytest.mark.parametrize("seed", range(24))
@pytest.mark.parametrize("on", machines(), ids=lambda on: on.name)
def test_convolutions(on: Machine, seed: int) -> None:
    random = Random(f"{on.name} {seed}")
    spec = a_convolution(random)
    assert_computes(spec, random.choice(cpu.candidates(spec, on.cpu)), on)


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("on", machines(), ids=lambda on: on.name)
def test_depthwise_convolutions(on: Machine, seed: int) -> None:
    random = Random(f"{on.name} {seed}")
    spec = a_depthwise_convolution(random)
    assert_computes(spec, random.choice(cpu.candidates(spec, on.cpu)), on)
