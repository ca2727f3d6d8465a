"""Elementwise kernels: concatenation, activations, residual adds, changes of form; and softmax."""

from dataclasses import replace
from typing import Any

from tvm import tirx
from tvm.tirx.script.builder import ir as T  # noqa: N812 - the name that TVM's users know

from host.kernels.cpu.emission import (
    Place,
    clear_halo,
    finish,
    number,
    parameter_shapes,
    read,
    store,
    tasks,
    write,
    write_function,
)
from host.kernels.cpu.tiling import vectors
from host.kernels.forms import Form
from host.kernels.machines import Cpu
from host.kernels.specs import Pointwise, Softmax
from host.kernels.variants import Plain


def pointwise(spec: Pointwise, cpu: Cpu) -> Any:
    """Inputs side by side along the channels, then elementwise steps.

    Args:
        spec: What to compute.
        cpu: The core that it will run on.

    Returns:
        A TIR function of the inputs, the epilogue's operands and output.
    """
    output, count = spec.output, len(spec.inputs)

    def body(*buffers: Any) -> None:
        sources, operands, target = buffers[:count], buffers[count:-1], buffers[-1]
        clear_halo(target, output, cpu.lanes)
        with tasks(output.batch, output.height) as (image, row):
            first = 0
            for form, source in zip(spec.inputs, sources, strict=True):

                def copy(place: Place, form: Form = form, source: Any = source, first: int = first) -> None:
                    within = replace(place, channel=place.channel - first)
                    value = finish(spec.epilogue, operands, read(source, form, within), place)
                    write(target, output, place, value)

                _row(spec, image, row, first, form.channels, cpu.lanes, copy)
                first += form.channels

    return write_function(parameter_shapes(spec, Plain()), body)


def _row(spec: Pointwise, image: Any, row: Any, first: int, channels: int, lanes: int, copy: Any) -> None:
    """Visits some channels of one row: vectors of channels, or of pixels where those are what is contiguous."""
    width = spec.output.width
    whole, rest = divmod(channels, lanes)
    with T.serial(0, width) as column:
        if whole:
            with T.serial(0, whole) as index:
                copy(Place(image, row, column, first + index * lanes, lanes))
        for start, size in vectors(rest, lanes):
            copy(Place(image, row, column, first + whole * lanes + start, size))


def softmax(spec: Softmax, cpu: Cpu) -> Any:
    """Softmax over the channels of each row.

    Args:
        spec: What to compute.
        cpu: The core that it will run on.

    Returns:
        A TIR function of input, the epilogue's operands and output.
    """
    del cpu  # the exponential is the C library's, one number after the other
    count = spec.input.channels

    def body(source: Any, *rest: Any) -> None:
        operands, target = rest[:-1], rest[-1]
        with tasks(spec.input.batch) as (row,):
            base = row * count
            largest = T.alloc_buffer((1,), "float32", scope="local")
            total = T.alloc_buffer((1,), "float32", scope="local")
            store(largest, 0, 1, source[base])
            with T.serial(0, count) as index:
                store(largest, 0, 1, tirx.max(largest[0], source[base + index]))
            store(total, 0, 1, number(0))
            with T.serial(0, count) as index:
                store(target, base + index, 1, tirx.exp(source[base + index] - largest[0]))
                store(total, 0, 1, total[0] + target[base + index])
            with T.serial(0, count) as index:
                place = Place(row, 0, 0, index, 1)
                value = read(target, spec.output, place) / total[0]
                write(target, spec.output, place, finish(spec.epilogue, operands, value, place))

    return write_function(parameter_shapes(spec, Plain()), body)
