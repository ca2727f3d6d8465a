"""One rule for any loop nest: accumulators in registers, the innermost axis in vectors, the outer ones in parallel.

The rule reads nothing but the loop nest. It tiles a reduction (convolution, pooling, matrix product) so that a few
output vectors stay in registers while it runs over the reduction axes, and computes the operators fused behind it on
that tile. Layouts, cache blocking and packed weights are the business of schedules written for one kind of operator.
"""

import logging
from typing import Any

import tvm
from tvm import s_tir
from tvm.tirx.analysis import undefined_vars

_log = logging.getLogger(__name__)

_REDUCE = 2
_VECTOR_LANES = 16
_MIN_LANES = 4
_WIDE_LANES = 64
_TILE_ROWS = 8


def schedule(function: Any) -> Any:
    """Schedules a TIR kernel for a CPU; falls back to the plain loops where the rule does not apply.

    Args:
        function: A TIR function with static buffers, as operator fusion leaves it.

    Returns:
        A TIR function with the same parameters and results.
    """
    sch = s_tir.Schedule(tvm.IRModule({"main": function}))
    try:
        _inline_elementwise(sch)
        scheduled: set[str] = set()
        for block in _blocks(sch):
            if _name(sch, block) not in scheduled:
                scheduled |= (
                    _tile_reduction(sch, block) if _is_reduction(sch, block) else _parallelise(sch, block)
                )
    except s_tir.ScheduleError as error:
        _log.debug("plain loops for %s: %s", function.attrs, error)
        return function
    return sch.mod["main"]


def _blocks(sch: Any) -> list[Any]:
    return list(sch.get_child_blocks(sch.get_sblock("root")))


def _name(sch: Any, block: Any) -> str:
    return str(sch.get(block).name_hint)


def _is_reduction(sch: Any, block: Any) -> bool:
    return any(int(axis.iter_type) == _REDUCE for axis in sch.get(block).iter_vars)


def _extent(sch: Any, loop: Any) -> int:
    return int(sch.get(loop).extent)


def _largest_divisor(number: int, limit: int) -> int:
    return max(divisor for divisor in range(1, min(number, limit) + 1) if number % divisor == 0)


def _lanes(extent: int, limit: int) -> int:
    """Length of the vectors along an axis: a divisor, or a whole short row that has no useful one."""
    lanes = _largest_divisor(extent, limit)
    return extent if lanes < _MIN_LANES and extent <= 2 * limit else lanes


def _inline_elementwise(sch: Any) -> None:
    """Computes elementwise values where they are used; what a reduction reads again and again stays stored."""
    for block in _blocks(sch):
        consumers = sch.get_consumers(block)
        if not consumers or _is_reduction(sch, block):
            continue
        feeds_reduction = any(_is_reduction(sch, consumer) for consumer in consumers)
        is_copy = type(sch.get(block).body.value).__name__ == "BufferLoad"
        if is_copy or not feeds_reduction:
            sch.compute_inline(block)


def _parallelise(sch: Any, block: Any) -> set[str]:
    """Runs the outer loops in parallel; the innermost one is left to the compiler's own vectorizer."""
    loops = sch.get_loops(block)
    if len(loops) > 1:
        sch.parallel(sch.fuse(*loops[:-1]))
    return {_name(sch, block)}


def _tile_reduction(sch: Any, block: Any) -> set[str]:
    """Keeps a tile of results in registers through the reduction; returns the names of the blocks that it scheduled."""
    done = {_name(sch, block)}
    spatial = [
        (axis, loop)
        for axis, loop in zip(sch.get(block).iter_vars, sch.get_loops(block), strict=True)
        if int(axis.iter_type) != _REDUCE
    ]
    extents = [_extent(sch, loop) for _, loop in spatial]
    epilogue = _epilogue(sch, block)
    if not spatial or epilogue is None or [_extent(sch, loop) for loop in sch.get_loops(epilogue)] != extents:
        return done
    done.add(_name(sch, epilogue))
    rows_axis = _rows_axis(sch, block, [axis.var for axis, _ in spatial], extents)
    inner_count = _tile_epilogue(sch, epilogue, extents, rows_axis, block)
    _order_reduction(sch, block)
    for loop in sch.get_loops(epilogue)[-inner_count:-1]:
        sch.unroll(loop)
    sch.vectorize(sch.get_loops(epilogue)[-1])
    return done


def _epilogue(sch: Any, block: Any) -> Any:
    """The elementwise block behind a reduction, made from a copy where there is none; None where several read it."""
    consumers = sch.get_consumers(block)
    if not consumers:
        return sch.cache_write(block, 0, "local")
    if len(consumers) > 1 or _is_reduction(sch, consumers[0]):
        return None
    sch.set_scope(block, 0, "local")
    return consumers[0]


def _rows_axis(sch: Any, block: Any, variables: list[Any], extents: list[int]) -> int | None:
    """The axis to tile beside the vectors: one along which some operand is reused, else the one before the last."""
    regions = sch.get(block).reads
    for index, (variable, extent) in enumerate(zip(variables[:-1], extents[:-1], strict=True)):
        if extent > 1 and any(not _uses(region, variable) for region in regions):
            return index
    return len(extents) - 2 if len(extents) > 1 and extents[-2] > 1 else None


def _uses(region: Any, variable: Any) -> bool:
    return any(
        name.same_as(variable)
        for extent in region.region
        for name in undefined_vars(tvm.tirx.Evaluate(extent.min), [])
    )


def _tile_epilogue(sch: Any, epilogue: Any, extents: list[int], rows_axis: int | None, block: Any) -> int:
    """Splits the epilogue's loops into parallel tiles, the reduction inside; returns the tile's loop count."""
    loops = list(sch.get_loops(epilogue))
    lanes = _lanes(extents[-1], _WIDE_LANES if rows_axis is None else _VECTOR_LANES)
    outer, lane = sch.split(loops[-1], [None, lanes])
    outers, inners = [*loops[:-1], outer], [lane]
    if rows_axis is not None:
        rows = _largest_divisor(extents[rows_axis], _TILE_ROWS)
        outers[rows_axis], row = sch.split(loops[rows_axis], [None, rows])
        inners.insert(0, row)
    sch.reorder(*outers, *inners)
    sch.compute_at(block, outers[-1], preserve_unit_loops=True)
    sch.parallel(sch.fuse(*outers[:-1]) if len(outers) > 1 else outers[-1])
    return len(inners)


def _order_reduction(sch: Any, block: Any) -> None:
    """Puts the reduction loops outside the tile, the tile's rows unrolled and its lanes in a vector."""
    axes = sch.get(block).iter_vars
    loops = sch.get_loops(block)[-len(axes) :]
    reduction = [loop for axis, loop in zip(axes, loops, strict=True) if int(axis.iter_type) == _REDUCE]
    tile = [loop for axis, loop in zip(axes, loops, strict=True) if int(axis.iter_type) != _REDUCE]
    sch.reorder(*reduction, *tile)
    for loop in tile[:-1]:
        sch.unroll(loop)
    sch.vectorize(tile[-1])
    sch.decompose_reduction(block, reduction[0])
