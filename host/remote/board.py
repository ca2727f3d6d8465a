"""What a board said about itself, as the host sees it."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from host.errors import InputError
from protos.stageline.v1 import agent_pb2 as pb


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessorDescription:
    """One resource group of a board.

    Attributes:
        name: Unique on the board.
        kind: `cpu` or `gpu`.
        cpus: Ids of all its CPUs, offline ones too; empty for a GPU.
        cores: How many cores stages can be given.
        target: TVM's target as a dictionary.
        online: Those of its CPUs that run.
        isolated: Those that Linux leaves to whoever asks for them.
        usable: Those that stages can be given.
    """

    name: str
    kind: str
    cpus: tuple[int, ...]
    cores: int
    target: Mapping[str, Any]
    online: tuple[int, ...] = ()
    isolated: tuple[int, ...] = ()
    usable: tuple[int, ...] = ()

    @classmethod
    def from_message(cls, message: pb.Processor) -> "ProcessorDescription":
        """Reads a part of the agent's answer."""
        return cls(
            name=message.name,
            kind=message.kind,
            cpus=tuple(message.cpus),
            cores=message.cores,
            target=json.loads(message.target_json),
            online=tuple(message.online),
            isolated=tuple(message.isolated),
            usable=tuple(message.usable),
        )

    def to_document(self) -> dict[str, Any]:
        """As JSON."""
        arch = self.target.get("arch") or self.target.get("mtriple", "").partition("-")[0]
        return {
            "name": self.name,
            "kind": self.kind,
            "cpus": list(self.cpus),
            "online": list(self.online),
            "isolated": list(self.isolated),
            "usable": list(self.usable),
            "cores": self.cores,
            "mcpu": self.target.get("mcpu"),
            "arch": arch or None,
            "target": dict(self.target),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class GpuDescription:
    """A GPU, whether or not stages can be placed on it.

    Attributes:
        name: What it is called.
        arch: What code for it is compiled for; empty where it is not known.
        usable: Whether TVM can use it.
        reason: Why not.
        path: Where the board's Linux shows it.
    """

    name: str
    arch: str
    usable: bool
    reason: str
    path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SensorDescription:
    """A rail whose power the board can read, with the part of the board that it feeds, and its file there."""

    rail: str
    role: str
    path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ZoneDescription:
    """A place whose temperature the board can read, and its file there."""

    name: str
    path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatingPoint:
    """A named setting of the whole board's clocks.

    Attributes:
        name: Unique on the board.
        levels: The level that it gives each processor that runs.
        cpus: For each CPU cluster that runs the CPUs that stages can be given.
    """

    name: str
    levels: Mapping[str, str]
    cpus: Mapping[str, tuple[int, ...]] = field(default_factory=dict)

    @classmethod
    def from_message(cls, message: pb.OperatingPoint) -> "OperatingPoint":
        """Reads the agent's answer."""
        return cls(
            name=message.name,
            levels=dict(message.levels),
            cpus={name: tuple(members.cpus) for name, members in message.cpus.items()},
        )

    def to_document(self) -> dict[str, Any]:
        """As the board's own `describe` has it."""
        cpus = {name: list(members) for name, members in self.cpus.items()}
        return {"name": self.name, "levels": dict(self.levels), "cpus": cpus}


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
        operating_points: Those that can be set, the present one first.
        versions: Versions of `stageline`, `tvm` and `tvm_ffi` there.
        notes: What its user should know.
        lease_holder: Who holds it; empty when it is free.
        release: Its system, such as `L4T 32.7.1`; empty where it does not say.
        gpu: Its GPU.
        sensors: Whose power it can read.
        thermal_zones: Whose temperature it can read.
        settings: For fixed clocks that were asked for the names of their operating points.
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
    release: str = ""
    gpu: GpuDescription | None = None
    sensors: tuple[SensorDescription, ...] = ()
    thermal_zones: tuple[ZoneDescription, ...] = ()
    settings: Mapping[str, str] = field(default_factory=dict)

    @property
    def usable_cpus(self) -> tuple[int, ...]:
        """Ids of all CPUs that stages can be given."""
        return tuple(cpu for processor in self.processors for cpu in processor.usable)

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
            processors=tuple(map(ProcessorDescription.from_message, message.processors)),
            operating_points=tuple(map(OperatingPoint.from_message, message.operating_points)),
            versions=dict(message.versions),
            notes=tuple(message.notes),
            lease_holder=message.lease_holder,
            release=message.release,
            gpu=_gpu(message),
            sensors=tuple(SensorDescription(rail=s.name, role=s.role, path=s.path) for s in message.sensors),
            thermal_zones=tuple(ZoneDescription(name=z.name, path=z.path) for z in message.thermal_zones),
            settings=dict(message.settings),
        )

    def to_document(self) -> dict[str, Any]:
        """As the board's own `describe` has it, without what sensors say: a host does not read them."""
        return {
            "schema": "stageline.board/1",
            "name": self.name,
            "model": self.model,
            "hostname": self.hostname,
            "machine": self.machine,
            "fingerprint": self.fingerprint,
            "release": self.release or None,
            "processors": [processor.to_document() for processor in self.processors],
            "gpu": asdict(self.gpu) if self.gpu else None,
            "operating_points": [point.to_document() for point in self.operating_points],
            "sensors": [asdict(sensor) | {"unit_mw": None} for sensor in self.sensors],
            "thermal_zones": [asdict(zone) | {"celsius": None} for zone in self.thermal_zones],
            "versions": dict(self.versions),
            "notes": list(self.notes),
            "lease_holder": self.lease_holder or None,
        }


def _gpu(message: pb.Board) -> GpuDescription | None:
    if not message.HasField("gpu"):
        return None
    gpu = message.gpu
    return GpuDescription(name=gpu.name, arch=gpu.arch, usable=gpu.usable, reason=gpu.reason, path=gpu.path)
