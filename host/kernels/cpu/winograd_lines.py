"""Winograd's transforms as code: of lines first, then across them, each number a vector of channels."""

from collections.abc import Callable, Iterable
from typing import Any

from tvm.tirx.script.builder import ir as T  # noqa: N812 - the name that TVM's users know

from host.kernels.cpu.emission import number, spread
from host.kernels.winograd_transforms import Matrix

Line = list[Any]


def transform_input(matrix: Matrix, lanes: int, pixel: Callable[[int, int], Any]) -> list[Line]:
    """`B^T d B` of a tile.

    Args:
        matrix: `B^T`.
        lanes: Channels of a vector.
        pixel: The vector at a row and column of the tile.

    Returns:
        Rows of vectors.
    """
    return _both_ways(lambda values: _input_line(matrix, lanes, values), len(matrix), pixel)


def transform_output(matrix: Matrix, lanes: int, product: Callable[[int, int], Any]) -> list[Line]:
    """`A M A^T` of a tile.

    Args:
        matrix: `A`.
        lanes: Channels of a vector.
        product: The vector at a row and column of the transformed tile.

    Returns:
        Rows of vectors.
    """
    return _both_ways(lambda values: _output_line(matrix, lanes, values), len(matrix[0]), product)


def _both_ways(line: Callable[[Line], Line], size: int, value: Callable[[int, int], Any]) -> list[Line]:
    columns = [line([T.bind(value(row, column)) for row in range(size)]) for column in range(size)]
    return [line([column[row] for column in columns]) for row in range(len(columns[0]))]


def _input_line(matrix: Matrix, lanes: int, values: Line) -> Line:
    """`B^T` times a line; a pair of rows shares its even and its odd half."""
    last = len(values) - 1
    results = [_weighted(lanes, zip(matrix[0], values, strict=True))]
    for row in matrix[1:last:2]:
        scale = next(weight for weight in reversed(row[1::2]) if weight)
        even = _weighted(lanes, zip(row[::2], values[::2], strict=True))
        odd = _weighted(lanes, ((w / scale, v) for w, v in zip(row[1::2], values[1::2], strict=True)))
        results += [_weighted(lanes, [(1.0, even), (sign * scale, odd)]) for sign in (1, -1)]
    return [*results, _weighted(lanes, zip(matrix[last], values, strict=True))]


def _output_line(matrix: Matrix, lanes: int, values: Line) -> Line:
    """`A` times a line; a pair of columns counts by its sum in even rows and by its difference in odd ones."""
    last = len(values) - 1
    pairs = list(zip(values[1:last:2], values[2:last:2], strict=True))
    inner = [
        [_weighted(lanes, [(1.0, left), (sign, right)]) for left, right in pairs] for sign in (1.0, -1.0)
    ]
    results = []
    for index, row in enumerate(matrix):
        ends = [(row[0], values[0]), (row[last], values[last])]
        results.append(_weighted(lanes, [*zip(row[1:last:2], inner[index % 2], strict=True), *ends]))
    return results


def _weighted(lanes: int, terms: Iterable[tuple[float, Any]]) -> Any:
    """A sum of vectors with weights; what needs no multiplication comes first, so that the others can be fused."""
    total: Any = None
    for weight, value in sorted((term for term in terms if term[0]), key=_costs):
        size = abs(weight)
        part = value if size == 1 else value * spread(number(size), lanes)
        if total is None:
            total = part if weight > 0 else spread(number(0), lanes) - part
        else:
            total = total + part if weight > 0 else total - part
    return T.bind(total)


def _costs(term: tuple[float, Any]) -> tuple[bool, bool]:
    return (abs(term[0]) != 1, term[0] < 0)
