"""Tiles cover what there is to compute, fit into the registers, and are the ones that a kernel's author would name."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from host.kernels.cpu.tiling import (
    direct_candidates,
    flattened,
    numbers_at_once,
    parts,
    total,
    vectors,
    window_candidates,
    window_runs,
)
from host.kernels.epilogue import Epilogue
from host.kernels.forms import Form
from host.kernels.machines import Cpu, describe_cpu
from host.kernels.specs import Convolution

AVX512 = describe_cpu({"mcpu": "x86-64-v4"})
AVX2 = describe_cpu({"mcpu": "x86-64-v3"})
A57 = describe_cpu({"mtriple": "aarch64-linux-gnu", "mcpu": "cortex-a57"})
GENERIC_ARM = describe_cpu({"mtriple": "aarch64-linux-gnu", "mcpu": "generic"})
SCALAR = describe_cpu({"mtriple": "riscv64-linux-gnu"})
CPUS = (AVX512, AVX2, A57, GENERIC_ARM, SCALAR)


def convolution(inputs: int, outputs: int, size: int, kernel: int = 1, groups: int = 1) -> Convolution:
    pad = kernel // 2
    return Convolution(
        input=Form(channels=inputs, height=size, width=size, halo=(pad, pad)),
        output=Form(channels=outputs, height=size, width=size),
        kernel=(kernel, kernel),
        padding=(pad, pad),
        groups=groups,
    )


@given(extent=st.integers(1, 300), size=st.integers(1, 40))
def test_parts_cover_an_axis_with_pieces_of_nearly_one_size(extent: int, size: int) -> None:
    pieces = parts(extent, size)
    starts = [part.start + index * part.size for part in pieces for index in range(part.count)]
    sizes = [part.size for part in pieces for _ in range(part.count)]
    assert starts == [sum(sizes[:index]) for index in range(len(sizes))]
    assert sum(sizes) == extent
    assert len(sizes) == total(pieces) == -(-extent // size)
    assert max(sizes) <= size
    assert max(sizes) - min(sizes) <= 1


@given(channels=st.integers(1, 100), lanes=st.sampled_from([1, 4, 8, 16]))
def test_vectors_cover_channels_with_powers_of_two(channels: int, lanes: int) -> None:
    found = vectors(channels, lanes)
    assert [start for start, _ in found] == [
        sum(size for _, size in found[:index]) for index in range(len(found))
    ]
    assert sum(size for _, size in found) == channels
    assert all(size <= lanes and size.bit_count() == 1 for _, size in found)


@given(
    inputs=st.integers(1, 64),
    outputs=st.integers(1, 300),
    size=st.integers(1, 60),
    kernel=st.sampled_from([1, 3, 5]),
    groups=st.sampled_from([1, 2]),
    cpu=st.sampled_from(CPUS),
)
def test_tiles_fit_into_the_registers(
    inputs: int, outputs: int, size: int, kernel: int, groups: int, cpu: Cpu
) -> None:
    spec = convolution(groups * inputs, groups * outputs, size, kernel, groups)
    found = direct_candidates(spec, cpu)
    assert found
    assert len(set(found)) == len(found)
    for tile in found:
        pixels, count = tile.rows * tile.columns, tile.channels // cpu.lanes
        held = pixels if numbers_at_once(spec, cpu) > 1 else 1
        assert pixels * count + count + held <= cpu.registers
        assert tile.columns <= flattened(spec).output.width
        assert tile.rows <= flattened(spec).output.height


@given(
    channels=st.integers(2, 100),
    size=st.integers(1, 60),
    cpu=st.sampled_from(CPUS),
)
def test_windows_fit_into_the_registers(channels: int, size: int, cpu: Cpu) -> None:
    found = window_candidates(convolution(channels, channels, size, 3, channels), cpu)
    assert found
    assert len(set(found)) == len(found)
    for tile in found:
        assert tile.columns * -(-tile.channels // cpu.lanes) + 4 <= cpu.registers
        assert tile.columns <= size
        assert tile.channels <= channels


def test_an_image_that_only_counts_pixels_is_one_row() -> None:
    spec = convolution(16, 32, 14)
    assert flattened(spec).output.shape == (1, 1, 14 * 14, 32)
    assert flattened(spec).flops == spec.flops
    assert flattened(convolution(16, 32, 14, 3)) == convolution(16, 32, 14, 3)


@pytest.mark.parametrize(
    "change",
    [
        {"output": Form(channels=32, height=14, width=14, halo=(1, 1))},
        {"input": Form(channels=16, height=14, width=14, layout="channels-first")},
        {"epilogue": Epilogue(operands=(Form(channels=32, height=14, width=14, halo=(0, 1)),))},
    ],
)
def test_an_image_keeps_its_shape_where_a_tensor_is_no_plain_matrix(change: dict[str, object]) -> None:
    spec = replace(convolution(16, 32, 14), **change)  # type: ignore[arg-type]
    assert flattened(spec) == spec


def test_lanes_of_a_register_multiply_where_numbers_lie_side_by_side() -> None:
    spec = convolution(16, 32, 14, 3)
    first = replace(spec, input=replace(spec.input, layout="channels-first"))
    assert numbers_at_once(spec, A57) == 4
    assert numbers_at_once(spec, AVX512) == numbers_at_once(first, A57) == 1
    assert numbers_at_once(convolution(2, 32, 14), A57) == 2
    assert numbers_at_once(convolution(4, 32, 14, 1, 2), A57) == 2


def test_pixels_side_by_side_are_one_run() -> None:
    spec = convolution(3, 32, 14, 3)
    assert window_runs(spec, A57) == (1, 9)
    assert window_runs(spec, AVX512) == (3, 3)
    assert window_runs(replace(spec, dilation=(1, 2)), A57) == (3, 3)
    assert window_runs(convolution(6, 32, 14, 3, 2), A57) == (3, 3)


@pytest.mark.parametrize("kib", [16, 32])
def test_pixels_that_share_a_set_of_the_first_cache_are_few(kib: int) -> None:
    tile = direct_candidates(convolution(1024, 1024, 7), replace(A57, first_cache_bytes=kib * 1024))[0]
    assert tile.rows * tile.columns <= kib * 1024 // (1024 * 4)
