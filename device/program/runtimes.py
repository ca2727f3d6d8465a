"""Where kernels and tensors come from: a TVM module, or Python functions on numpy arrays."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, Self

from device.errors import ProgramError
from device.program.document import Buffer
from device.program.memory import Array, Bytes, aligned_block, carve_arrays
from device.program.storage import StoragePlan, plan_together

Kernel = Callable[..., None]
Run = Callable[[], None]


class Tensor(Protocol):
    """What kernels take as arguments: a TVM tensor or a numpy array."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Extent of each axis."""

    @property
    def dtype(self) -> Any:
        """Element type; its text is numpy's spelling."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Port:
    """Where a kernel finds what an array holds, or leaves what an array shall hold.

    Attributes:
        tensor: What the kernel takes.
        copies: What brings the one into the other; nothing where they share memory.
    """

    tensor: Tensor
    copies: tuple[Run, ...] = ()


class Runtime(Protocol):
    """Looks up kernels and makes tensors for them."""

    def function(self, name: str) -> Kernel:
        """The kernel of that name.

        Raises:
            ProgramError: There is none.
        """

    def constant(self, array: Array) -> Tensor:
        """A tensor with the contents of an array that does not change, dense and aligned (`aligned_empty`)."""

    def constants(
        self, buffers: Mapping[str, Buffer], arrays: Iterable[tuple[str, Array]]
    ) -> dict[str, Tensor]:
        """Tensors with copies of arrays that do not change.

        Args:
            buffers: The form of each.
            arrays: All of them by name; each is asked for when the one before has been copied.

        Raises:
            ProgramError: An array has another form.
        """

    def block(self, nbytes: int) -> Bytes:
        """Aligned memory of this process, from which arrays reach the kernels fast."""

    def carve(self, plan: StoragePlan, buffers: Mapping[str, Buffer]) -> dict[str, Tensor]:
        """Allocates a block and gives the tensors in it.

        Args:
            plan: Where each tensor lies.
            buffers: Form of each tensor.
        """

    def receive(self, array: Array) -> Port:
        """A tensor to read an array from, dense and aligned; the copies come before the kernels."""

    def send(self, array: Array) -> Port:
        """A tensor to fill an array from, dense and aligned; the copies come after the kernels, from any thread."""

    @property
    def begin(self) -> tuple[Run, ...]:
        """What a thread does before it calls kernels."""

    @property
    def finish(self) -> tuple[Run, ...]:
        """What waits until all kernels are done; nothing where their calls return when they are."""


class HostRuntime:
    """Kernels that work in the process's own memory, on tensors that share it with arrays."""

    begin: tuple[Run, ...] = ()
    finish: tuple[Run, ...] = ()

    def function(self, name: str) -> Kernel:
        """The kernel of that name."""
        raise NotImplementedError

    def share(self, array: Array) -> Tensor:
        """A tensor over the array's own memory, which must be dense and aligned."""
        raise NotImplementedError

    def constant(self, array: Array) -> Tensor:
        """A tensor over the array's own memory."""
        return self.share(array)

    def constants(
        self, buffers: Mapping[str, Buffer], arrays: Iterable[tuple[str, Array]]
    ) -> dict[str, Tensor]:
        """Tensors in one block."""
        plan = plan_together(buffers)
        places = carve_arrays(plan, buffers, self.block(plan.nbytes))
        for name, array in arrays:
            buffers[name].check(f"weight {name!r}", array)
            places[name][...] = array
        return {name: self.share(place) for name, place in places.items()}

    def block(self, nbytes: int) -> Bytes:
        """Any aligned memory."""
        return aligned_block(nbytes)

    def carve(self, plan: StoragePlan, buffers: Mapping[str, Buffer]) -> dict[str, Tensor]:
        """Tensors in one block."""
        arrays = carve_arrays(plan, buffers, self.block(plan.nbytes))
        return {name: self.share(array) for name, array in arrays.items()}

    def receive(self, array: Array) -> Port:
        """A tensor over the array's own memory."""
        return Port(tensor=self.share(array))

    def send(self, array: Array) -> Port:
        """A tensor over the array's own memory."""
        return Port(tensor=self.share(array))


class TvmRuntime(HostRuntime):
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
        return cls(load_module(path))

    def function(self, name: str) -> Kernel:
        """The kernel of that name.

        Raises:
            ProgramError: The module has none.
        """
        return kernel_of(self._module, name)

    def share(self, array: Array) -> Tensor:
        """A TVM tensor over the array's own memory."""
        tensor: Tensor = self._from_dlpack(array)
        return tensor


class PythonRuntime(HostRuntime):
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


def load_module(path: Path) -> Any:
    """Loads a shared object as a `tvm.runtime.Module`.

    Raises:
        ProgramError: It cannot be loaded, with the loader's reason.
    """
    import tvm

    try:
        return tvm.runtime.load_module(str(path))
    except (RuntimeError, OSError, ValueError) as error:
        raise ProgramError(f"{path.name} cannot be loaded: {_last_line(error)}") from error


def kernel_of(module: Any, name: str) -> Kernel:
    """A module's kernel.

    Raises:
        ProgramError: It has none of that name.
    """
    try:
        kernel: Kernel = module[name]
    except (AttributeError, KeyError) as error:
        raise ProgramError(f"the module has no kernel {name!r}") from error
    return kernel


def _last_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[-1] if lines else type(error).__name__
