"""Elementwise kernels: concatenation, activations, residual adds, changes of form."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from tvm.tirx.script.builder import ir as T  # noqa: N812 - the name that TVM's users know

from host.kernels.cpu.emission import (
    Place,
    at,
    clear_halo,
    finish,
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
from host.kernels.specs import Pointwise
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
        if _is_copy_of_rows(spec):
            _copy_rows(spec, sources[0], target, cpu.lanes)
            return
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


def _row(
    spec: Pointwise,
    image: Any,
    row: Any,
    first: int,
    channels: int,
    lanes: int,
    copy: Callable[[Place], None],
) -> None:
    """Visits some channels of each pixel of a row."""
    whole, rest = divmod(channels, lanes)
    with T.serial(0, spec.output.width) as column:
        if whole:
            with T.serial(0, whole) as index:
                copy(Place(image, row, column, first + index * lanes, lanes))
        for start, size in vectors(rest, lanes):
            copy(Place(image, row, column, first + whole * lanes + start, size))


def _is_copy_of_rows(spec: Pointwise) -> bool:
    """Whether rows stay rows: a change of halo alone, with pixels as neighbours in memory."""
    forms = (spec.output, *spec.inputs)
    return (
        len(spec.inputs) == 1 and not spec.epilogue.steps and all(f.layout == "channels-first" for f in forms)
    )


def _copy_rows(spec: Pointwise, source: Any, target: Any, lanes: int) -> None:
    """Copies an image row by row, in vectors of pixels."""
    (read_from,), output = spec.inputs, spec.output
    whole, rest = divmod(output.width, lanes)
    with tasks(output.batch, output.channels, output.height) as (image, channel, row):
        place = Place(image, row, 0, channel, 1)
        start, end = place.index(read_from), place.index(output)
        if whole:
            with T.serial(0, whole) as index:
                store(target, end + index * lanes, lanes, source[at(start + index * lanes, lanes)])
        for shift, size in vectors(rest, lanes):
            column = whole * lanes + shift
            store(target, end + column, size, source[at(start + column, size)])
