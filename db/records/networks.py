"""Networks cut into layers."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerRecord:
    """A layer of a network.

    Attributes:
        name: Unique within its network.
        structural_hash: Equal for layers that do the same work, in whichever network.
        flops: Floating-point operations a frame.
        output_bytes: Bytes of the activations that it produces.
    """

    name: str
    structural_hash: str
    flops: float
    output_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelRecord:
    """A network cut into layers.

    Attributes:
        name: What people call it.
        fingerprint: Identity of its architecture, weights and shapes.
        weight_bytes: Bytes of all its weights.
        layers: In execution order.
        graph: Its layer graph as a JSON document.
        seen_at: When it was stored last; set by the store.
    """

    name: str
    fingerprint: str
    weight_bytes: int
    layers: tuple[LayerRecord, ...]
    graph: Mapping[str, Any]
    seen_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSummary:
    """One line about a stored network.

    Attributes:
        name: What people call it.
        fingerprint: Identity of its architecture, weights and shapes.
        layers: Number of layers.
        different_layers: Number of different structural hashes among them.
        flops: Floating-point operations a frame.
        weight_bytes: Bytes of all its weights.
        seen_at: When it was stored last.
    """

    name: str
    fingerprint: str
    layers: int
    different_layers: int
    flops: float
    weight_bytes: int
    seen_at: datetime
