"""What a board said about itself, as the host sees it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from host.errors import InputError
from protos.stageline.v1 import agent_pb2 as pb


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessorDescription:
    """One resource group of a board.

    Attributes:
        name: Unique on the board.
        kind: `cpu` or `gpu`.
        cpus: Ids of its CPUs; empty for a GPU.
        cores: How many cores stages can be given.
        target: TVM's target as a dictionary.
    """

    name: str
    kind: str
    cpus: tuple[int, ...]
    cores: int
    target: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatingPoint:
    """A named setting of the whole board's clocks, with the level that it gives each processor."""

    name: str
    levels: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class BoardDescription:
    """A board.

    Attributes:
        name: What people call it.
        model: Its hardware in words.
        hostname: The machine's name.
        machine: Architecture as `uname -m` says it.
        fingerprint: Identity of hardware and processors.
        processors: What layers can be placed on.
        operating_points: At least one.
        versions: Versions of `stageline`, `tvm` and `tvm_ffi` there.
        notes: What its user should know.
        lease_holder: Who holds it; empty when it is free.
    """

    name: str
    model: str
    hostname: str
    machine: str
    fingerprint: str
    processors: tuple[ProcessorDescription, ...]
    operating_points: tuple[OperatingPoint, ...]
    versions: Mapping[str, str]
    notes: tuple[str, ...]
    lease_holder: str

    def processor(self, name: str) -> ProcessorDescription:
        """The processor of that name.

        Raises:
            InputError: The board has none.
        """
        for processor in self.processors:
            if processor.name == name:
                return processor
        names = ", ".join(processor.name for processor in self.processors)
        raise InputError(f"board {self.name} has no processor {name!r}; it has {names}")

    @classmethod
    def from_message(cls, message: pb.Board) -> "BoardDescription":
        """Reads the agent's answer."""
        return cls(
            name=message.name,
            model=message.model,
            hostname=message.hostname,
            machine=message.machine,
            fingerprint=message.fingerprint,
            processors=tuple(
                ProcessorDescription(
                    name=p.name,
                    kind=p.kind,
                    cpus=tuple(p.cpus),
                    cores=p.cores,
                    target=json.loads(p.target_json),
                )
                for p in message.processors
            ),
            operating_points=tuple(
                OperatingPoint(name=o.name, levels=dict(o.levels)) for o in message.operating_points
            ),
            versions=dict(message.versions),
            notes=tuple(message.notes),
            lease_holder=message.lease_holder,
        )

    def to_document(self) -> dict[str, Any]:
        """As JSON."""
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
            "versions": dict(self.versions),
            "notes": list(self.notes),
            "lease_holder": self.lease_holder or None,
        }
