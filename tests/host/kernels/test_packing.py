"""Packed weights hold every weight once, in the order in which a kernel reads them, and zeros behind the last."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from host.kernels.forms import Form
from host.kernels.packing import pack, packed_shape
from host.kernels.specs import Convolution, Pointwise, Pooling
from host.kernels.variants import Direct, Plain, Window
from tests.host.kernels.reference import Array


def convolution(
    inputs: int, outputs: int, kernel: tuple[int, int], groups: int = 1, **more: str
) -> Convolution:
    return Convolution(
        input=Form(channels=inputs, height=9, width=9),
        output=Form(channels=outputs, height=9, width=9),
        kernel=kernel,
        groups=groups,
        **more,  # type: ignore[arg-type]
    )


def numbered(*shape: int) -> Array:
    return np.arange(1, np.prod(shape) + 1, dtype="float32").reshape(shape)


@given(
    groups=st.integers(1, 3),
    inner=st.integers(1, 5),
    each=st.integers(1, 20),
    panel=st.integers(1, 16),
    height=st.integers(1, 3),
    width=st.integers(1, 3),
)
def test_panels_hold_the_weights_of_their_channels(
    groups: int, inner: int, each: int, panel: int, height: int, width: int
) -> None:
    spec = convolution(groups * inner, groups * each, (height, width), groups)
    weights = numbered(groups * each, inner, height, width)
    variant = Direct(1, 4, panel, "pixels")
    packed = pack(spec, variant, weights)
    assert packed.shape == packed_shape(spec, variant)
    assert packed.flags.c_contiguous
    for channel in range(groups * each):
        group, place = divmod(channel, each)
        found = packed[group, place // panel, :, :, :, place % panel]
        np.testing.assert_array_equal(found, weights[channel].transpose(1, 2, 0))
    assert np.count_nonzero(packed) == weights.size


def test_depthwise_weights_lie_with_their_channels_together() -> None:
    spec = convolution(5, 5, (3, 2), 5)
    weights = numbered(5, 1, 3, 2)
    packed = pack(spec, Window(4, 4), weights)
    assert packed.shape == packed_shape(spec, Window(4, 4)) == (3, 2, 5)
    assert packed[2, 1, 4] == weights[4, 0, 2, 1]


def test_dense_weights_count_the_image_channel_by_channel() -> None:
    spec = convolution(3, 7, (2, 2), weights="dense")
    weights = numbered(12, 7)
    packed = pack(spec, Direct(1, 1, 7, "channels"), weights)
    np.testing.assert_array_equal(packed[0, 0, 1, 0, 2], weights[2 * 4 + 1 * 2 + 0])


def test_only_convolutions_have_weights() -> None:
    form = Form(channels=4)
    assert packed_shape(Pointwise(inputs=(form,), output=form), Plain()) is None
    assert packed_shape(Pooling(input=form, output=form, kind="max", kernel=(1, 1)), Window(1, 4)) is None
    assert packed_shape(convolution(3, 4, (1, 1)), Plain()) is None
    with pytest.raises(ValueError, match="no packed weights"):
        pack(convolution(3, 4, (1, 1)), Plain(), numbered(4, 3, 1, 1))
