"""`device-agent describe`: what this board is, on a page that fits any terminal, or as JSON."""

import argparse
import json
import textwrap
from collections.abc import Iterator, Sequence
from pathlib import Path

from device.errors import BoardFileError
from device.inventory import Board, Processor, Readings, detect_board, read_board_file, read_sensors
from device.inventory.cpu_sets import write_cpu_set

NAME = "describe"

_WIDTH = 79
_LABEL = 10
_UNKNOWN = "-"


def add_options(parser: argparse.ArgumentParser) -> None:
    """Adds what only this command takes."""
    parser.add_argument("--json", action="store_true", help="as a JSON document")
    parser.add_argument(
        "--root",
        type=Path,
        metavar="DIR",
        help="describe the board whose /proc, /sys and /etc were copied to DIR",
    )


def describe(options: argparse.Namespace) -> str:
    """The answer to the command.

    Raises:
        BoardFileError: The board file or the folder cannot be read.
    """
    root: Path = options.root or Path("/")
    file: Path | None = getattr(options, "board", None)
    if options.root and file:
        raise BoardFileError(
            "--root and --board exclude each other", hint="a board file declares CPUs of this machine"
        )
    if not root.is_dir():
        raise BoardFileError(f"--root {root} is no folder")
    board = (
        read_board_file(file)
        if file
        else detect_board(getattr(options, "name", None), root.resolve(), tries_gpu=True)
    )
    readings = read_sensors(board, root.resolve())
    if options.json:
        return json.dumps(board.to_document(readings), indent=2) + "\n"
    return board_page(board, readings)


def board_page(board: Board, readings: Readings) -> str:
    """A board in words.

    Args:
        board: What it is.
        readings: What its sensors say now.
    """
    head = [f"{board.name}: {board.model}", board.release, board.machine]
    lines = textwrap.wrap(", ".join(filter(None, head)), _WIDTH, subsequent_indent="  ")
    lines += _table(
        ("processor", "CPUs", "online", "isolated", "cores", "code for"),
        [_processor_row(processor) for processor in board.all_processors],
    )
    if board.rails:
        rows = [(r.name, r.role, _milliwatts(readings.power_mw.get(r.path))) for r in board.rails]
        lines += _table(("rail", "feeds", "mW now"), rows)
    else:
        lines += _paragraph("power", "no sensor")
    lines += _paragraph("clocks", ", ".join(point.name for point in board.operating_points))
    warm = [f"{z.name} {readings.celsius[z.path]:.1f}" for z in board.zones if z.path in readings.celsius]
    lines += _paragraph("degrees C", ", ".join(warm))
    lines += _paragraph("versions", ", ".join(f"{name} {number}" for name, number in board.versions.items()))
    for note in board.notes:
        lines += _paragraph("note", note)
    return "\n".join(lines) + "\n"


def _processor_row(processor: Processor) -> Sequence[str]:
    return (
        processor.name,
        write_cpu_set(processor.cpus),
        write_cpu_set(processor.online),
        write_cpu_set(processor.isolated),
        str(processor.cores),
        processor.mcpu or processor.arch or _UNKNOWN,
    )


def _milliwatts(power_mw: float | None) -> str:
    return _UNKNOWN if power_mw is None else f"{power_mw:.0f}"


def _table(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Columns as wide as they must be, and an empty line; a line that is longer than the page is folded."""
    widths = [max(map(len, column)) for column in zip(titles, *rows, strict=True)]
    for row in (titles, *rows):
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        yield from textwrap.wrap(
            "  " + "  ".join(cells).rstrip(), _WIDTH, subsequent_indent="    ", replace_whitespace=False
        )
    yield ""


def _paragraph(label: str, text: str) -> list[str]:
    if not text:
        return []
    return textwrap.wrap(
        text,
        _WIDTH,
        initial_indent=f"  {label:{_LABEL}}",
        subsequent_indent=" " * (_LABEL + 2),
        break_on_hyphens=False,
    )
