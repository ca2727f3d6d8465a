"""How far a job is: a moving line on a terminal, one line a finished step everywhere else."""

import os
import sys
import textwrap
from types import TracebackType
from typing import Any, Protocol, Self

from host.report.text import printable, seconds_text

_TITLE_WIDTH = 8
_DETAIL_WIDTH = 68


class Spinner(Protocol):
    """The moving line."""

    def show(self, text: str) -> None:
        """Shows what is under way."""

    def hide(self) -> None:
        """Makes room for a line that stays."""


class ProgressReporter:
    """Tells on standard error what a job has done and is doing; a `host.requests.Reporter`.

    Args:
        spinner: Shows what is under way; None where nobody would see it move.
        width: Columns to break lines at; None to leave them whole.
    """

    def __init__(self, spinner: Spinner | None = None, width: int | None = None) -> None:
        self._spinner = spinner
        self._width = width

    @classmethod
    def on_standard_error(cls) -> Self:
        """The reporter that suits this process's standard error."""
        if not sys.stderr.isatty() or os.environ.get("TERM", "dumb") == "dumb":
            return cls()
        columns = os.environ.get("COLUMNS", "")
        width = int(columns) if columns.isdigit() and int(columns) else _columns()
        return cls(_RichSpinner(), width)

    def __enter__(self) -> Self:
        """Clears the moving line at the end of the block."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Clears the moving line."""
        if self._spinner is not None:
            self._spinner.hide()

    def step(self, title: str, detail: str, seconds: float | None = None) -> None:
        """A step is done."""
        line = f"{title:<{_TITLE_WIDTH}} {detail}"
        if seconds is not None:
            line = f"{line:<{_TITLE_WIDTH + _DETAIL_WIDTH}}  {seconds_text(seconds):>8}"
        self._say(line)

    def progress(self, title: str, detail: str) -> None:
        """A step is under way."""
        if self._spinner is not None:
            self._spinner.show(printable(f"{title:<{_TITLE_WIDTH}} {detail}"))

    def warn(self, text: str, hint: str = "") -> None:
        """Something that the user should know, and what to do about it."""
        self._say(f"warning: {text}")
        if hint:
            self._say(f"hint: {hint}")

    def _say(self, line: str) -> None:
        if self._spinner is not None:
            self._spinner.hide()
        try:
            sys.stderr.write(self._wrapped(printable(line)) + "\n")
            sys.stderr.flush()
        except BrokenPipeError:
            return  # nobody listens, and the work is worth finishing all the same

    def _wrapped(self, line: str) -> str:
        if self._width is None or len(line) <= self._width:
            return line
        line = " ".join(line.split())
        indent = " " * min(_TITLE_WIDTH + 1, self._width // 4)
        return textwrap.fill(line, max(self._width, len(indent) + 8), subsequent_indent=indent)


class _RichSpinner:
    """A spinner with the time since the step began."""

    def __init__(self) -> None:
        self._progress: Any = None
        self._task: Any = None

    def show(self, text: str) -> None:
        from rich.markup import escape

        if self._progress is None:
            self._start()
        self._progress.update(self._task, description=escape(text), refresh=True)

    def hide(self) -> None:
        if self._progress is not None:
            self._progress.stop()
            self._progress = None

    def _start(self) -> None:
        from rich.console import Console
        from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
        from rich.table import Column

        text = TextColumn("{task.description}", table_column=Column(no_wrap=True, overflow="ellipsis"))
        console = Console(stderr=True, color_system=None if os.environ.get("NO_COLOR") else "auto")
        self._progress = Progress(
            SpinnerColumn("line"), text, TimeElapsedColumn(), console=console, transient=True
        )
        self._task = self._progress.add_task("", total=None)
        self._progress.start()


def _columns() -> int:
    return os.get_terminal_size(sys.stderr.fileno()).columns or 80
