"""Where kernels and tensors come from: a TVM module, or Python functions on numpy arrays."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol, Self

import numpy as np
import numpy.typing as npt

from device.errors import ProgramError
from device.program.document import Buffer
from device.program.storage import ALIGNMENT_BYTES

Kernel = Callable[..., None]
Array = npt.NDArray[Any]


class Tensor(Protocol):
    """What kernels take as arguments: a TVM tensor or a numpy array."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Extent of each axis."""

    @property
    def dtype(self) -> Any:
        """Element type; its text is numpy's spelling."""


class Runtime(Protocol):
    """Looks up kernels and makes tensors for them."""

    def function(self, name: str) -> Kernel:
        """The kernel of that name.

        Raises:
            ProgramError: There is none.
        """

    def share(self, array: Array) -> Tensor:
        """A tensor over the array's own memory, which must be dense and aligned (`aligned_empty`)."""


class TvmRuntime:
    """Kernels of a TVM module on the CPU. Loads TVM when it is made, and of TVM no more than the runtime.

    Args:
        module: A `tvm.runtime.Module`.
    """

    def __init__(self, module: Any) -> None:
        import tvm

        self._module = module
        self._from_dlpack = tvm.runtime.from_dlpack

    @classmethod
    def load(cls, path: Path) -> Self:
        """Loads a shared object.

        Raises:
            ProgramError: It cannot be loaded, with the loader's reason.
        """
        import tvm

        try:
            return cls(tvm.runtime.load_module(str(path)))
        except (RuntimeError, OSError, ValueError) as error:
            raise ProgramError(f"{path.name} cannot be loaded: {_last_line(error)}") from error

    def function(self, name: str) -> Kernel:
        """The kernel of that name.

        Raises:
            ProgramError: The module has none.
        """
        try:
            kernel: Kernel = self._module[name]
        except (AttributeError, KeyError) as error:
            raise ProgramError(f"the module has no kernel {name!r}") from error
        return kernel

    def share(self, array: Array) -> Tensor:
        """A TVM tensor over the array's own memory."""
        tensor: Tensor = self._from_dlpack(array)
        return tensor

    def tensor(self, array: Array) -> Tensor:
        """A TVM tensor with a copy of the array's contents."""
        return self.share(aligned_copy(array))

    def empty(self, buffer: Buffer) -> Tensor:
        """A TVM tensor of a form, its contents undefined."""
        return self.share(aligned_empty(buffer))


class PythonRuntime:
    """Python functions on numpy arrays as kernels, for tests, simulations and the runtime's own cost.

    Args:
        functions: The kernels by name; each writes its results into its last arguments.
    """

    def __init__(self, functions: Mapping[str, Kernel]) -> None:
        self._functions = dict(functions)

    def function(self, name: str) -> Kernel:
        """The function of that name.

        Raises:
            ProgramError: There is none.
        """
        if name not in self._functions:
            raise ProgramError(f"there is no kernel {name!r}")
        return self._functions[name]

    def share(self, array: Array) -> Tensor:
        """The array itself."""
        return array


def aligned_empty(buffer: Buffer) -> Array:
    """An array of a form in aligned memory, its contents undefined."""
    return aligned_block(buffer.nbytes).view(buffer.dtype).reshape(buffer.shape)


def aligned_copy(array: Array) -> Array:
    """A dense copy of an array in aligned memory."""
    copy = aligned_empty(Buffer(shape=array.shape, dtype=str(array.dtype)))
    copy[...] = array
    return copy


def aligned_block(nbytes: int) -> npt.NDArray[np.uint8]:
    """Aligned bytes."""
    raw = np.empty(nbytes + ALIGNMENT_BYTES, np.uint8)
    start = -raw.ctypes.data % ALIGNMENT_BYTES
    return raw[start : start + nbytes]


def _last_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[-1] if lines else type(error).__name__
