"""Pooling computes what the plain formula computes, at the image's edges, too."""

from random import Random

import pytest

from host.kernels import cpu
from host.kernels.forms import Form
from host.kernels.specs import Pooling
from tests.host.kernels.reference import Machine, assert_computes, machines
from tests.host.kernels.shapes import (
    a_channel_count,
    a_halo,
    a_layout,
    a_pair,
    an_epilogue,
    an_image,
)


def a_pooling(random: Random) -> Pooling:
    """A pooling whose windows may leave the image on all sides, but never wholly."""
    is_max = random.random() < 0.5
    kernel = random.choice([(1, 1), (2, 2), (3, 3), (3, 3), (3, 2), (1, 4), (7, 7)])
    dilation = random.choice([(1, 1), (1, 1), (2, 1)]) if is_max else (1, 1)
    padding = (random.randint(0, kernel[0] // 2), random.randint(0, kernel[1] // 2))
    strides, batch, channels = a_pair(random, 1, 3), random.choice([1, 1, 2]), a_channel_count(random)
    image, results = [], []
    for axis in (0, 1):
        reach = dilation[axis] * (kernel[axis] - 1)
        size = max(1, reach) + random.randint(0, (3, 18)[axis])
        whole = max(1, (size + padding[axis] - reach - 1) // strides[axis] + 1)
        begun = (size + padding[axis] - 1) // strides[axis] + 1
        image.append(size)
        results.append(min(whole + random.randint(0, 1), max(whole, begun)))
    output = an_image(random, batch=batch, channels=channels, height=results[0], width=results[1])
    return Pooling(
        input=Form(
            batch=batch,
            channels=channels,
            height=image[0],
            width=image[1],
            layout=a_layout(random),
            halo=a_halo(random, random.choice([(0, 0), padding, (3, 3)])),
        ),
        output=output,
        kind="max" if is_max else "average",
        kernel=kernel,
        strides=strides,
        padding=padding,
        dilation=dilation,
        counts_padding=random.random() < 0.5,
        is_nonnegative=random.random() < 0.5,
        epilogue=an_epilogue(random, output),
    )


@pytest.mark.parametrize("seed", range(18))
@pytest.mark.parametrize("on", machines(), ids=lambda on: on.name)
def test_pooling(on: Machine, seed: int) -> None:
    random = Random(f"{on.name} {seed}")
    spec = a_pooling(random)
    assert_computes(spec, random.choice(cpu.candidates(spec, on.cpu)), on)
