"""Elementwise kernels: concatenation, activations, residual adds, changes of form."""

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from tvm import tirx

from host.kernels.cpu.emission import Place, parameter_shapes, read, store, write_function
from host.kernels.cuda.emission import (
    clear_halo,
    put_results,
    registers,
    split,
    vector_lanes,
    when,
    workers,
)
from host.kernels.forms import Form
from host.kernels.machines import Gpu
from host.kernels.specs import Pointwise
from host.kernels.variants import Plain


def pointwise(spec: Pointwise, gpu: Gpu) -> Any:
    """Inputs side by side along the channels, then elementwise steps.

    Args:
        spec: What to compute.
        gpu: What it will run on.

    Returns:
        A TIR function of the inputs, the epilogue's operands and output.
    """
    output, count = spec.output, len(spec.inputs)
    lanes = vector_lanes(output, *spec.inputs)
    vectors = output.batch * output.height * output.width * output.channels // lanes

    def body(*buffers: Any) -> None:
        sources, targets = buffers[:count], buffers[count:]
        with workers(vectors, gpu) as (worker, threads):
            clear_halo(targets[-1], output, worker, threads)
            with when(None if threads == vectors else worker < vectors):
                place = element(output, worker, lanes)
                values = registers(lanes)
                _fetch(spec.inputs, sources, values, place)
                put_results(output, spec.epilogue, targets, values, 0, place)

    return write_function(parameter_shapes(spec, Plain()), body)


def element(form: Form, index: Any, lanes: int) -> Place:
    """The channels that are number `index` in the order in which a form has them in memory."""
    if form.layout == "channels-last":
        image, row, column, vector = split(
            index, (form.batch, form.height, form.width, math.ceil(form.channels / lanes))
        )
    else:
        image, vector, row, column = split(
            index, (form.batch, math.ceil(form.channels / lanes), form.height, form.width)
        )
    return Place(image, row, column, vector * lanes, lanes)


def _fetch(forms: Sequence[Form], sources: Sequence[Any], values: Any, place: Place) -> None:
    """Reads the channels from the input that has them."""
    first = 0
    for form, source in zip(forms, sources, strict=True):
        within = replace(place, channel=place.channel - first)
        has_them = None
        if len(forms) > 1:
            has_them = tirx.all(place.channel >= first, place.channel < first + form.channels)
        with when(has_them):
            store(values, 0, place.lanes, read(source, form, within))
        first += form.channels
