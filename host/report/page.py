"""Tables and paragraphs that fit the terminal: narrow ones fold, nothing is cut off."""

import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.table import Table
from rich.text import Text

from host.report.text import printable

_GAP = 2
_LEAST_FOLDED = 12
"""A folded column narrower than this cannot be read any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A column of a table.

    Attributes:
        title: Its heading.
        is_number: Align at the right.
        is_folding: May be broken over several lines where room is short.
    """

    title: str
    is_number: bool = False
    is_folding: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """A table without lines, one row a thing; where the terminal is too narrow, one line a cell.

    Attributes:
        columns: What is known of each thing.
        rows: The things.
    """

    columns: Sequence[Column]
    rows: Sequence[Sequence[str]]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Chooses the form that fits."""
        if self._least_width() <= options.max_width:
            yield self._table()
            return
        for row in self.rows:
            cells = zip(self.columns, row, strict=True)
            yield facts((column.title, cell) for column, cell in cells if cell)
            yield Text("")

    def _least_width(self) -> int:
        widths = [max(map(cell_len, cells)) for cells in zip(*self._printed(), strict=True)]
        least = (
            min(width, _LEAST_FOLDED) if column.is_folding else width
            for column, width in zip(self.columns, widths, strict=True)
        )
        return sum(least) + _GAP * (len(widths) - 1)

    def _printed(self) -> Sequence[Sequence[str]]:
        titles = [column.title for column in self.columns]
        return [titles, *([printable(cell) for cell in row] for row in self.rows)]

    def _table(self) -> Table:
        grid = Table(box=None, pad_edge=False, padding=(0, _GAP, 0, 0), header_style="bold")
        for column in self.columns:
            grid.add_column(
                Text(column.title),
                justify="right" if column.is_number else "left",
                overflow="fold",
                no_wrap=not column.is_folding,
            )
        for row in self.rows:
            grid.add_row(*(Text(printable(cell)) for cell in row))
        return grid


def table(columns: Sequence[Column], rows: Iterable[Sequence[str]]) -> Listing:
    """A table of things of one kind."""
    return Listing(columns=tuple(columns), rows=tuple(rows))


def facts(rows: Iterable[tuple[str, str]]) -> Table:
    """Lines of a name and what there is to say about it."""
    grid = Table(box=None, pad_edge=False, padding=(0, _GAP, 0, 0), show_header=False)
    grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")
    for name, value in rows:
        grid.add_row(Text(name), Text(printable(value)))
    return grid


def paragraph(text: str) -> Text:
    """A sentence or two."""
    return Text(printable(text))


def to_text(parts: Iterable[RenderableType], *, width: int, is_styled: bool) -> str:
    """Lays parts out below each other.

    Args:
        parts: From `table`, `facts` and `paragraph`.
        width: Columns of the terminal.
        is_styled: Whether headings may be bold.

    Returns:
        The lines, without blanks at their ends.
    """
    console = Console(
        file=io.StringIO(),
        width=width,
        force_terminal=is_styled,
        color_system="standard" if is_styled else None,
        highlight=False,
        markup=False,
        emoji=False,
    )
    with console.capture() as captured:
        for part in parts:
            console.print(part)
    return "".join(f"{line.rstrip()}\n" for line in captured.get().splitlines())
