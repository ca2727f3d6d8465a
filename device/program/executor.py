"""Running a program: its kernels looked up, its memory allocated, its arguments put together once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from device.errors import ProgramError
from device.program.document import Layer, Program
from device.program.runtimes import Run, Runtime, Tensor
from device.program.storage import plan_storage


@dataclass(frozen=True, slots=True, kw_only=True)
class BoundLayer:
    """A layer with its arguments.

    Attributes:
        name: The layer's name.
        run: Runs it to its end.
    """

    name: str
    run: Run


@dataclass(frozen=True, slots=True, kw_only=True)
class BoundProgram:
    """A program with its arguments.

    Attributes:
        layers: In execution order.
        run: Runs all of them to their end.
    """

    layers: tuple[BoundLayer, ...]
    run: Run


class Executor:
    """Runs a program on different tensors, one run at a time: all share the intermediates' memory.

    Args:
        program: What to run.
        runtime: Where kernels and tensors come from.
        weights: A tensor for each of the program's weights; may be shared between executors.

    Raises:
        ProgramError: A kernel or a weight is missing or has another form than the program says.
    """

    def __init__(self, program: Program, runtime: Runtime, weights: Mapping[str, Tensor]) -> None:
        _check(program, program.weights, weights, "weight")
        self._program = program
        self._weights = {name: weights[name] for name in program.weights}
        self._kernels = {call.function: runtime.function(call.function) for call in program.calls}
        self._intermediates = runtime.carve(plan_storage(program), program.buffers)
        self._runtime = runtime

    def bind(self, inputs: Mapping[str, Tensor], outputs: Mapping[str, Tensor]) -> BoundProgram:
        """Puts the arguments of every call together, so that running costs no more than the calls.

        Args:
            inputs: A tensor for each of the program's inputs.
            outputs: A tensor for each of its outputs.

        Raises:
            ProgramError: A tensor is missing or has another form than the program says.
        """
        _check(self._program, self._program.inputs, inputs, "input")
        _check(self._program, self._program.outputs, outputs, "output")
        tensors = {**self._intermediates, **self._weights, **inputs, **outputs}
        calls = [self._bind_layer(layer, tensors) for layer in self._program.layers]
        layers = zip(self._program.layers, calls, strict=True)
        return BoundProgram(
            layers=tuple(BoundLayer(name=layer.name, run=self._whole(runs)) for layer, runs in layers),
            run=self._whole([run for runs in calls for run in runs]),
        )

    def _whole(self, runs: Sequence[Run]) -> Run:
        return sequence([*self._runtime.begin, *runs, *self._runtime.finish])

    def _bind_layer(self, layer: Layer, tensors: Mapping[str, Tensor]) -> list[Run]:
        return [
            partial(self._kernels[call.function], *(tensors[name] for name in call.arguments))
            for call in layer.calls
        ]


def sequence(runs: Sequence[Run]) -> Run:
    """One callable for several; a single one stays itself."""
    if len(runs) == 1:
        return runs[0]
    steps = tuple(runs)

    def run() -> None:
        for step in steps:
            step()

    return run


def _check(program: Program, names: Sequence[str], tensors: Mapping[str, Tensor], role: str) -> None:
    for name in names:
        if name not in tensors:
            raise ProgramError(f"{role} {name!r} of the program is missing")
        program.buffers[name].check(f"{role} {name!r}", tensors[name])
