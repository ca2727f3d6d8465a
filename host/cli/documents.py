"""JSON documents that a user hands in."""

import sys
from pathlib import Path

from host.errors import InputError, UsageError

_STANDARD_INPUT = Path("-")


def read_document(path: Path) -> object:
    """Reads a JSON file, or standard input for `-`.

    Raises:
        InputError: It cannot be read or is no JSON.
        UsageError: Standard input is the user's keyboard.
    """
    from host.planner.document import parse_json

    name = "standard input" if path == _STANDARD_INPUT else str(path)
    try:
        text = _standard_input() if path == _STANDARD_INPUT else path.read_bytes()
    except OSError as error:
        raise InputError(f"cannot read {name}: {error.strerror}") from error
    return parse_json(text, source=name)


def _standard_input() -> bytes:
    if sys.stdin is None or sys.stdin.isatty():
        raise UsageError("- stands for standard input, and nothing is piped into it")
    return sys.stdin.buffer.read()
