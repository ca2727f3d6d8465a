"""Where buffers lie in a block of memory: those never needed at the same time share it. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from device.program.document import Buffer, Program

ALIGNMENT_BYTES = 64
"""What TVM's kernels demand of a buffer's address; a cache line on every board of interest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lifetime:
    """When a buffer holds something that is still needed.

    Attributes:
        name: The buffer.
        nbytes: Its size.
        first: Step that writes it.
        last: Last step that reads it, not before `first`.
    """

    name: str
    nbytes: int
    first: int
    last: int

    def meets(self, other: "Lifetime") -> bool:
        """Whether both are needed during some step."""
        return self.first <= other.last and other.first <= self.last


@dataclass(frozen=True, slots=True, kw_only=True)
class StoragePlan:
    """Where buffers lie within a block.

    Attributes:
        offsets: Byte offset of each buffer, a multiple of `ALIGNMENT_BYTES`.
        nbytes: Size of the block.
    """

    offsets: Mapping[str, int]
    nbytes: int


def plan_storage(program: Program) -> StoragePlan:
    """Places a program's intermediates; two share memory if no call lies within the lives of both."""
    intermediates = frozenset(program.intermediates)
    spans: dict[str, tuple[int, int]] = {}
    for step, call in enumerate(program.calls):
        for name in intermediates.intersection(call.arguments):
            spans[name] = (spans.get(name, (step, step))[0], step)
    return plan_memory(
        Lifetime(name=name, nbytes=program.buffers[name].nbytes, first=first, last=last)
        for name, (first, last) in spans.items()
    )


def plan_memory(lifetimes: Iterable[Lifetime]) -> StoragePlan:
    """Places buffers one after the other, the largest first, each as low as the ones it meets allow."""
    placed: list[tuple[Lifetime, int, int]] = []
    for new in sorted(lifetimes, key=lambda lifetime: (-lifetime.nbytes, lifetime.first, lifetime.name)):
        occupied = sorted((start, end) for lifetime, start, end in placed if lifetime.meets(new))
        start = _lowest_gap(occupied, new.nbytes)
        placed.append((new, start, start + _aligned(new.nbytes)))
    return StoragePlan(
        offsets={lifetime.name: start for lifetime, start, _ in placed},
        nbytes=max((end for _, _, end in placed), default=0),
    )


def plan_together(buffers: Mapping[str, Buffer]) -> StoragePlan:
    """Places buffers that are all needed at the same time, one behind the other."""
    offsets, end = {}, 0
    for name, buffer in buffers.items():
        offsets[name] = end
        end += _aligned(buffer.nbytes)
    return StoragePlan(offsets=offsets, nbytes=end)


def _lowest_gap(occupied: Iterable[tuple[int, int]], nbytes: int) -> int:
    lowest = 0
    for start, end in occupied:
        if start - lowest >= nbytes:
            break
        lowest = max(lowest, end)
    return lowest


def _aligned(nbytes: int) -> int:
    return -(-nbytes // ALIGNMENT_BYTES) * ALIGNMENT_BYTES
