"""A board on the terminal."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.console import RenderableType

from host.report.page import Column, facts, paragraph, table

if TYPE_CHECKING:
    from host.remote import BoardDescription, ProcessorDescription


def board_page(board: "BoardDescription") -> Sequence[RenderableType]:
    """What a board says about itself."""
    versions = ", ".join(f"{name} {number}" for name, number in board.versions.items())
    head = facts(
        [
            ("Board", f"{board.name}: {board.model}"),
            ("Machine", f"{board.hostname}, {board.machine}"),
            *([("System", board.release)] if board.release else []),
            ("Versions", versions),
            ("Clocks", ", ".join(point.name for point in board.operating_points)),
            ("Power", ", ".join(sensor.rail for sensor in board.sensors) or "no sensor"),
            ("Held by", board.lease_holder or "nobody"),
        ]
    )
    columns = [
        Column(title="processor"),
        Column(title="kind"),
        Column(title="cores", is_number=True),
        Column(title="CPUs", is_folding=True),
        Column(title="code for", is_folding=True),
    ]
    processors = table(columns, (_row(processor) for processor in board.processors))
    return [head, processors, *(paragraph(f"note: {note}") for note in board.notes)]


def _row(processor: "ProcessorDescription") -> Sequence[str]:
    cpus = ", ".join(map(str, processor.usable)) or "-"
    machine = (
        processor.target.get("mcpu") or processor.target.get("arch") or processor.target.get("kind", "?")
    )
    return processor.name, processor.kind, str(processor.cores), cpus, str(machine)
