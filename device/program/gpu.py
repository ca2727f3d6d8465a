"""Kernels on a GPU: tensors in its memory, calls that return before they are done."""

import ctypes
from collections.abc import Iterable, Mapping
from functools import cached_property, partial
from pathlib import Path
from typing import Any, Self

import numpy as np

from device import cuda
from device.errors import ProgramError
from device.program.document import Buffer
from device.program.memory import Array, Bytes, aligned_part
from device.program.runtimes import Kernel, Port, Run, Tensor, kernel_of, load_module
from device.program.storage import ALIGNMENT_BYTES, StoragePlan

_PINNED = 3
"""DLPack's number for memory of the process that CUDA has pinned."""


class CudaRuntime:
    """Kernels of a TVM module on the first NVIDIA GPU.

    They run in a stream of their own, in the order of their calls; copies back, from whichever thread, do not wait for
    what was called later.

    Args:
        module: A `tvm.runtime.Module`.
    """

    def __init__(self, module: Any) -> None:
        import tvm.runtime

        self._module = module
        self._gpu = tvm.runtime.cuda(0)
        self._stream = self._gpu.create_raw_stream()
        self._host = tvm.runtime.from_dlpack

    @classmethod
    def load(cls, path: Path) -> Self:
        """Loads a shared object; its CUDA source is compiled for the GPU unless it was before.

        Raises:
            ProgramError: TVM cannot use the GPU, or the shared object cannot be loaded, with the reason.
        """
        if reason := cuda.enable():
            raise ProgramError(f"{path.name} is for a GPU: {reason}")
        return cls(load_module(path))

    def function(self, name: str) -> Kernel:
        """The kernel of that name.

        Raises:
            ProgramError: The module has none.
        """
        return kernel_of(self._module, name)

    def constant(self, array: Array) -> Tensor:
        """A copy in the GPU's memory."""
        tensor: Tensor = self._empty(Buffer(shape=array.shape, dtype=str(array.dtype))).copyfrom(array)
        return tensor

    def constants(
        self, buffers: Mapping[str, Buffer], arrays: Iterable[tuple[str, Array]]
    ) -> dict[str, Tensor]:
        """Copies in the GPU's memory."""
        tensors = {}
        for name, array in arrays:
            buffers[name].check(f"weight {name!r}", array)
            tensors[name] = self.constant(array)
        return tensors

    def block(self, nbytes: int) -> Bytes:
        """Memory that stays where it is, so that the GPU copies it by itself (`cudaMallocHost`)."""
        import tvm.runtime

        pinned = tvm.runtime.empty((nbytes + ALIGNMENT_BYTES,), "uint8", tvm.runtime.device(_PINNED, 0))
        memory = (ctypes.c_uint8 * (nbytes + ALIGNMENT_BYTES)).from_address(pinned.data_ptr())
        memory.owner = pinned  # type: ignore[attr-defined]  # lives as long as what is made of it
        return aligned_part(np.ctypeslib.as_array(memory), nbytes)

    def carve(self, plan: StoragePlan, buffers: Mapping[str, Buffer]) -> dict[str, Tensor]:
        """Tensors in the GPU's memory.

        Kernels refuse a tensor that does not begin where its memory was allocated. So there is a block for every place
        where tensors begin: those that begin together are never needed together.
        """
        sizes: dict[int, int] = {}
        for name, offset in plan.offsets.items():
            sizes[offset] = max(sizes.get(offset, 0), buffers[name].nbytes)
        blocks = {offset: self._empty(Buffer(shape=(size,), dtype="uint8")) for offset, size in sizes.items()}
        return {
            name: blocks[offset]._create_view(buffers[name].shape, buffers[name].dtype)
            for name, offset in plan.offsets.items()
        }

    def receive(self, array: Array) -> Port:
        """A tensor of its own, and a copy into it that the next kernels find done."""
        tensor = self._empty(Buffer(shape=array.shape, dtype=str(array.dtype)))
        return Port(tensor=tensor, copies=(partial(self._host(array).copyto, tensor), self._gpu.sync))

    def send(self, array: Array) -> Port:
        """A tensor of its own, and a copy out of it."""
        tensor = self._empty(Buffer(shape=array.shape, dtype=str(array.dtype)))
        return Port(tensor=tensor, copies=(partial(tensor.copyto, self._host(array)), self._gpu.sync))

    @cached_property
    def begin(self) -> tuple[Run, ...]:
        """Chooses the stream, which is the thread's own setting."""
        return (partial(self._gpu.set_raw_stream, self._stream),)

    @cached_property
    def finish(self) -> tuple[Run, ...]:
        """Waits for the stream."""
        return (partial(self._gpu.sync, self._stream),)

    def _empty(self, buffer: Buffer) -> Any:
        import tvm.runtime

        return tvm.runtime.empty(buffer.shape, buffer.dtype, self._gpu)
