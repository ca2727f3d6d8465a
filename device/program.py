"""A stage as a list of kernel calls on named buffers, and what executes it.

Kernels write their results into buffers that they are given, so everything is allocated once, before the first frame.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, Self

import numpy as np

from device.errors import ProgramError

SCHEMA = "stageline.program/1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Buffer:
    """A dense tensor.

    Attributes:
        shape: Extent of each axis.
        dtype: Element type as numpy spells it.
    """

    shape: tuple[int, ...]
    dtype: str

    @property
    def nbytes(self) -> int:
        """Size in bytes."""
        return math.prod(self.shape) * np.dtype(self.dtype).itemsize


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One kernel call; `arguments` name buffers, those that the kernel writes last."""

    function: str
    arguments: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgramLayer:
    """The calls of one layer."""

    name: str
    calls: tuple[Call, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """What a stage computes.

    Attributes:
        inputs: Buffers that come from outside with every frame.
        outputs: Buffers that leave with every frame.
        weights: Buffers that never change.
        buffers: All buffers by name; those in none of the lists above are intermediates.
        layers: In execution order.
    """

    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    weights: tuple[str, ...]
    buffers: Mapping[str, Buffer]
    layers: tuple[ProgramLayer, ...]

    @classmethod
    def parse(cls, document: Any) -> Self:
        """Reads a `stageline.program/1` document.

        Raises:
            ProgramError: It is malformed, or names a buffer that it does not declare.
        """
        if not isinstance(document, dict) or document.get("schema") != SCHEMA:
            raise ProgramError(f"a stage's program is not a {SCHEMA} document", hint="deploy the plan again")
        try:
            program = cls(
                inputs=tuple(document["inputs"]),
                outputs=tuple(document["outputs"]),
                weights=tuple(document["weights"]),
                buffers={
                    name: Buffer(shape=tuple(entry["shape"]), dtype=entry["dtype"])
                    for name, entry in document["buffers"].items()
                },
                layers=tuple(_layer(entry) for entry in document["layers"]),
            )
        except (KeyError, TypeError, AttributeError) as error:
            raise ProgramError(f"a stage's program is malformed: {error!r}", hint="deploy the plan again") from error
        program._check_names()
        return program

    def _check_names(self) -> None:
        used = {name for layer in self.layers for call in layer.calls for name in call.arguments}
        unknown = (used | {*self.inputs, *self.outputs, *self.weights}) - self.buffers.keys()
        if unknown:
            raise ProgramError(f"a stage's program names buffers that it does not declare: {', '.join(sorted(unknown))}")


def _layer(entry: Mapping[str, Any]) -> ProgramLayer:
    calls = tuple(Call(function=call["function"], arguments=tuple(call["arguments"])) for call in entry["calls"])
    return ProgramLayer(name=entry["name"], calls=calls)


@dataclass(frozen=True, slots=True, kw_only=True)
class StoragePlan:
    """Which piece of memory each intermediate lives in.

    Attributes:
        storage_of: Index of the piece for each intermediate buffer.
        nbytes: Size of each piece.
    """

    storage_of: Mapping[str, int]
    nbytes: tuple[int, ...]


def plan_storage(program: Program) -> StoragePlan:
    """Lets intermediates share memory when their lives do not overlap.

    A buffer lives from the first call that names it to the last. Each takes the smallest free piece that is large
    enough, else the largest free piece grows.
    """
    fixed = {*program.inputs, *program.outputs, *program.weights}
    calls = [call for layer in program.layers for call in layer.calls]
    last_use = {name: index for index, call in enumerate(calls) for name in call.arguments if name not in fixed}
    storage_of: dict[str, int] = {}
    sizes: list[int] = []
    free: set[int] = set()
    for index, call in enumerate(calls):
        for name in call.arguments:
            if name in last_use and name not in storage_of:
                storage_of[name] = _take_piece(program.buffers[name].nbytes, sizes, free)
        free |= {storage_of[name] for name in call.arguments if last_use.get(name) == index}
    return StoragePlan(storage_of=storage_of, nbytes=tuple(sizes))


def _take_piece(nbytes: int, sizes: list[int], free: set[int]) -> int:
    enough = [piece for piece in free if sizes[piece] >= nbytes]
    if enough:
        piece = min(enough, key=lambda candidate: sizes[candidate])
    elif free:
        piece = max(free, key=lambda candidate: sizes[candidate])
    else:
        piece = len(sizes)
        sizes.append(nbytes)
    free.discard(piece)
    sizes[piece] = max(sizes[piece], nbytes)
    return piece


class Runtime(Protocol):
    """Where kernels and memory come from."""

    def function(self, name: str) -> Callable[..., Any]:
        """The kernel of that name."""

    def tensor(self, array: np.ndarray[Any, Any]) -> Any:
        """A copy of an array in the device's memory."""

    def empty(self, buffer: Buffer) -> Any:
        """Uninitialised memory of a buffer's shape and type."""

    def view(self, storage: Any, buffer: Buffer) -> Any:
        """The beginning of a piece of memory from `storage` seen as a buffer."""

    def storage(self, nbytes: int) -> Any:
        """A piece of memory."""


class TvmRuntime:
    """Kernels of a module that TVM compiled, memory of a TVM device.

    Args:
        module: The loaded module.
        device: TVM's device kind.
    """

    def __init__(self, module: Any, device: str = "cpu") -> None:
        import tvm

        self._module = module
        self._device = tvm.runtime.device(device, 0)
        self._tvm = tvm.runtime

    @classmethod
    def load(cls, path: Path, device: str = "cpu") -> Self:
        """Loads a shared object.

        Raises:
            ProgramError: It cannot be loaded on this machine.
        """
        import tvm

        try:
            return cls(tvm.runtime.load_module(str(path)), device)
        except (RuntimeError, OSError, ValueError) as error:
            reason = str(error).strip().splitlines()[-1]
            raise ProgramError(f"cannot load {path.name}: {reason}", hint="was it built for this board?") from error

    def function(self, name: str) -> Callable[..., Any]:
        """The kernel of that name."""
        function: Callable[..., Any] = self._module.get_function(name)
        return function

    def tensor(self, array: np.ndarray[Any, Any]) -> Any:
        """A copy of an array in the device's memory."""
        return self._tvm.tensor(np.ascontiguousarray(array), self._device)

    def empty(self, buffer: Buffer) -> Any:
        """Uninitialised memory of a buffer's shape and type."""
        return self._tvm.empty(buffer.shape, buffer.dtype, self._device)

    def view(self, storage: Any, buffer: Buffer) -> Any:
        """The beginning of a piece of memory seen as a buffer."""
        return storage._create_view(buffer.shape, buffer.dtype)

    def storage(self, nbytes: int) -> Any:
        """A piece of memory."""
        return self._tvm.empty((max(nbytes, 1),), "uint8", self._device)


@dataclass(frozen=True, slots=True)
class BoundLayer:
    """A layer whose buffers are known.

    Attributes:
        name: The layer's name.
        calls: Kernels with their arguments.
    """

    name: str
    calls: tuple[tuple[Callable[..., Any], tuple[Any, ...]], ...]

    def run(self) -> None:
        """Runs the layer to its end."""
        for function, arguments in self.calls:
            function(*arguments)


@dataclass(frozen=True, slots=True)
class BoundProgram:
    """A program whose buffers are known."""

    layers: tuple[BoundLayer, ...]

    def run(self) -> None:
        """Runs all layers in order."""
        for layer in self.layers:
            for function, arguments in layer.calls:
                function(*arguments)


class Executor:
    """Owns a program's intermediates; one for each thread that runs it.

    Args:
        program: What to run.
        runtime: Where its kernels and memory come from.
        weights: Its weights in the runtime's memory.
    """

    def __init__(self, program: Program, runtime: Runtime, weights: Mapping[str, Any]) -> None:
        missing = set(program.weights) - weights.keys()
        if missing:
            raise ProgramError(f"weights are missing: {', '.join(sorted(missing))}", hint="deploy the plan again")
        plan = plan_storage(program)
        pieces = [runtime.storage(nbytes) for nbytes in plan.nbytes]
        self._program = program
        self._functions = {
            call.function: runtime.function(call.function) for layer in program.layers for call in layer.calls
        }
        self._tensors = {name: weights[name] for name in program.weights} | {
            name: runtime.view(pieces[piece], program.buffers[name]) for name, piece in plan.storage_of.items()
        }

    def bind(self, inputs: Mapping[str, Any], outputs: Mapping[str, Any]) -> BoundProgram:
        """Fixes where frames come from and go to.

        Args:
            inputs: A tensor for each of the program's inputs.
            outputs: A tensor for each of the program's outputs.
        """
        tensors = {**self._tensors, **inputs, **outputs}
        return BoundProgram(
            tuple(
                BoundLayer(
                    layer.name,
                    tuple((self._functions[call.function], tuple(tensors[a] for a in call.arguments)) for call in layer.calls),
                )
                for layer in self._program.layers
            )
        )
