"""Boards as they described themselves."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessorRecord:
    """A processor of a board.

    Attributes:
        name: Unique on its board.
        kind: `cpu`, `gpu` or another word for an accelerator.
        cores: How many cores it has; 1 for a GPU.
    """

    name: str
    kind: str
    cores: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BoardRecord:
    """A board as it described itself.

    Attributes:
        name: What people call it. Two boards may share a name; lookups by name find the one seen last.
        fingerprint: Identity of its hardware and processors.
        processors: What layers can be placed on.
        description: Everything else that it said, as a JSON document.
        seen_at: When it was stored last; set by the store.
    """

    name: str
    fingerprint: str
    processors: tuple[ProcessorRecord, ...]
    description: Mapping[str, Any]
    seen_at: datetime | None = None
