"""A board in plain values."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from device.clocks import OperatingPoint
from device.inventory.gpu import Gpu
from device.inventory.thermal import ThermalZone
from device.sensors import Rail


@dataclass(frozen=True, slots=True, kw_only=True)
class Processor:
    """One resource group of a board.

    Attributes:
        name: Unique on the board.
        kind: `cpu` or `gpu`.
        cpus: Ids of all its CPUs as Linux numbers them, offline ones too; empty for a GPU.
        online: Those of them that run.
        isolated: Those of them that Linux leaves to whoever asks for them.
        usable: Those of them that stages can be given.
        target: TVM's target as a dictionary.
    """

    name: str
    kind: str
    cpus: tuple[int, ...]
    online: tuple[int, ...] = ()
    isolated: tuple[int, ...] = ()
    usable: tuple[int, ...] = ()
    target: Mapping[str, Any]

    @property
    def cores(self) -> int:
        """How many cores stages can be given."""
        return len(self.usable) if self.kind == "cpu" else 1

    @property
    def mcpu(self) -> str | None:
        """LLVM's name of its cores."""
        return self.target.get("mcpu")

    @property
    def arch(self) -> str | None:
        """The architecture that it executes: `aarch64`, `sm_62`."""
        return self.target.get("arch") or self.target.get("mtriple", "").partition("-")[0] or None

    def to_document(self) -> dict[str, Any]:
        """The processor as JSON has it."""
        return {
            "name": self.name,
            "kind": self.kind,
            "cpus": list(self.cpus),
            "online": list(self.online),
            "isolated": list(self.isolated),
            "usable": list(self.usable),
            "cores": self.cores,
            "mcpu": self.mcpu,
            "arch": self.arch,
            "target": dict(self.target),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Readings:
    """What a board's sensors say now, by the paths of rails and thermal zones; what cannot be read is missing.

    Attributes:
        power_mw: Power of rails in milliwatts.
        celsius: Temperatures in degrees Celsius.
    """

    power_mw: Mapping[str, float] = field(default_factory=dict)
    celsius: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Board:
    """What a board says about itself.

    Attributes:
        name: What people call it.
        model: Its hardware in words.
        release: Its system, such as `L4T 32.7.1`; empty where nothing says so.
        hostname: The machine's name.
        machine: Architecture as `uname -m` says it.
        processors: Its CPUs in groups.
        operating_points: At least one.
        rails: Whose power can be read.
        zones: Whose temperature can be read.
        gpu: Its GPU, usable or not.
        versions: Versions of what a measurement depends on.
        notes: What the user should know about this board.
    """

    name: str
    model: str
    release: str = ""
    hostname: str
    machine: str
    processors: tuple[Processor, ...]
    operating_points: tuple[OperatingPoint, ...]
    versions: Mapping[str, str]
    rails: tuple[Rail, ...] = ()
    zones: tuple[ThermalZone, ...] = ()
    gpu: Gpu | None = None
    notes: tuple[str, ...] = ()

    @property
    def all_processors(self) -> tuple[Processor, ...]:
        """Its CPUs, and the GPU if TVM can use it."""
        if self.gpu is None or not self.gpu.usable:
            return self.processors
        target = {"kind": "cuda", "arch": self.gpu.arch, "host": dict(self.processors[0].target)}
        return (*self.processors, Processor(name="gpu", kind="gpu", cpus=(), target=target))

    @property
    def offered(self) -> tuple[Processor, ...]:
        """What stages can be placed on now."""
        return tuple(processor for processor in self.all_processors if processor.cores)

    @property
    def fingerprint(self) -> str:
        """SHA-256 over everything that measurements depend on, besides versions and operating points.

        CPUs that are offline count like the others: a board stays the same in all of its modes. Nor does it change when
        its GPU becomes usable: what is measured there is told apart by its target.
        """
        identity = [self.name, self.model, self.hostname, self.machine]
        processors = [[p.name, p.kind, list(p.cpus), dict(p.target)] for p in self.processors]
        return hashlib.sha256(json.dumps([identity, processors], sort_keys=True).encode()).hexdigest()

    def to_document(self, readings: Readings) -> dict[str, Any]:
        """The board as JSON has it.

        Args:
            readings: What its sensors say now.
        """
        gpu = self.gpu
        return {
            "schema": "stageline.board/1",
            "name": self.name,
            "model": self.model,
            "release": self.release or None,
            "hostname": self.hostname,
            "machine": self.machine,
            "fingerprint": self.fingerprint,
            "processors": [processor.to_document() for processor in self.all_processors],
            "gpu": gpu
            and {
                "name": gpu.name,
                "arch": gpu.arch or None,
                "usable": gpu.usable,
                "reason": gpu.reason or None,
                "path": gpu.path,
            },
            "operating_points": [point.to_document() for point in self.operating_points],
            "sensors": [
                {"rail": r.name, "role": r.role, "unit_mw": readings.power_mw.get(r.path), "path": r.path}
                for r in self.rails
            ],
            "thermal_zones": [
                {"name": z.name, "celsius": readings.celsius.get(z.path), "path": z.path} for z in self.zones
            ],
            "versions": dict(self.versions),
            "notes": list(self.notes),
        }
