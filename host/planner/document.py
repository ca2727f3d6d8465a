"""JSON text to a plain document; whatever JSON leaves open is refused with the place where it stands."""

import json
import math
import re
from collections.abc import Iterator
from typing import Any, Final

from host.errors import InputError

_DEEPEST: Final = 100
_BRACKET_OR_STRING: Final = re.compile(r'"(?:\\.|[^"\\])*"|[\[\]{}]', re.DOTALL)
_ENDLESS_NUMBER: Final = re.compile(r"\d{1000,}")


def parse_json(text: str | bytes, *, source: str = "the document") -> object:
    """Reads one JSON document.

    Args:
        text: The text; bytes are UTF-8.
        source: What the text is called in messages, such as a file's name.

    Raises:
        InputError: The text is not UTF-8 or not JSON, an object has a key twice, or a number is NaN or
            infinite.
    """
    plain = _decoded(text, source)
    reader = _Reader()
    try:
        document = json.loads(plain, object_pairs_hook=reader.fields, parse_constant=reader.constant)
    except json.JSONDecodeError as error:
        raise InputError(f"{source}, {_place(plain, error.pos)}: {_sentence(error.msg)}") from error
    except RecursionError as error:
        raise InputError(
            f"{source}, {_place(plain, _too_deep(plain))}: nested more than {_DEEPEST} levels deep"
        ) from error
    except ValueError as error:
        number = _ENDLESS_NUMBER.search(plain)
        raise InputError(
            f"{source}, {_place(plain, number.start() if number else 0)}: a number has too many digits"
        ) from error
    reader.refuse_faults(document, source)
    return document


def path_text(path: tuple[str | int, ...]) -> str:
    """A place in a document as people write it: `costs[3].latency_us`; empty for the document itself."""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).removeprefix(".")


class _Reader:
    """Notes the faults that `json` passes over; their paths are only looked for when there are any."""

    def __init__(self) -> None:
        self._repeated: list[tuple[dict[str, Any], str]] = []
        self._has_constant = False

    def fields(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        """An object, noted when a key stands in it twice."""
        fields = dict(pairs)
        if len(fields) < len(pairs):
            names = [name for name, _ in pairs]
            self._repeated.append((fields, next(name for name in names if names.count(name) > 1)))
        return fields

    def constant(self, word: str) -> float:
        """NaN or an infinity, which are not JSON."""
        self._has_constant = True
        return float(word)

    def refuse_faults(self, document: object, source: str) -> None:
        """Raises an error for the first fault."""
        keys = {id(fields): key for fields, key in self._repeated}
        if not keys and not self._has_constant:
            return
        for path, value in _walk(document):
            where = f"{source}, {path_text(path)}" if path else source
            if id(value) in keys:
                raise InputError(f'{where}: the key "{keys[id(value)]}" stands there twice')
            if not keys and isinstance(value, float) and not math.isfinite(value):
                raise InputError(f"{where} is {_constant_name(value)}, not a finite number")


def _decoded(text: str | bytes, source: str) -> str:
    if isinstance(text, str):
        return text.removeprefix("\ufeff")
    try:
        return text.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{source} is not UTF-8 text: byte {error.start} cannot be read") from error


def _walk(document: object) -> Iterator[tuple[tuple[str | int, ...], object]]:
    waiting: list[tuple[tuple[str | int, ...], object]] = [((), document)]
    while waiting:
        path, value = waiting.pop()
        yield path, value
        inside: list[tuple[str | int, object]] = []
        if isinstance(value, dict):
            inside = list(value.items())
        elif isinstance(value, list):
            inside = list(enumerate(value))
        waiting.extend(((*path, key), item) for key, item in reversed(inside))


def _too_deep(text: str) -> int:
    depth = 0
    for match in _BRACKET_OR_STRING.finditer(text):
        bracket = match.group()
        depth += (bracket in "[{") - (bracket in "]}")
        if depth > _DEEPEST:
            return match.start()
    return 0


def _place(text: str, index: int) -> str:
    line = text.count("\n", 0, index) + 1
    return f"line {line}, column {index - text.rfind(chr(10), 0, index)}"


def _sentence(message: str) -> str:
    return message[:1].lower() + message[1:]


def _constant_name(value: float) -> str:
    if math.isnan(value):
        return "NaN"
    return "Infinity" if value > 0 else "-Infinity"
