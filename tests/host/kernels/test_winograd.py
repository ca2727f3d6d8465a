"""Winograd's convolutions compute what direct ones do and read nothing behind the halo."""

import numpy as np
import pytest
import tvm
from hypothesis import given, settings
from hypothesis import strategies as st

from host.kernels.cpu import candidates, emit
from host.kernels.epilogue import Epilogue, Step
from host.kernels.forms import Form
from host.kernels.machines import describe_cpu
from host.kernels.packing import Array, pack, packed_shape
from host.kernels.specs import Convolution
from host.kernels.variants import Variant, Winograd, name_of, variant_of
from host.kernels.winograd_transforms import SIZES, transforms

TOLERANCE = 1e-4
NATIVE = {"kind": "llvm", "mtriple": "x86_64-linux-gnu", "mcpu": "x86-64-v3"}
BIAS_AND_RELU = Epilogue(
    operands=(None,),
    steps=(
        Step(operation="add", operands=("x", "o0")),
        Step(operation="maximum", operands=("s0", 0.0)),
    ),
)


def square(size: int, channels: int, out: int, *, halo: int = 1, batch: int = 1) -> Convolution:
    """A convolution that keeps the size of a square image."""
    return Convolution(
        input=Form(batch=batch, channels=channels, height=size, width=size, halo=(halo, halo)),
        output=Form(batch=batch, channels=out, height=size, width=size),
        kernel=(3, 3),
        padding=(1, 1),
        epilogue=BIAS_AND_RELU,
    )


def in_form(values: Array, form: Form, outside: float = 0.0) -> Array:
    """`(batch, channels, height, width)` as it lies in memory."""
    above, beside = form.halo
    sides = ((0, 0), (0, 0), (above, above), (beside, beside))
    padded = np.pad(values, sides, constant_values=outside).astype(np.float32)
    return np.ascontiguousarray(padded.transpose(0, 2, 3, 1) if form.layout == "channels-last" else padded)


def convolved(spec: Convolution, pixels: Array, weights: Array) -> Array:
    """The convolution in double precision."""
    height, width = spec.output.height, spec.output.width
    above, beside = spec.padding
    below = (
        height + 2 - spec.input.height - above,
        width + 2 - spec.input.width - beside,
    )
    padded = np.pad(pixels.astype(np.float64), ((0, 0), (0, 0), (above, below[0]), (beside, below[1])))
    products = (
        np.einsum(
            "nchw,oc->nohw",
            padded[:, :, row : row + height, column : column + width],
            weights[:, :, row, column].astype(np.float64),
            optimize=True,
        )
        for row in range(3)
        for column in range(3)
    )
    total: Array = sum(products, np.zeros(()))
    return total


def run(spec: Convolution, variant: Variant, arguments: list[Array], target: dict[str, str]) -> Array:
    module = tvm.IRModule({"main": emit(spec, variant, describe_cpu(target))})
    built = tvm.tirx.build(module, target=tvm.target.Target(target))
    result = tvm.runtime.tensor(np.full(spec.output.shape, np.nan, np.float32))
    built["main"](*map(tvm.runtime.tensor, arguments), result)
    values: Array = result.numpy()
    return values


def largest_error(spec: Convolution, variant: Variant, target: dict[str, str] = NATIVE) -> float:
    """Largest difference to double precision, as a part of the largest value before a ReLU."""
    random = np.random.default_rng(7)
    pixels = np.maximum(random.standard_normal(spec.input.logical_shape), 0).astype(np.float32)
    weights = random.standard_normal((spec.output.channels, spec.input.channels, 3, 3)).astype(np.float32)
    expected = convolved(spec, pixels, weights)
    arguments = [in_form(pixels, spec.input), pack(spec, variant, weights)]
    for form in spec.epilogue.operands:
        values = random.standard_normal(form.logical_shape if form else spec.output.channels).astype("f4")
        expected = expected + (values if form else values[:, None, None])
        arguments.append(in_form(values, form, outside=np.nan) if form else values)
    largest = np.abs(expected).max()
    if spec.epilogue.steps:
        expected = np.maximum(expected, 0)
    found = run(spec, variant, arguments, target)
    return float(np.abs(found - in_form(expected, spec.output)).max() / largest)


@st.composite
def layers(draw: st.DrawFn) -> Convolution:
    """Convolutions of odd shapes, with halos as wide as their padding or wider."""
    height, width, channels, out = (draw(st.integers(1, most)) for most in (11, 11, 37, 37))
    padding = (draw(st.integers(height < 3, 2)), draw(st.integers(width < 3, 2)))
    halo = (padding[0] + draw(st.integers(0, 1)), padding[1] + draw(st.integers(0, 1)))
    batch = draw(st.integers(1, 2))
    output = Form(
        batch=batch,
        channels=out,
        height=height + 2 * padding[0] - 2,
        width=width + 2 * padding[1] - 2,
        halo=(draw(st.integers(0, 1)), draw(st.integers(0, 2))),
        layout=draw(st.sampled_from(["channels-last", "channels-first"])),
    )
    residual = Form(
        batch=batch,
        channels=out,
        height=output.height,
        width=output.width,
        halo=(draw(st.integers(0, 1)), 1),
        layout=draw(st.sampled_from(["channels-last", "channels-first"])),
    )
    with_residual = Epilogue(
        operands=(None, residual),
        steps=(
            Step(operation="add", operands=("x", "o0")),
            Step(operation="add", operands=("s0", "o1")),
            Step(operation="maximum", operands=("s1", 0.0)),
        ),
    )
    return Convolution(
        input=Form(batch=batch, channels=channels, height=height, width=width, halo=halo),
        output=output,
        kernel=(3, 3),
        padding=padding,
        epilogue=draw(st.sampled_from([Epilogue(), BIAS_AND_RELU, with_residual])),
    )


variants = st.builds(
    Winograd,
    size=st.sampled_from(SIZES),
    tiles=st.integers(1, 4),
    channels=st.sampled_from([8, 16]),
    block=st.integers(1, 12),
    shared=st.sampled_from(["blocks", "steps"]),
)


@settings(max_examples=8, deadline=None)
@given(layers(), variants)
def test_result_is_that_of_the_convolution(spec: Convolution, variant: Winograd) -> None:
    assert largest_error(spec, variant) < TOLERANCE


@pytest.mark.parametrize("mcpu", ["x86-64", "x86-64-v3"])
def test_first_candidate_is_right_on_older_processors(mcpu: str) -> None:
    spec, target = square(9, 24, 40), {**NATIVE, "mcpu": mcpu}
    first = candidates(spec, describe_cpu(target))[0]
    assert isinstance(first, Winograd)
    assert largest_error(spec, first, target) < TOLERANCE


@pytest.mark.parametrize("size", SIZES)
def test_error_stays_small_with_many_channels(size: int) -> None:
    assert largest_error(square(7, 512, 16), Winograd(size, 4, 16, 16, "steps")) < TOLERANCE / 10


@pytest.mark.parametrize("size", SIZES)
def test_pixels_behind_the_halo_are_not_read(size: int) -> None:
    first, second = square(5, 8, 8, batch=2), square(5, 8, 8)
    random = np.random.default_rng(1)
    pixels = random.standard_normal(first.input.logical_shape).astype(np.float32)
    weights = random.standard_normal((8, 8, 3, 3)).astype(np.float32)
    bias, variant = np.zeros(8, np.float32), Winograd(size, 4, 8, 8, "blocks")
    pixels[1] = np.nan  # lies right behind the first image
    both = run(first, variant, [in_form(pixels, first.input), pack(first, variant, weights), bias], NATIVE)
    alone = run(
        second, variant, [in_form(pixels[:1], second.input), pack(second, variant, weights), bias], NATIVE
    )
    assert np.array_equal(both[0], alone[0])


def test_steps_and_blocks_give_the_same_numbers() -> None:
    spec = square(10, 8, 16, batch=2)
    random = np.random.default_rng(3)
    weights = random.standard_normal((16, 8, 3, 3)).astype(np.float32)
    pixels = in_form(random.standard_normal(spec.input.logical_shape), spec.input)
    bias = random.standard_normal(16).astype(np.float32)
    found = []
    for shared, block in (("blocks", 5), ("steps", 5), ("steps", 18)):
        variant = variant_of(f"winograd-4-3-16-{block}-{shared}")
        found.append(run(spec, variant, [pixels, pack(spec, variant, weights), bias], NATIVE))
    assert all(np.array_equal(found[0], other) for other in found[1:])


@pytest.mark.parametrize("size", SIZES)
def test_transforms_compute_a_convolution(size: int) -> None:
    matrices, random = transforms(size), np.random.default_rng(5)
    pixels, kernel = random.standard_normal((size + 2, size + 2)), random.standard_normal((3, 3))
    before, after, inner = map(np.array, (matrices.input, matrices.output, matrices.kernel))
    tile = after @ ((inner @ kernel @ inner.T) * (before @ pixels @ before.T)) @ after.T
    windows = np.lib.stride_tricks.sliding_window_view(pixels, (3, 3))
    assert np.allclose(tile, (windows * kernel).sum((2, 3)), atol=1e-12)


def test_transforms_of_other_sizes_are_refused() -> None:
    with pytest.raises(ValueError, match="2 or 4"):
        transforms(3)


@given(st.integers(1, 40), st.integers(1, 40), st.sampled_from(SIZES), st.sampled_from([4, 16, 48]))
def test_packed_weights_have_the_promised_shape(inner: int, out: int, size: int, panel: int) -> None:
    spec, variant = square(4, inner, out), Winograd(size, 4, panel, 8, "blocks")
    weights = np.random.default_rng(0).standard_normal((out, inner, 3, 3)).astype(np.float32)
    packed = pack(spec, variant, weights)
    assert packed.shape == packed_shape(spec, variant)
    assert packed.dtype == np.float32
    matrix = np.array(transforms(size).kernel)
    plane = (matrix @ weights[-1, 0].astype(np.float64) @ matrix.T).ravel()
    number, place = divmod(out - 1, panel)
    assert np.allclose(packed[:, number, 0, place], plane, rtol=1e-6, atol=1e-7)
    assert not packed[:, number, :, place + 1 :].any()


def test_dense_weights_are_packed_like_others() -> None:
    spec, variant = square(4, 5, 6), Winograd(4, 4, 16, 8, "blocks")
    weights = np.random.default_rng(0).standard_normal((6, 5, 3, 3)).astype(np.float32)
    dense = Convolution(
        input=Form(channels=5, height=3, width=3),
        output=Form(channels=6),
        kernel=(3, 3),
        weights="dense",
    )
    assert np.array_equal(pack(dense, variant, weights.reshape(6, 45).T), pack(spec, variant, weights))


@given(variants)
def test_names_can_be_read_back(variant: Winograd) -> None:
    assert variant_of(name_of(variant)) == variant
