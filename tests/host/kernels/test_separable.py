"""A depthwise convolution and the 1x1 convolution behind it compute in one kernel what they compute in two."""

import json
from dataclasses import replace
from random import Random

import numpy as np
import pytest

from host.kernels import cpu
from host.kernels.epilogue import Epilogue, Step
from host.kernels.forms import Form
from host.kernels.machines import describe_cpu
from host.kernels.packing import packings
from host.kernels.specs import (
    Convolution,
    Separable,
    digest,
    from_document,
    separable_of,
    to_document,
)
from host.kernels.variants import Rows
from tests.host.kernels.reference import Machine, Separated, machines, run
from tests.host.kernels.shapes import a_channel_count, a_halo, a_pair, an_epilogue, an_image


def a_separable(random: Random) -> Separable:
    """Two convolutions over an image of any size, the second with any epilogue."""
    kernel = random.choice([(3, 3), (3, 3), (5, 5), (1, 3)])
    strides, batch, padding = a_pair(random, 1, 2), random.choice([1, 1, 2]), (kernel[0] // 2, kernel[1] // 2)
    channels = 1 + a_channel_count(random, 40)
    height, width = random.randint(1, 9), random.randint(1, 20)
    between = Form(
        batch=batch,
        channels=channels,
        height=(height - 1) // strides[0] + 1,
        width=(width - 1) // strides[1] + 1,
    )
    output = an_image(
        random,
        batch=batch,
        channels=a_channel_count(random, 70),
        height=between.height,
        width=between.width,
    )
    epilogue = an_epilogue(random, between)
    is_simple = not any(epilogue.operands)
    return Separable(
        depthwise=Convolution(
            input=Form(
                batch=batch, channels=channels, height=height, width=width, halo=a_halo(random, padding)
            ),
            output=between,
            kernel=kernel,
            strides=strides,
            padding=padding,
            groups=channels,
            epilogue=epilogue if is_simple else Epilogue(),
        ),
        pointwise=Convolution(
            input=between, output=output, kernel=(1, 1), epilogue=an_epilogue(random, output)
        ),
    )


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("on", machines(), ids=lambda on: on.name)
def test_both_at_once(on: Machine, seed: int) -> None:
    random = Random(f"{on.name} {seed}")
    spec = a_separable(random)
    rows = random.randint(1, spec.output.height)
    likely = random.choice(cpu.candidates(spec, on.cpu))
    assert isinstance(likely, Rows)
    variant = random.choice([likely, Rows(rows, likely.window_columns, 3, likely.columns, likely.channels)])
    case = Separated.of(spec)
    np.testing.assert_allclose(run(case, variant, on), case.expected(), rtol=1e-5, atol=1e-5)


SPEC = Separable(
    depthwise=Convolution(
        input=Form(channels=5, height=4, width=4, halo=(1, 1)),
        output=Form(channels=5, height=4, width=4),
        kernel=(3, 3),
        padding=(1, 1),
        groups=5,
        epilogue=Epilogue(operands=(None,), steps=(Step(operation="add", operands=("x", "o0")),)),
    ),
    pointwise=Convolution(
        input=Form(channels=5, height=4, width=4),
        output=Form(channels=20, height=4, width=4, halo=(1, 1)),
        kernel=(1, 1),
    ),
)


def test_weights_of_both_are_packed_for_their_own_tiles() -> None:
    first, second = packings(SPEC, Rows(2, 4, 8, 6, 16))
    assert (first.argument, first.spec, first.shape) == (1, SPEC.depthwise, (3, 3, 5))
    assert (second.argument, second.spec, second.shape) == (3, SPEC.pointwise, (1, 2, 1, 1, 5, 16))


def test_only_what_nobody_else_reads_and_no_cache_keeps_is_joined() -> None:
    image = Form(channels=64, height=56, width=56)
    first = replace(SPEC.depthwise, input=replace(image, halo=(1, 1)), output=image, groups=64)
    second = Convolution(input=image, output=replace(image, channels=32), kernel=(1, 1))
    assert separable_of(first, second) == Separable(depthwise=first, pointwise=second)
    small = replace(image, height=14, width=14)
    assert separable_of(replace(first, output=small), replace(second, input=small)) is None
    assert separable_of(first, replace(second, strides=(2, 2))) is None
    assert separable_of(first, replace(second, kernel=(3, 3), padding=(1, 1))) is None
    assert separable_of(replace(first, groups=32), second) is None
    assert separable_of(replace(first, epilogue=Epilogue(operands=(image,))), second) is None
    assert separable_of(second, second) is None


def test_spec_is_read_back_as_it_was_written() -> None:
    document = json.loads(json.dumps(to_document(SPEC)))
    assert from_document(document) == SPEC
    assert digest(SPEC) == digest(from_document(document)) != digest(SPEC.depthwise)


def test_rows_between_fit_into_the_caches() -> None:
    spec = replace(SPEC, depthwise=replace(SPEC.depthwise, output=Form(channels=128, height=56, width=56)))
    core = describe_cpu({"mtriple": "x86_64-linux-gnu", "mcpu": "znver3"})
    rows = {variant.rows for variant in cpu.candidates(spec, core) if isinstance(variant, Rows)}
    row_bytes = 56 * 128 * 4
    assert rows == {core.second_cache_bytes // 4 // row_bytes, core.first_cache_bytes // row_bytes}
