"""Memory for tensors: aligned, in huge pages where there is much of it, and arrays that lie in it."""

import mmap
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import numpy as np
import numpy.typing as npt

from device.program.document import Buffer
from device.program.storage import ALIGNMENT_BYTES, StoragePlan

Array = npt.NDArray[Any]
Bytes = npt.NDArray[np.uint8]

HUGE_PAGE_BYTES = 2 * 1024 * 1024
"""On x86-64, and on aarch64 with pages of 4 KiB (Linux, Documentation/admin-guide/mm/transhuge.rst)."""


def aligned_empty(buffer: Buffer) -> Array:
    """An array of a form in aligned memory, its contents undefined."""
    return aligned_block(buffer.nbytes).view(buffer.dtype).reshape(buffer.shape)


def aligned_copy(array: Array) -> Array:
    """A dense copy of an array in aligned memory."""
    copy = aligned_empty(Buffer(shape=array.shape, dtype=str(array.dtype)))
    copy[...] = array
    return copy


def carve_arrays(plan: StoragePlan, buffers: Mapping[str, Buffer], block: Bytes) -> dict[str, Array]:
    """Arrays in a block.

    Args:
        plan: Where each array lies.
        buffers: Form of each array.
        block: At least as many bytes as the plan says, aligned.
    """
    arrays = {}
    for name, offset in plan.offsets.items():
        form = buffers[name]
        arrays[name] = block[offset : offset + form.nbytes].view(form.dtype).reshape(form.shape)
    return arrays


def aligned_block(nbytes: int) -> Bytes:
    """Aligned bytes, their contents undefined; in huge pages where they fill at least half of one."""
    if nbytes >= HUGE_PAGE_BYTES // 2:
        return _in_huge_pages(nbytes)
    return aligned_part(np.empty(nbytes + ALIGNMENT_BYTES, np.uint8), nbytes)


def aligned_part(raw: Bytes, nbytes: int, alignment: int = ALIGNMENT_BYTES) -> Bytes:
    """The first aligned bytes of some that are `alignment` more."""
    start = -raw.ctypes.data % alignment
    return raw[start : start + nbytes]


def _in_huge_pages(nbytes: int) -> Bytes:
    """A mapping of its own.

    A network reads all of its weights for every frame, more of them than the processor remembers addresses of small
    pages. A Linux without huge pages leaves the small ones.
    """
    whole = -(-nbytes // HUGE_PAGE_BYTES) * HUGE_PAGE_BYTES
    mapping = mmap.mmap(-1, whole + HUGE_PAGE_BYTES, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    with suppress(OSError):
        mapping.madvise(mmap.MADV_HUGEPAGE)
    return aligned_part(np.frombuffer(mapping, np.uint8), nbytes, HUGE_PAGE_BYTES)
