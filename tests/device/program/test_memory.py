"""Memory for tensors: aligned, given back when nobody holds it, weights of a program in one block."""

import gc
import weakref
from typing import Any

import numpy as np
import pytest

from device.errors import ProgramError
from device.program import Buffer, PythonRuntime
from device.program.memory import HUGE_PAGE_BYTES, aligned_block
from device.program.storage import ALIGNMENT_BYTES

RUNTIME = PythonRuntime({})


@pytest.mark.parametrize("nbytes", [1, 1000, HUGE_PAGE_BYTES // 2, HUGE_PAGE_BYTES + 1])
def test_block_is_aligned_and_can_be_written_to_its_end(nbytes: int) -> None:
    block = aligned_block(nbytes)
    block[...] = 7
    assert block.size == nbytes
    assert block.ctypes.data % ALIGNMENT_BYTES == 0
    assert (block == 7).all()


def test_large_block_begins_with_a_huge_page() -> None:
    assert aligned_block(HUGE_PAGE_BYTES).ctypes.data % HUGE_PAGE_BYTES == 0


def test_memory_lives_as_long_as_any_part_of_it() -> None:
    block = aligned_block(HUGE_PAGE_BYTES)
    part = block[-8:]
    mapping = weakref.ref(_owner(block))
    del block
    gc.collect()
    assert mapping() is not None
    part[...] = 1
    del part
    gc.collect()
    assert mapping() is None


def test_constants_are_copies_that_lie_in_one_block() -> None:
    arrays = {"w": np.arange(5, dtype=np.float32), "b": np.arange(3, dtype=np.int32)}
    forms = {name: Buffer(shape=array.shape, dtype=str(array.dtype)) for name, array in arrays.items()}
    tensors: dict[str, Any] = dict(RUNTIME.constants(forms, arrays.items()))
    for name, array in arrays.items():
        assert np.array_equal(tensors[name], array)
        assert not np.shares_memory(tensors[name], array)
        assert tensors[name].ctypes.data % ALIGNMENT_BYTES == 0
    assert _owner(tensors["w"]) is _owner(tensors["b"])


def test_constant_of_another_form_is_refused_and_not_converted() -> None:
    forms = {"w": Buffer(shape=(2,), dtype="float32")}
    with pytest.raises(ProgramError, match=r"weight 'w' must be float32\[2\], got float64\[2\]"):
        RUNTIME.constants(forms, [("w", np.zeros(2))])
    with pytest.raises(ProgramError, match=r"weight 'w' must be float32\[2\], got float32\[1\]"):
        RUNTIME.constants(forms, [("w", np.zeros(1, np.float32))])


def _owner(array: Any) -> Any:
    while isinstance(array, np.ndarray) and array.base is not None:
        array = array.base
    return array
