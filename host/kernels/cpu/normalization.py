"""Kernels that normalise over channels: softmax and local response normalisation."""

from typing import Any

from tvm import tirx
from tvm.tirx.script.builder import ir as T  # noqa: N812 - the name that TVM's users know

from host.kernels.cpu.emission import (
    Place,
    at,
    clear_halo,
    finish,
    number,
    parameter_shapes,
    read,
    spread,
    store,
    tasks,
    write,
    write_function,
)
from host.kernels.cpu.tiling import vectors
from host.kernels.machines import Cpu
from host.kernels.specs import Lrn, Softmax
from host.kernels.variants import Plain


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


def lrn(spec: Lrn, cpu: Cpu) -> Any:
    """Local response normalisation: squares of a pixel's channels first, then sums of neighbours.

    Args:
        spec: What to compute.
        cpu: The core that it will run on.

    Returns:
        A TIR function of input, the epilogue's operands and output.
    """
    channels, reach = spec.input.channels, spec.size // 2
    pieces = vectors(channels, cpu.lanes)

    def body(source: Any, *rest: Any) -> None:
        operands, target = rest[:-1], rest[-1]
        clear_halo(target, spec.output, cpu.lanes)
        with tasks(spec.output.batch, spec.output.height) as (image, row):
            squares = T.alloc_buffer((channels + 2 * reach,), "float32")
            for index in (*range(reach), *range(reach + channels, channels + 2 * reach)):
                store(squares, index, 1, number(0))
            with T.serial(0, spec.output.width) as column:
                for start, size in pieces:
                    value = read(source, spec.input, Place(image, row, column, start, size))
                    store(squares, reach + start, size, value * value)
                for start, size in pieces:
                    place = Place(image, row, column, start, size)
                    total = squares[at(start, size)]
                    for shift in range(1, spec.size):
                        total = total + squares[at(start + shift, size)]
                    value = read(source, spec.input, place) / divisor(spec, total, size)
                    write(target, spec.output, place, finish(spec.epilogue, operands, value, place))

    return write_function(parameter_shapes(spec, Plain()), body)


def divisor(spec: Lrn, total: Any, lanes: int = 1) -> Any:
    """What a value is divided by, from a sum of squares; the usual exponent takes two roots instead of a logarithm."""
    base = spread(number(spec.bias), lanes) + spread(number(spec.alpha / spec.size), lanes) * total
    if spec.beta == 0.75:
        root = tirx.sqrt(base)
        return root * tirx.sqrt(root)
    return tirx.power(base, spread(number(spec.beta), lanes))
