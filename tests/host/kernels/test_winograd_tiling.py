"""Winograd's convolutions are cut evenly and chosen where they pay."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from host.kernels.cpu import candidates, emit
from host.kernels.cpu.winograd_tiling import cover, scratch_shape, winograd_applies, winograd_cycles
from host.kernels.forms import Form
from host.kernels.machines import Cpu, describe_cpu
from host.kernels.specs import Convolution
from host.kernels.variants import Direct, Winograd
from host.kernels.winograd_transforms import SIZES

X86 = describe_cpu({"mtriple": "x86_64-linux-gnu", "mcpu": "x86-64-v4"})
A57 = describe_cpu({"mtriple": "aarch64-linux-gnu", "mcpu": "cortex-a57"})


def square(size: int, channels: int, out: int) -> Convolution:
    """A convolution that keeps the size of a square image."""
    return Convolution(
        input=Form(channels=channels, height=size, width=size, halo=(1, 1)),
        output=Form(channels=out, height=size, width=size),
        kernel=(3, 3),
        padding=(1, 1),
    )


@given(st.integers(1, 60), st.sampled_from(SIZES))
def test_tiles_cover_the_output_and_no_more(pixels: int, size: int) -> None:
    spec = square(pixels, 4, 4)
    tiles = cover(spec, size)
    assert 0 <= tiles.rows * size - spec.output.height < size
    assert 0 <= tiles.columns * size - spec.output.width < size
    assert tiles.writes_behind == (
        tiles.rows * size > spec.output.height,
        tiles.columns * size > spec.output.width,
    )


@given(st.integers(1, 300), st.integers(1, 2048))
def test_planes_lie_on_different_lines_of_the_cache(tiles: int, channels: int) -> None:
    plane, tile = scratch_shape(tiles, channels)
    assert tile >= channels
    assert tile % 16 == 0
    assert plane >= tiles * tile
    assert plane // 16 % 2 == 1


@pytest.mark.parametrize("cpu", [X86, A57], ids=["avx-512", "cortex-a57"])
@pytest.mark.parametrize(("size", "channels"), [(56, 64), (28, 128), (14, 256), (112, 128), (28, 512)])
def test_large_layers_are_transformed_and_can_be_direct(size: int, channels: int, cpu: Cpu) -> None:
    found = candidates(square(size, channels, channels), cpu)
    assert isinstance(found[0], Winograd)
    assert found[0].size == 4
    assert any(isinstance(variant, Direct) for variant in found)
    assert len(found) == len(set(found)) <= 5


def test_smaller_tiles_come_first_where_weights_are_what_counts() -> None:
    first = candidates(square(7, 512, 512), X86)[0]
    assert isinstance(first, Winograd)
    assert first.size == 2


def test_layers_with_little_to_sum_up_stay_direct() -> None:
    assert isinstance(candidates(square(56, 3, 64), X86)[0], Direct)
    assert isinstance(candidates(square(1, 64, 64), X86)[0], Direct)


def test_candidates_are_sorted_by_their_cost() -> None:
    spec = square(56, 64, 64)
    alike = [v for v in candidates(spec, X86) if isinstance(v, Winograd) and v.size == 4]
    costs = [winograd_cycles(spec, variant, X86) for variant in alike]
    assert costs == sorted(costs)


UNSUITABLE = {
    "stride": {"strides": (2, 2)},
    "dilation": {"dilation": (2, 2)},
    "groups": {"groups": 2},
    "kernel": {"kernel": (5, 5)},
    "layout": {"input": Form(channels=8, height=8, width=8, halo=(1, 1), layout="channels-first")},
    "halo": {"input": Form(channels=8, height=8, width=8)},
}


@pytest.mark.parametrize("change", UNSUITABLE.values(), ids=UNSUITABLE)
def test_other_convolutions_are_refused(change: dict[str, Any]) -> None:
    fields = {"input": square(8, 8, 8).input, "kernel": (3, 3), "padding": (1, 1), **change}
    spec = Convolution(output=Form(channels=8, height=8, width=8), **fields)
    assert not winograd_applies(spec)
    with pytest.raises(ValueError, match="cannot be scheduled"):
        emit(spec, Winograd(4, 4, 16, 8, "blocks"), X86)
