"""Taking columns out of JSON documents, with errors that say where one does not fit."""

from collections.abc import Mapping, Sequence
from typing import Any

from db.errors import RecordError


def text(document: Mapping[str, Any], key: str, where: str) -> str:
    """A field that holds text.

    Raises:
        RecordError: It is missing or something else; so for all functions of this module.
    """
    value = _required(document, key, where)
    if not isinstance(value, str):
        raise _wrong(where, key, "text", value)
    return value


def number(document: Mapping[str, Any], key: str, where: str) -> float:
    """A field that holds a number."""
    value = _required(document, key, where)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _wrong(where, key, "a number", value)
    return float(value)


def optional_number(document: Mapping[str, Any], key: str, where: str) -> float | None:
    """A field that holds a number, or nothing where that is unknown."""
    return None if document.get(key) is None else number(document, key, where)


def count(document: Mapping[str, Any], key: str, where: str) -> int:
    """A field that holds a whole number."""
    value = _required(document, key, where)
    if isinstance(value, bool) or not isinstance(value, int):
        raise _wrong(where, key, "a whole number", value)
    return value


def items(document: Mapping[str, Any], key: str, where: str) -> Sequence[Any]:
    """A field that holds a list with something in it."""
    value = _required(document, key, where)
    if not isinstance(value, list | tuple) or not value:
        raise _wrong(where, key, "a list that is not empty", value)
    return value


def _required(document: Mapping[str, Any], key: str, where: str) -> Any:
    if not isinstance(document, Mapping):
        raise RecordError(f"{where} cannot be stored: expected an object, found {document!r}")
    if key not in document:
        raise RecordError(f"{where} cannot be stored: it has no {key!r}")
    return document[key]


def _wrong(where: str, key: str, expected: str, value: object) -> RecordError:
    return RecordError(f"{where} cannot be stored: expected {expected} as {key!r}, found {value!r}")
