"""Where layers are measured and stages run: a board's processors with one core, two cores, and so on."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from db.records import Environment
from host.kernels.version import VERSION

if TYPE_CHECKING:
    from host.remote import BoardDescription, OperatingPoint, ProcessorDescription


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """A processor with a number of its cores, at a level: what a layer is measured on.

    Attributes:
        processor: Name of the processor.
        cores: How many of its cores work.
        cpus: Ids of these cores.
        level: The processor's clock level.
        environment: What its profiles depend on besides, at the operating point where it is measured.
        elsewhere: The same at other operating points that give it the same level: what was measured there counts, too.
        neighbours: Ids of the board's other CPUs; none for a GPU, beside which all of them work anyway.
        device: TVM's kind of device.
    """

    processor: str
    cores: int
    cpus: tuple[int, ...]
    level: str
    environment: Environment
    elsewhere: tuple[Environment, ...] = ()
    neighbours: tuple[int, ...] = ()
    device: str = "cpu"

    @property
    def name(self) -> str:
        """What people call it: `cpux2`, `gpu`."""
        return f"{self.processor}x{self.cores}" if self.device == "cpu" else self.processor

    @property
    def operating_point(self) -> str:
        """Name of the point at which it is measured."""
        return self.environment.operating_point

    @property
    def key(self) -> tuple[str, int, str]:
        """Processor, cores and level, which stand with its profiles."""
        return self.processor, self.cores, self.level

    @property
    def fingerprints(self) -> tuple[str, ...]:
        """Of the environments whose profiles count."""
        return tuple(environment.fingerprint for environment in (self.environment, *self.elsewhere))


def placements_of(board: "BoardDescription", points: Sequence["OperatingPoint"]) -> list[Placement]:
    """Every processor of a board with every number of its cores, at every level that some points give it.

    Equal levels mean equal clocks: each stands at the first point that has it, and is measured once.

    Args:
        board: The board.
        points: Some of its operating points.
    """
    found: dict[tuple[str, int, str], Placement] = {}
    for point in points:
        for placement in _placements_at(board, point):
            found.setdefault(placement.key, placement)
    return list(found.values())


def cores_at(processor: "ProcessorDescription", point: "OperatingPoint") -> int:
    """How many of a processor's cores stages can be given at an operating point; a GPU is one."""
    return len(cpus_at(processor, point)) if processor.kind == "cpu" else 1


def cpus_at(processor: "ProcessorDescription", point: "OperatingPoint") -> tuple[int, ...]:
    """The CPUs of a processor that stages can be given at an operating point."""
    return point.cpus.get(processor.name, ()) if point.cpus else processor.usable


def _placements_at(board: "BoardDescription", point: "OperatingPoint") -> Iterator[Placement]:
    every = [cpu for processor in board.processors for cpu in cpus_at(processor, point)]
    for processor in board.processors:
        level = _level(processor.name, point)
        same = [
            other
            for other in board.operating_points
            if other.name != point.name and _level(processor.name, other) == level
        ]
        is_cpu = processor.kind == "cpu"
        for cores in range(1, cores_at(processor, point) + 1):
            chosen = cpus_at(processor, point)[:cores] if is_cpu else tuple(every)
            yield Placement(
                processor=processor.name,
                cores=cores,
                cpus=chosen,
                level=level,
                environment=_environment(board, processor, point.name),
                elsewhere=tuple(_environment(board, processor, other.name) for other in same),
                neighbours=tuple(cpu for cpu in every if cpu not in chosen),
                device="cpu" if is_cpu else processor.target["kind"],
            )


def _level(processor: str, point: "OperatingPoint") -> str:
    return point.levels.get(processor, point.name)


def _environment(
    board: "BoardDescription", processor: "ProcessorDescription", operating_point: str
) -> Environment:
    return Environment(
        tvm=board.versions["tvm"],
        tvm_ffi=board.versions["tvm_ffi"],
        target=processor.target,
        board_fingerprint=board.fingerprint,
        operating_point=operating_point,
        kernel_version=VERSION,
    )
