"""The words that CUDA kernels are written in: grids of threads, registers, shared memory, halos, stored results."""

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

from tvm import tirx
from tvm.tirx.script.builder import ir as T  # noqa: N812 - the name that TVM's users know

from host.kernels.cpu.emission import OPERATIONS, Place, at, number, read, spread, store, write
from host.kernels.cuda.tiling import VECTOR
from host.kernels.epilogue import RESULT, Epilogue
from host.kernels.forms import Form
from host.kernels.machines import Gpu

_BLOCK = 256
_LEAST_BLOCK = 64

_AXES = ("x", "y", "z")


@contextmanager
def launched(blocks: Sequence[int], threads: int) -> Iterator[tuple[Any, ...]]:
    """One kernel; gives a block's indices, then its thread's.

    Args:
        blocks: Up to three extents of the grid, the one that runs fastest first.
        threads: Threads of a block.
    """
    with ExitStack() as stack:
        indices = [
            stack.enter_context(T.launch_thread(f"blockIdx.{axis}", extent))
            for axis, extent in zip(_AXES, blocks, strict=False)
        ]
        yield (*indices, stack.enter_context(T.launch_thread("threadIdx.x", threads)))


@contextmanager
def workers(count: int, gpu: Gpu) -> Iterator[tuple[Any, int]]:
    """One kernel of at least `count` threads; gives a thread's number in the whole grid and how many there are.

    Blocks become small where large ones would leave multiprocessors without work.
    """
    threads = block_of(count, gpu)
    blocks = math.ceil(count / threads)
    with launched((blocks,), threads) as (block, thread):
        yield block * threads + thread, blocks * threads


def block_of(count: int, gpu: Gpu) -> int:
    """Threads of a block, if there are `count` in all."""
    threads = _BLOCK
    while threads > _LEAST_BLOCK and count / threads < 2 * gpu.multiprocessors:
        threads //= 2
    return threads


@contextmanager
def when(condition: Any) -> Iterator[None]:
    """What follows runs only under a condition; always if it is None."""
    if condition is None:
        yield
        return
    with T.If(condition), T.Then():
        yield


def unrolled(count: int) -> Any:
    """A loop that the CUDA compiler writes out, so that what its index picks out can be registers."""
    return T.unroll(0, count, annotations={"pragma_unroll_explicit": False})


def repeated(turns: int, at_once: int, body: Callable[[Any], None]) -> None:
    """Calls `body(turn)` in a loop over `turns`, so many of them written out at a time."""
    whole, rest = divmod(turns, at_once)
    if whole:
        with T.serial(0, whole) as outer, unrolled(at_once) as inner:
            body(outer * at_once + inner)
    if rest:
        with unrolled(rest) as inner:
            body(whole * at_once + inner)


def registers(count: int, dtype: str = "float32") -> Any:
    """Numbers of one thread; registers, as long as every index is known when the kernel is compiled."""
    return T.alloc_buffer((count,), dtype, scope="local")


def shared(count: int) -> Any:
    """Numbers of a block of threads."""
    return T.alloc_buffer((count,), "float32", scope="shared")


def synchronise() -> None:
    """Waits until all threads of the block are here and see what the others wrote to shared memory."""
    T.evaluate(T.tvm_storage_sync("shared"))


def fill(buffer: Any, count: int, value: float) -> None:
    """Writes the same number into registers."""
    with unrolled(count) as index:
        store(buffer, index, 1, number(value))


def split(index: Any, extents: Sequence[int]) -> list[Any]:
    """The indices along a box's axes of its element number `index`, the last axis running fastest."""
    found: list[Any] = []
    for extent in reversed(extents[1:]):
        found.insert(0, tirx.floormod(index, extent) if extent > 1 else tirx.const(0, "int32"))
        index = tirx.floordiv(index, extent) if extent > 1 else index
    return [index, *found]


def pixel_of(index: Any, form: Form) -> tuple[Any, Any, Any]:
    """Image, row and column of a form's pixel number `index`."""
    image, row, column = split(index, (form.batch, form.height, form.width))
    return image, row, column


def vector_lanes(*forms: Form) -> int:
    """How many neighbouring channels of these forms can be read at once wherever a multiple of as many begins."""
    fits = all(form.strides[1] == 1 and form.channels % VECTOR == 0 for form in forms)
    return VECTOR if fits else 1


def put_results(
    spec_output: Form, epilogue: Epilogue, operands: Sequence[Any], values: Any, start: Any, place: Place
) -> None:
    """Applies an epilogue to values in registers and stores them.

    Args:
        spec_output: The output's form.
        epilogue: What happens to the values.
        operands: The epilogue's operands' buffers, then the output's.
        values: Registers.
        start: The first value.
        place: Channels of the pixel that the values belong to, as many as there are values.
    """
    lanes = place.lanes
    fetched = [
        _fetched(form, buffer, place) for form, buffer in zip(epilogue.operands, operands, strict=False)
    ]
    results = registers(lanes)
    with unrolled(lanes) as lane:
        known = {f"o{index}": operand[lane] for index, operand in enumerate(fetched)}
        store(results, lane, 1, _finished(epilogue, values[start + lane], known))
    write(operands[-1], spec_output, place, results[at(0, lanes)])


def _fetched(form: Form | None, buffer: Any, place: Place) -> Any:
    """An operand's numbers for a place, in registers."""
    if form is None:
        value = buffer[at(place.channel, place.lanes)]
    else:
        is_one_pixel = (form.height, form.width) == (1, 1)
        value = read(buffer, form, place.of_one_pixel() if is_one_pixel else place)
    found = registers(place.lanes)
    store(found, 0, place.lanes, value)
    return found


def _finished(epilogue: Epilogue, value: Any, known: dict[str, Any]) -> Any:
    """One number with the epilogue's steps applied."""
    known[RESULT] = value
    for index, step in enumerate(epilogue.steps):
        values = [known[o] if isinstance(o, str) else number(o) for o in step.operands]
        value = known[f"s{index}"] = OPERATIONS[step.operation](*values)
    return value


def clear_halo(buffer: Any, form: Form, worker: Any, count: int) -> None:
    """Writes the zeros around an image, each of the grid's threads its share.

    Args:
        buffer: The tensor.
        form: Its form.
        worker: A thread's number in the whole grid.
        count: How many threads there are.
    """
    if form.is_dense:
        return
    lanes, halo = vector_lanes(form), _Halo(form)
    cells = halo.images * halo.cells // lanes
    rounds = math.ceil(cells / count)
    with T.serial(0, rounds) as turn:
        cell = turn * count + worker
        with when(cell < cells):
            image, within = split(cell, (halo.images, halo.cells // lanes))
            store(buffer, halo.place(image, within, lanes) * lanes, lanes, spread(number(0), lanes))


class _Halo:
    """Where an image's zeros lie: a piece before the first pixel, gaps between rows, a piece behind the last pixel."""

    def __init__(self, form: Form) -> None:
        (above, beside), (batch, _, row, column) = form.halo, form.strides
        is_last = form.layout == "channels-last"
        self.images = form.batch if is_last else form.batch * form.channels
        self._image = batch if is_last else batch // form.channels
        self._head = above * row + beside * column
        self._gap = 2 * beside * column
        self._gaps = (form.height - 1) * self._gap
        self._first_gap = self._head + form.width * column
        self._tail = self._image - self._head
        self._row = row
        self.cells = 2 * self._head + self._gaps

    def place(self, image: Any, cell: Any, lanes: int) -> Any:
        """Where a cell lies, all counted in vectors of so many lanes."""
        head, gap, gaps = self._head // lanes, self._gap // lanes, self._gaps // lanes
        behind = cell - head - gaps + self._tail // lanes
        if gap:
            between = cell - head
            line = tirx.floordiv(between, gap) * (self._row // lanes) + tirx.floormod(between, gap)
            behind = tirx.Select(cell < head + gaps, self._first_gap // lanes + line, behind)
        return image * (self._image // lanes) + tirx.Select(cell < head, cell, behind)
