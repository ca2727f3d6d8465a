"""The frames that circulate: each owns the memory of every tensor that passes between stages.

A frame is allocated once and goes round: source, first stage, ..., last stage, consumer, source. Whoever
holds it may write its tensors, so stages hand tensors over without copies, a tensor that only a later stage
reads simply travels along, and the number of frames bounds every queue. Within a frame, tensors whose lives
do not overlap share memory.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy.typing as npt

from device.errors import FrameError
from device.pipeline.layout import Interface
from device.program import Lifetime, Program, Run, plan_memory
from device.program.memory import Bytes, aligned_block, carve_arrays


class Frame:
    """One frame's tensors and where it has got to.

    Attributes:
        index: Which of the pipeline's frames it is.
        arrays: Its tensors by name.
        left: What brings results into `arrays` that the last bound stage leaves on its device.
        number: How many frames were submitted before it, those that were dropped included.
        entered_ns: When the source began to fill it.
        ready_ns: When the stage before (or the source) was done with it.
    """

    __slots__ = ("arrays", "entered_ns", "index", "left", "number", "ready_ns")

    def __init__(self, index: int, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
        self.index = index
        self.arrays = arrays
        self.left: tuple[Run, ...] = ()
        self.number = 0
        self.entered_ns = 0
        self.ready_ns = 0


class Outputs(dict[str, npt.NDArray[Any]]):
    """The model's outputs by name, the reader's own.

    Attributes:
        frame: How many frames were submitted before it since the start, those that were dropped included.
    """

    __slots__ = ("frame",)

    def __init__(self, frame: int, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
        super().__init__(arrays)
        self.frame = frame


def make_frames(
    count: int,
    interface: Interface,
    programs: Sequence[Program],
    block: Callable[[int], Bytes] = aligned_block,
) -> list[Frame]:
    """Allocates frames.

    Args:
        count: How many.
        interface: The pipeline's inputs and outputs.
        programs: The stages' programs, in order.
        block: Allocates aligned memory.
    """
    forms = dict(interface.inputs)
    for program in programs:
        forms.update((name, program.buffers[name]) for name in program.outputs)
    plan = plan_memory(tensor_lives(interface, programs))
    frames = []
    for index in range(count):
        arrays = carve_arrays(plan, forms, block(plan.nbytes))
        for array in arrays.values():
            array.fill(0)
        frames.append(Frame(index, arrays))
    return frames


def tensor_lives(interface: Interface, programs: Sequence[Program]) -> list[Lifetime]:
    """When each tensor of a frame is needed: step 0 is the source, then the stages, then the consumer.

    The model's inputs are kept to the end, so that a frame can be sent again.
    """
    end = len(programs) + 1
    lives = [
        Lifetime(name=name, nbytes=form.nbytes, first=0, last=end) for name, form in interface.inputs.items()
    ]
    kept = set(interface.output_tensors.values())
    for step, program in enumerate(programs, start=1):
        for name in program.outputs:
            readers = [later for later, reader in enumerate(programs, start=1) if name in reader.inputs]
            last = end if name in kept else max(readers, default=step)
            lives.append(Lifetime(name=name, nbytes=program.buffers[name].nbytes, first=step, last=last))
    return lives


def copy_outputs(interface: Interface, frame: Frame) -> Outputs:
    """Copies the model's outputs out of a frame, so that it can go round again."""
    arrays = {name: frame.arrays[tensor].copy() for name, tensor in interface.output_tensors.items()}
    return Outputs(frame.number, arrays)


def check_inputs(interface: Interface, inputs: Mapping[str, npt.NDArray[Any]]) -> None:
    """Checks that arrays are the model's inputs, exactly.

    Raises:
        FrameError: A name, shape or element type differs.
    """
    if inputs.keys() != interface.inputs.keys():
        raise FrameError(f"a frame needs the inputs {sorted(interface.inputs)}, got {sorted(inputs)}")
    for name, form in interface.inputs.items():
        array = inputs[name]
        if array.shape != form.shape or array.dtype != form.dtype:
            raise FrameError(f"input {name!r} must be {form}, got {array.dtype}{list(array.shape)}")
