"""What is known of a network's inputs and outputs before anything is compiled."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class TensorInfo:
    """An input or output of a network.

    Attributes:
        name: As the model has it.
        shape: Extent of each axis; empty for a scalar.
        dtype: Element type as numpy spells it.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str


def dimensions(shape: tuple[int, ...]) -> str:
    """A shape for people: `1x3x224x224`."""
    return "x".join(str(extent) for extent in shape) or "scalar"
