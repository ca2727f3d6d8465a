"""What a kernel computes, as loops that nobody has scheduled yet: where a search for schedules begins.

A definition takes the same parameters in the same order as the kernel that is written for a variant, packed weights
and zeros around the image included, so that the one can stand for the other.
"""

import operator
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from tvm import tirx
from tvm.script.ir_builder import IRBuilder
from tvm.tirx.script.builder import ir as T  # noqa: N812 - the name that TVM's users know

from host.kernels.cpu.emission import OPERATIONS, number, parameter_shapes
from host.kernels.cpu.normalization import divisor
from host.kernels.cpu.window import LOWEST, leaves_image, needs_check, overlap
from host.kernels.epilogue import RESULT, Epilogue
from host.kernels.forms import Form
from host.kernels.specs import Convolution, Emitted, Lrn, Pointwise, Pooling, Separable, Softmax
from host.kernels.variants import Variant, Window, Winograd

Compute = Callable[[Any, Any, Any, Any], Any]
"""An element's value from its image, channel, row and column."""

Rule = tuple[float, Callable[[Any, Any], Any]]
"""How a reduction begins, and how it takes in one value more."""

_SUM: Rule = (0.0, operator.add)
_LARGEST: Rule = (LOWEST, tirx.max)


def define(spec: Emitted | Separable, variant: Variant) -> Any:
    """A kernel without a schedule.

    Args:
        spec: What it computes.
        variant: Says in which order a convolution's weights are packed.

    Returns:
        A TIR function of blocks, with the parameters of the kernel that is written for the variant.

    Raises:
        ValueError: The variant reads transformed weights, which plain loops have no use for, or computes two
            convolutions at once.
    """
    if isinstance(spec, Separable) or isinstance(variant, Winograd):
        raise ValueError(f"a kernel that is written as {variant} is not defined by loops over its weights")
    with IRBuilder() as builder, T.prim_func(s_tir=True):
        T.func_name("main")
        T.func_attr({"global_symbol": "main", "tirx.noalias": True})
        shapes = parameter_shapes(spec, variant)
        *sources, target = [T.arg(f"p{i}", T.buffer(shape, "float32")) for i, shape in enumerate(shapes)]
        count = len(sources) - len(spec.epilogue.operands)
        with T.sblock("root"):
            T.reads([])
            T.writes([])
            image = _image(spec.output, target)
            value = _value(spec, variant, sources[:count])
            _finish(spec.output, spec.epilogue, sources[count:], value, image)
    return builder.get()


def _image(form: Form, target: Any) -> Any:
    """The output without its halo, which is cleared.

    Each writes into a view of its own, since a block that may be scheduled is the only one that writes its tensor.
    """
    if form.is_dense:
        return target
    _clear_halo(form, target)
    start, extents = _ordered(form, 0, 0, *form.halo), _bare_shape(form)
    region = tuple(slice(first, first + extent) for first, extent in zip(start, extents, strict=True))
    strides = [tirx.Var(f"s{axis}", "int32") for axis in range(len(extents))]
    offset = tirx.Var("offset", "int32")
    return T.match_buffer(target[region], extents, "float32", strides=strides, elem_offset=offset)


def _clear_halo(form: Form, target: Any) -> None:
    """Writes the zeros around an image; one block, which a search leaves as it is."""
    (above, beside), height, width = form.halo, form.height, form.width
    whole = width + 2 * beside
    pieces = [(0, above, 0, whole), (above + height, above, 0, whole)] if above else []
    pieces += [(above, height, 0, beside), (above, height, beside + width, beside)] if beside else []
    with T.sblock("halo"):
        T.reads([])
        T.writes([target[tuple(slice(0, extent) for extent in form.shape)]])
        for top, tall, left, wide in pieces:
            with T.grid(form.batch, form.channels, tall, wide) as (image, channel, row, column):
                place = _ordered(form, image, channel, top + row, left + column)
                T.buffer_store(target, number(0), list(place))


def _value(spec: Emitted, variant: Variant, sources: Sequence[Any]) -> Compute:
    """What a kernel computes before its epilogue."""
    match spec:
        case Convolution():
            return _depthwise(spec, *sources) if isinstance(variant, Window) else _direct(spec, *sources)
        case Pooling():
            return _pooling(spec, *sources)
        case Pointwise():
            return _side_by_side(spec, sources)
        case Softmax():
            return _softmax(spec, *sources)
        case Lrn():
            return _lrn(spec, *sources)


def _direct(spec: Convolution, source: Any, weights: Any) -> Compute:
    """A convolution with weights in panels: `(groups, panels, height, width, in / groups, panel)`."""
    each, inner = spec.output.channels // spec.groups, spec.input.channels // spec.groups
    panel = int(weights.shape[-1])

    def product(place: Sequence[Any], taps: Sequence[Any]) -> Any:
        image, channel, row, column = place
        kernel_row, kernel_column, within = taps
        group, rest = (0, channel) if spec.groups == 1 else (channel // each, channel % each)
        pixel = _seen(spec, row, column, kernel_row, kernel_column)
        seen = _read(source, spec.input, image, group * inner + within, *pixel)
        return seen * weights[group, rest // panel, kernel_row, kernel_column, within, rest % panel]

    return _reduction("sums", spec.output, (*spec.kernel, inner), _SUM, product)


def _depthwise(spec: Convolution, source: Any, weights: Any) -> Compute:
    """A convolution of every channel for itself, weights `(height, width, channels)`."""

    def product(place: Sequence[Any], taps: Sequence[Any]) -> Any:
        image, channel, row, column = place
        seen = _read(source, spec.input, image, channel, *_seen(spec, row, column, *taps))
        return seen * weights[taps[0], taps[1], channel]

    return _reduction("sums", spec.output, spec.kernel, _SUM, product)


def _pooling(spec: Pooling, source: Any) -> Compute:
    rule = _LARGEST if spec.kind == "max" else _SUM

    def seen(place: Sequence[Any], taps: Sequence[Any]) -> Any:
        image, channel, row, column = place
        pixel = _seen(spec, row, column, *taps)
        value = _read(source, spec.input, image, channel, *pixel)
        is_inside = tirx.all(
            pixel[0] >= 0, pixel[0] < spec.input.height, pixel[1] >= 0, pixel[1] < spec.input.width
        )
        return tirx.if_then_else(is_inside, value, number(rule[0])) if needs_check(spec) else value

    found = _reduction("pooled", spec.output, spec.kernel, rule, seen)
    return found if spec.kind == "max" else _mean(spec, found)


def _mean(spec: Pooling, sums: Compute) -> Compute:
    """Divides by the number of pixels that a window counts."""

    def mean(image: Any, channel: Any, row: Any, column: Any) -> Any:
        total = sums(image, channel, row, column)
        if spec.counts_padding or not leaves_image(spec):
            return total * number(1.0 / (spec.kernel[0] * spec.kernel[1]))
        top, left = row * spec.strides[0] - spec.padding[0], column * spec.strides[1] - spec.padding[1]
        rows = overlap(top, spec.kernel[0], spec.input.height)
        columns = overlap(left, spec.kernel[1], spec.input.width)
        return total * (number(1.0) / (rows * columns).astype("float32"))

    return mean


def _side_by_side(spec: Pointwise, sources: Sequence[Any]) -> Compute:
    def chosen(image: Any, channel: Any, row: Any, column: Any) -> Any:
        first = spec.output.channels - spec.inputs[-1].channels
        value = _read(sources[-1], spec.inputs[-1], image, channel - first, row, column)
        for form, source in zip(reversed(spec.inputs[:-1]), reversed(sources[:-1]), strict=True):
            end, first = first, first - form.channels
            earlier = _read(source, form, image, channel - first, row, column)
            value = tirx.if_then_else(channel < end, earlier, value)
        return value

    return chosen


def _softmax(spec: Softmax, source: Any) -> Compute:
    rows, count = Form(batch=spec.input.batch, channels=1, rank=2), (spec.input.channels,)
    largest = _reduction("largest", rows, count, _LARGEST, lambda place, taps: source[place[0], taps[0]])

    def power(image: Any, channel: Any, *_: Any) -> Any:
        return tirx.exp(source[image, channel] - largest(image, 0, 0, 0))

    powers = _stage("powers", spec.input, power)
    total = _reduction("total", rows, count, _SUM, lambda place, taps: powers(place[0], taps[0], 0, 0))
    return lambda image, channel, row, column: powers(image, channel, 0, 0) / total(image, 0, 0, 0)


def _lrn(spec: Lrn, source: Any) -> Compute:
    def square(place: Sequence[Any], taps: Sequence[Any]) -> Any:
        image, channel, row, column = place
        neighbour = channel + taps[0] - spec.size // 2
        value = _read(source, spec.input, image, neighbour, row, column)
        is_channel = tirx.all(neighbour >= 0, neighbour < spec.input.channels)
        return tirx.if_then_else(is_channel, value * value, number(0))

    total = _reduction("sums", spec.output, (spec.size,), _SUM, square)
    return lambda *place: _read(source, spec.input, *place) / divisor(spec, total(*place))


def _finish(form: Form, epilogue: Epilogue, operands: Sequence[Any], value: Compute, target: Any) -> None:
    """Writes the output without its halo, the epilogue's steps applied."""

    def element(image: Any, channel: Any, row: Any, column: Any) -> Any:
        last = value(image, channel, row, column)
        known: dict[str, Any] = {RESULT: last}
        for index, (operand, tensor) in enumerate(zip(epilogue.operands, operands, strict=True)):
            known[f"o{index}"] = _operand(tensor, operand, image, channel, row, column)
        for index, step in enumerate(epilogue.steps):
            values = [known[one] if isinstance(one, str) else number(one) for one in step.operands]
            last = known[f"s{index}"] = OPERATIONS[step.operation](*values)
        return last

    with _block("result", form) as (axes, _):
        T.buffer_store(target, element(*_named(form, axes)), axes)


def _stage(name: str, form: Form, compute: Compute) -> Compute:
    """A tensor of its own."""
    tensor = T.sblock_alloc_buffer(_bare_shape(form), "float32")
    with _block(name, form) as (axes, _):
        T.buffer_store(tensor, compute(*_named(form, axes)), axes)
    return lambda *place: tensor[_ordered(form, *place)]


def _reduction(
    name: str,
    form: Form,
    taps: Sequence[int],
    rule: Rule,
    value: Callable[[Sequence[Any], Sequence[Any]], Any],
) -> Compute:
    """A tensor that takes in many values for each of its elements.

    Args:
        name: The block's name.
        form: Of the tensor.
        taps: Extents of what is reduced.
        rule: How.
        value: Gives a value from the element's image, channel, row and column and the taps' indices.
    """
    start, combine = rule
    tensor = T.sblock_alloc_buffer(_bare_shape(form), "float32")
    with _block(name, form, taps) as (axes, indices):
        with T.init():
            T.buffer_store(tensor, number(start), axes)
        T.buffer_store(tensor, combine(tensor[tuple(axes)], value(_named(form, axes), indices)), axes)
    return lambda *place: tensor[_ordered(form, *place)]


@contextmanager
def _block(name: str, form: Form, taps: Sequence[int] = ()) -> Iterator[tuple[list[Any], list[Any]]]:
    """Loops over a tensor and over what is reduced, and the block in them; gives the block's axes."""
    shape = _bare_shape(form)
    with T.grid(*shape, *taps) as loops, T.sblock(name):
        axes = list(T.axis.remap("S" * len(shape) + "R" * len(taps), list(loops)))
        yield axes[: len(shape)], axes[len(shape) :]


def _seen(
    spec: Convolution | Pooling, row: Any, column: Any, kernel_row: Any, kernel_column: Any
) -> tuple[Any, Any]:
    """The pixel that a place of the window lies on."""
    return (
        row * spec.strides[0] - spec.padding[0] + kernel_row * spec.dilation[0],
        column * spec.strides[1] - spec.padding[1] + kernel_column * spec.dilation[1],
    )


def _read(tensor: Any, form: Form, image: Any, channel: Any, row: Any, column: Any) -> Any:
    return tensor[_ordered(form, image, channel, row + form.halo[0], column + form.halo[1])]


def _bare_shape(form: Form) -> tuple[int, ...]:
    return _ordered(form, *form.logical_shape)


def _ordered(form: Form, image: Any, channel: Any, row: Any, column: Any) -> tuple[Any, ...]:
    """Indices as they stand in memory."""
    if form.rank == 2:
        return (image, channel)
    if form.layout == "channels-last":
        return (image, row, column, channel)
    return (image, channel, row, column)


def _named(form: Form, axes: Sequence[Any]) -> tuple[Any, Any, Any, Any]:
    """Image, channel, row and column of indices as they stand in memory."""
    if form.rank == 2:
        return (axes[0], axes[1], 0, 0)
    if form.layout == "channels-last":
        return (axes[0], axes[3], axes[1], axes[2])
    return (axes[0], axes[1], axes[2], axes[3])


def _operand(tensor: Any, form: Form | None, image: Any, channel: Any, row: Any, column: Any) -> Any:
    if form is None:
        return tensor[channel]
    is_one_pixel = (form.height, form.width) == (1, 1)
    return _read(tensor, form, image, channel, *((0, 0) if is_one_pixel else (row, column)))
