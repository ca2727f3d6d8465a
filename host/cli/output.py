"""The result of a command on standard output, as a JSON document or for people."""

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from host.errors import UsageError

if TYPE_CHECKING:
    from rich.console import RenderableType

_UNLIMITED = 1_000
"""Columns where nobody looks at a screen: lines stay whole for grep and awk."""


def print_document(document: Mapping[str, Any]) -> None:
    """Prints a JSON document."""
    _write(json.dumps(document, indent=2, allow_nan=False, ensure_ascii=False) + "\n")


def print_page(*parts: "RenderableType") -> None:
    """Prints text and tables, as wide as the terminal."""
    from host.report.page import to_text

    is_terminal = sys.stdout.isatty()
    _write(to_text(parts, width=_width(is_terminal=is_terminal), is_styled=is_terminal and _may_style()))


def require_writable(path: Path) -> None:
    """Checks that a file can be written, before work begins whose result belongs there.

    Raises:
        UsageError: It cannot.
    """
    if path.is_dir():
        raise UsageError(f"cannot write {path}: it is a directory", hint="name a file in it")
    if not path.parent.is_dir():
        raise UsageError(f"cannot write {path}: there is no directory {path.parent}")
    probe = path if path.exists() else path.parent
    if not os.access(probe, os.W_OK):
        raise UsageError(f"cannot write {path}: permission denied")


def write_document(path: Path, document: Mapping[str, Any]) -> None:
    """Writes a JSON document to a file, whole or not at all.

    Raises:
        UsageError: The file cannot be written.
    """
    write_text(path, json.dumps(document, indent=2, allow_nan=False, ensure_ascii=False) + "\n")


def write_text(path: Path, text: str) -> None:
    """Writes a text to a file, whole or not at all.

    Raises:
        UsageError: The file cannot be written.
    """
    try:
        if path.exists() and not path.is_file():
            path.write_text(
                text, encoding="utf-8"
            )  # a pipe or a device, such as /dev/stdout, cannot be replaced
            return
        partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
        try:
            partial.write_text(text, encoding="utf-8")
            partial.replace(path)
        finally:
            partial.unlink(missing_ok=True)
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error.strerror}") from error


def forget(stream: TextIO) -> None:
    """Keeps the interpreter from complaining at its end about output that nobody takes."""
    descriptor = os.open(os.devnull, os.O_WRONLY)
    os.dup2(descriptor, stream.fileno())
    os.close(descriptor)


def _write(text: str) -> None:
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        raise UsageError(f"cannot write the result to standard output: {error.strerror}") from error


def _width(*, is_terminal: bool) -> int:
    columns = os.environ.get("COLUMNS", "")
    if columns.isdigit() and int(columns) > 0:
        return int(columns)
    return os.get_terminal_size(sys.stdout.fileno()).columns or 80 if is_terminal else _UNLIMITED


def _may_style() -> bool:
    return not os.environ.get("NO_COLOR") and os.environ.get("TERM", "dumb") != "dumb"
