"""A board in plain values."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from device.clocks import OperatingPoint
from device.sensors import Rail


@dataclass(frozen=True, slots=True, kw_only=True)
class Processor:
    """One resource group of a board.

    Attributes:
        name: Unique on the board.
        kind: `cpu` or `gpu`.
        cpus: Ids of its CPUs as Linux numbers them; empty for a GPU.
        target: TVM's target as a dictionary.
    """

    name: str
    kind: str
    cpus: tuple[int, ...]
    target: Mapping[str, Any]

    @property
    def cores(self) -> int:
        """How many cores stages can be given."""
        return len(self.cpus) if self.kind == "cpu" else 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Board:
    """What a board says about itself.

    Attributes:
        name: What people call it.
        model: Its hardware in words.
        hostname: The machine's name.
        machine: Architecture as `uname -m` says it.
        processors: What layers can be placed on.
        operating_points: At least one.
        rails: Whose power can be read.
        versions: Versions of what a measurement depends on.
        notes: What the user should know about this board.
    """

    name: str
    model: str
    hostname: str
    machine: str
    processors: tuple[Processor, ...]
    operating_points: tuple[OperatingPoint, ...]
    versions: Mapping[str, str]
    rails: tuple[Rail, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def fingerprint(self) -> str:
        """SHA-256 over everything that measurements depend on, besides versions."""
        identity = [self.name, self.model, self.hostname, self.machine]
        processors = [[p.name, p.kind, list(p.cpus), dict(p.target)] for p in self.processors]
        return hashlib.sha256(json.dumps([identity, processors], sort_keys=True).encode()).hexdigest()

    def to_document(self) -> dict[str, Any]:
        """The board as JSON has it."""
        return {
            "schema": "stageline.board/1",
            "name": self.name,
            "model": self.model,
            "hostname": self.hostname,
            "machine": self.machine,
            "fingerprint": self.fingerprint,
            "processors": [
                {
                    "name": p.name,
                    "kind": p.kind,
                    "cpus": list(p.cpus),
                    "cores": p.cores,
                    "target": dict(p.target),
                }
                for p in self.processors
            ],
            "operating_points": [{"name": o.name, "levels": dict(o.levels)} for o in self.operating_points],
            "sensors": [{"rail": r.name, "role": r.role, "path": r.path} for r in self.rails],
            "versions": dict(self.versions),
            "notes": list(self.notes),
        }
