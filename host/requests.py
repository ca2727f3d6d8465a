"""What a user asks for, as plain values."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, Self


class Reporter(Protocol):
    """Where a job tells how far it is."""

    def step(self, title: str, detail: str, seconds: float | None = None) -> None:
        """A step is done."""

    def progress(self, title: str, detail: str) -> None:
        """A step is under way."""

    def warn(self, text: str, hint: str = "") -> None:
        """Something that the user should know, and what to do about it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelRequest:
    """Which network.

    Attributes:
        model: A built-in name or a file.
        shapes: Shapes of inputs that the file leaves open.
        weights: A file with weights for a built-in.
    """

    model: str
    shapes: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    weights: Path | None = None

    def to_document(self) -> dict[str, Any]:
        """What is stored with the network, so that a plan can be deployed later; files by absolute path."""
        path = Path(self.model)
        return {
            "model": str(path.resolve()) if path.is_file() else self.model,
            "shapes": {name: list(shape) for name, shape in self.shapes.items()},
            "weights": str(self.weights.resolve()) if self.weights else None,
        }

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Self:
        """Restores what `to_document` gave."""
        return cls(
            model=document["model"],
            shapes={name: tuple(shape) for name, shape in document["shapes"].items()},
            weights=Path(document["weights"]) if document["weights"] else None,
        )
