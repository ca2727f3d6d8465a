"""Where layers are measured and stages run: a board's processors with one core, two cores, and so on."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from db.records import Environment
from host.kernels.version import VERSION

if TYPE_CHECKING:
    from host.remote import BoardDescription, ProcessorDescription


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """A processor with a number of its cores, at a level: what a layer is measured on.

    Attributes:
        processor: Name of the processor.
        cores: How many of its cores work.
        cpus: Ids of these cores.
        level: The processor's clock level.
        environment: What its profiles depend on besides.
        neighbours: Ids of the board's other CPUs.
    """

    processor: str
    cores: int
    cpus: tuple[int, ...]
    level: str
    environment: Environment
    neighbours: tuple[int, ...] = ()

    @property
    def name(self) -> str:
        """What people call it: `cpux2`."""
        return f"{self.processor}x{self.cores}"


def placements_of(board: "BoardDescription") -> list[Placement]:
    """Every processor of a board with every number of its cores, at every operating point."""
    return [
        Placement(
            processor=processor.name,
            cores=cores,
            cpus=processor.usable[:cores],
            level=point.levels.get(processor.name, point.name),
            environment=_environment(board, processor, point.name),
            neighbours=tuple(cpu for cpu in board.usable_cpus if cpu not in processor.usable[:cores]),
        )
        for point in board.operating_points
        for processor in board.processors
        for cores in range(1, processor.cores + 1)
    ]


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
