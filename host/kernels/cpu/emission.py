"""The words that CPU kernels are written in: parameters, vectors, parallel loops over uneven pieces, epilogues."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from tvm import tirx
from tvm.script.ir_builder import IRBuilder
from tvm.tirx.script.builder import ir as T  # noqa: N812 - the name that TVM's users know

from host.kernels.cpu.tiling import Part
from host.kernels.epilogue import RESULT, Epilogue
from host.kernels.forms import Form
from host.kernels.machines import Cpu
from host.kernels.packing import packed_shape
from host.kernels.specs import Emitted, Pointwise
from host.kernels.variants import Variant


def write_function(shapes: Sequence[Sequence[int]], body: Callable[..., None]) -> Any:
    """A TIR function of float32 tensors.

    Args:
        shapes: Shapes of its parameters.
        body: Writes it; gets each parameter as a flat buffer.
    """
    with IRBuilder() as builder, T.prim_func():
        T.func_name("main")
        T.func_attr({"global_symbol": "main", "tirx.noalias": True})
        buffers = [T.arg(f"p{i}", T.buffer(tuple(shape), "float32")) for i, shape in enumerate(shapes)]
        sizes = [math.prod(shape) for shape in shapes]
        body(
            *(
                T.decl_buffer((size,), "float32", data=buffer.data)
                for size, buffer in zip(sizes, buffers, strict=True)
            )
        )
    return builder.get()


def parameter_shapes(spec: Emitted, variant: Variant) -> list[tuple[int, ...]]:
    """Shapes of a kernel's parameters in order."""
    inputs = spec.inputs if isinstance(spec, Pointwise) else (spec.input,)
    return [*(form.shape for form in inputs), *constant_shapes(spec, variant), spec.output.shape]


def constant_shapes(spec: Emitted, variant: Variant) -> list[tuple[int, ...]]:
    """Shapes of the parameters between what a kernel reads and what it writes: weights, operands of its epilogue."""
    weights = packed_shape(spec, variant)
    operands = [form.shape if form else (spec.output.channels,) for form in spec.epilogue.operands]
    return [weights, *operands] if weights else operands


def number(value: float) -> Any:
    """A float32 constant."""
    return tirx.const(float(value), "float32")


def at(start: Any, lanes: int, stride: int = 1) -> Any:
    """The index of `lanes` elements that lie `stride` apart."""
    return tirx.Ramp(start, stride, lanes) if lanes > 1 else start


def spread(value: Any, lanes: int) -> Any:
    """A scalar in all lanes."""
    return tirx.Broadcast(value, lanes) if lanes > 1 else value


def larger(left: Any, right: Any, cpu: Cpu) -> Any:
    """The larger of two numbers, or of each pair of two vectors."""
    if not cpu.has_maxnum:
        return tirx.max(left, right)
    return tirx.call_llvm_pure_intrin(left.ty, "llvm.maxnum", left, right)


def store(buffer: Any, start: Any, lanes: int, value: Any) -> None:
    """Writes `lanes` neighbours."""
    T.buffer_store(buffer, value, [at(start, lanes)])


def prefetch(buffer: Any, index: Any, *, is_soon: bool = True) -> None:
    """Asks for the line of the caches that holds an element, which may lie behind the buffer's end.

    Args:
        buffer: Where it lies.
        index: Which element.
        is_soon: Whether it is read so soon that it belongs into the first cache, too.
    """
    read, nearness, data = T.int32(0), T.int32(3 if is_soon else 2), T.int32(1)
    where = T.address_of(buffer[index])
    T.evaluate(T.call_llvm_intrin("void", "llvm.prefetch", where, read, nearness, data))


def each_part(index: Any, pieces: Sequence[Part], body: Callable[[Any, int], None]) -> None:
    """Calls `body(start, size)` for the piece that `index` counts; uneven pieces become two branches."""
    if len(pieces) == 1:
        body(pieces[0].start + index * pieces[0].size, pieces[0].size)
        return
    first, second = pieces
    with T.If(index < first.count):
        with T.Then():
            body(first.start + index * first.size, first.size)
        with T.Else():
            body(second.start + (index - first.count) * second.size, second.size)


def loop_parts(pieces: Sequence[Part], body: Callable[[Any, int], None]) -> None:
    """Calls `body(start, size)` within a loop over each run of equal pieces."""
    for part in pieces:
        with T.serial(0, part.count) as index:
            body(part.start + index * part.size, part.size)


@contextmanager
def tasks(*extents: int) -> Iterator[tuple[Any, ...]]:
    """One parallel loop over a box of indices, the last running fastest."""
    count = 1
    for extent in extents:
        count *= extent
    with T.parallel(0, count) as task:
        indices: list[Any] = []
        rest = task
        for extent in reversed(extents[1:]):
            indices.insert(0, tirx.floormod(rest, extent) if extent > 1 else tirx.const(0, "int32"))
            rest = tirx.floordiv(rest, extent) if extent > 1 else rest
        yield (rest, *indices)


def clear_halo(buffer: Any, form: Form, lanes: int) -> None:
    """Writes the zeros around an image."""
    if form.is_dense:
        return
    batch_stride, _, row_stride, column_stride = form.strides
    (above, beside), height, width = form.halo, form.height, form.width
    images = form.batch
    if form.layout == "channels-first":
        images, batch_stride = form.batch * form.channels, row_stride * (height + 2 * above)
    with T.serial(0, images) as image:
        base = image * batch_stride
        for start in (0, (above + height) * row_stride) if above else ():
            _clear(buffer, base + start, above * row_stride, lanes)
        if beside:
            with T.serial(0, height) as row:
                for column in (0, beside + width):
                    start = base + (above + row) * row_stride + column * column_stride
                    _clear(buffer, start, beside * column_stride, lanes)


def _clear(buffer: Any, start: Any, count: int, lanes: int) -> None:
    whole, rest = divmod(count, lanes)
    if whole:
        with T.serial(0, whole) as index:
            store(buffer, start + index * lanes, lanes, spread(number(0), lanes))
    for lane in range(rest):
        store(buffer, start + whole * lanes + lane, 1, number(0))


@dataclass(frozen=True, slots=True)
class Place:
    """Some neighbouring channels of one pixel."""

    image: Any
    row: Any
    column: Any
    channel: Any
    lanes: int

    def of_one_pixel(self) -> "Place":
        """The same channels where an image is one pixel."""
        return replace(self, row=0, column=0)

    def index(self, form: Form) -> Any:
        """Where it lies in a form, in elements."""
        batch, channel, row, column = form.strides
        return (
            form.origin + self.image * batch + self.row * row + self.column * column + self.channel * channel
        )


def read(buffer: Any, form: Form, place: Place) -> Any:
    """The channels of a pixel as a vector; gathered one by one where they are not neighbours in memory."""
    return buffer[at(place.index(form), place.lanes, form.strides[1])]


def write(buffer: Any, form: Form, place: Place, value: Any) -> None:
    """Stores a vector as the channels of a pixel."""
    T.buffer_store(buffer, value, [at(place.index(form), place.lanes, form.strides[1])])


def finish(epilogue: Epilogue, operands: Sequence[Any], value: Any, place: Place) -> Any:
    """Applies an epilogue to a vector.

    Args:
        epilogue: The steps.
        operands: Its operands' buffers.
        value: What the kernel computed.
        place: For which channels of which pixel.
    """
    known: dict[str, Any] = {RESULT: value}
    for index, (form, buffer) in enumerate(zip(epilogue.operands, operands, strict=True)):
        if form is None:
            known[f"o{index}"] = buffer[at(place.channel, place.lanes)]
        else:
            is_one_pixel = (form.height, form.width) == (1, 1)
            known[f"o{index}"] = read(buffer, form, place.of_one_pixel() if is_one_pixel else place)
    last = value
    for index, step in enumerate(epilogue.steps):
        values = [
            known[operand] if isinstance(operand, str) else spread(number(operand), place.lanes)
            for operand in step.operands
        ]
        last = known[f"s{index}"] = OPERATIONS[step.operation](*values)
    return last


OPERATIONS: Mapping[str, Callable[..., Any]] = {
    "add": lambda left, right: left + right,
    "divide": lambda left, right: left / right,
    "exp": tirx.exp,
    "maximum": tirx.max,
    "minimum": tirx.min,
    "multiply": lambda left, right: left * right,
    "sigmoid": tirx.sigmoid,
    "sqrt": tirx.sqrt,
    "subtract": lambda left, right: left - right,
    "tanh": tirx.tanh,
}
"""What an epilogue's steps do, on vectors and on scalars."""
