"""Reading the fields of a document: every refusal is one sentence that says where."""

import json
import math
from collections.abc import Iterable
from typing import Final

from host.errors import InputError
from host.planner.document import path_text

Path = tuple[str | int, ...]

_LONGEST: Final = 60


class Record:
    """An object of a document whose keys are known.

    Args:
        value: What stands in the document.
        path: Where it stands.
        required: Keys that must be there.
        optional: Keys that may be there.

    Raises:
        InputError: It is no object, lacks a key or has an unknown one.
    """

    __slots__ = ("_fields", "_path")

    def __init__(
        self, value: object, path: Path, required: frozenset[str], optional: frozenset[str] = frozenset()
    ) -> None:
        self._path = path
        self._fields = as_object(value, path)
        if unknown := self._fields.keys() - required - optional:
            raise InputError(f"{self._prefix()}unknown key {shown(min(unknown, key=str))}")
        if missing := required - self._fields.keys():
            raise InputError(f"{self._prefix()}the key {shown(min(missing))} is missing")

    @property
    def here(self) -> str:
        """Where the object stands, such as `costs[3]`."""
        return path_text(self._path)

    def where(self, key: str) -> str:
        """The place of a field, such as `costs[3].latency_us`."""
        return path_text((*self._path, key))

    def refuse(self, key: str, reason: str) -> InputError:
        """The error for a field whose value does not fit the rest: `costs[3].layer is "x", and ...`."""
        return InputError(f"{self.where(key)} is {shown(self._fields.get(key))}{reason}")

    def is_null(self, key: str) -> bool:
        """Whether a field is null or missing."""
        return self._fields.get(key) is None

    def record(self, key: str, required: frozenset[str], optional: frozenset[str] = frozenset()) -> "Record":
        """A field that must be an object."""
        return Record(self._fields.get(key), (*self._path, key), required, optional)

    def text(self, key: str) -> str:
        """A field that must be a name: printable and not empty."""
        return as_text(self._fields.get(key), (*self._path, key))

    def number(self, key: str) -> float:
        """A field that must be a finite number, not negative."""
        value = self._fields.get(key)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self.refuse(key, ", not a number")
        return self._checked(key, value)

    def positive(self, key: str) -> float:
        """A field that must be a finite number above zero."""
        number = self.number(key)
        if number == 0:
            raise self.refuse(key, "; it must be more than zero")
        return number

    def number_or_none(self, key: str) -> float | None:
        """A number as above; None when it is null or missing."""
        return None if self._fields.get(key) is None else self.number(key)

    def whole(self, key: str, *, minimum: int = 0) -> int:
        """A field that must be a whole number of at least `minimum`."""
        number = self.number(key)
        if not number.is_integer():
            raise self.refuse(key, ", not a whole number")
        value = self._fields[key]
        exact = value if isinstance(value, int) else int(number)
        if exact < minimum:
            raise self.refuse(key, f"; it must be at least {minimum}")
        return exact

    def items(self, key: str) -> list[tuple[Path, object]]:
        """The entries of a field that must be a list, each with its place; none when it is missing."""
        if key not in self._fields:
            return []
        value = self._fields[key]
        if not isinstance(value, list | tuple):
            raise self.refuse(key, ", not a list")
        return [((*self._path, key, index), item) for index, item in enumerate(value)]

    def records(
        self, key: str, required: frozenset[str], optional: frozenset[str] = frozenset()
    ) -> "list[Record]":
        """The entries of a field that must be a list of objects."""
        return [Record(item, path, required, optional) for path, item in self.items(key)]

    def texts(self, key: str) -> tuple[str, ...]:
        """The entries of a field that must be a list of names."""
        return tuple(as_text(item, path) for path, item in self.items(key))

    def text_map(self, key: str) -> dict[str, str]:
        """A field that must be an object from names to names; empty when it is missing."""
        path = (*self._path, key)
        if key not in self._fields:
            return {}
        fields = as_object(self._fields[key], path)
        return {as_text(name, path): as_text(value, (*path, name)) for name, value in fields.items()}

    def _checked(self, key: str, value: float) -> float:
        try:
            number = float(value)
        except OverflowError:
            number = math.inf
        if not math.isfinite(number):
            raise self.refuse(key, ", not a finite number")
        if number < 0:
            raise self.refuse(key, "; it must not be negative")
        return number

    def _prefix(self) -> str:
        return f"{path_text(self._path)}: " if self._path else ""


def check_schema(document: object, expected: str) -> None:
    """Refuses a document of another kind or version, before anything else is said about it."""
    found = as_object(document, ()).get("schema")
    if found != expected:
        raise InputError(f'schema is {shown(found)}; this version reads "{expected}"')


def as_object(value: object, path: Path) -> dict[str, object]:
    """A value that must be a JSON object."""
    if not isinstance(value, dict):
        raise InputError(f"{path_text(path) or 'the document'} is {shown(value)}, not an object")
    return value


def as_text(value: object, path: Path) -> str:
    """A value that must be a name."""
    if not isinstance(value, str):
        raise InputError(f"{path_text(path)} is {shown(value)}, not text")
    if not value or not value.isprintable():
        raise InputError(f"{path_text(path)} is {shown(value)}; a name must be printable and not empty")
    return value


def refuse_repeated(names: Iterable[tuple[str, object]]) -> None:
    """Refuses something that stands twice.

    Args:
        names: For each thing its place and what must be different.
    """
    seen: dict[object, str] = {}
    for where, name in names:
        if name in seen:
            raise InputError(f"{where} repeats {seen[name]}")
        seen[name] = where


def shown(value: object) -> str:
    """A value as it stands in JSON, cut to one short line."""
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, list | tuple):
        return "a list"
    if value is None or isinstance(value, str | bool | float):
        text = json.dumps(value)
        return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."
    if isinstance(value, int):
        return str(value) if abs(value) < 10**30 else "a number of more than 30 digits"
    return f"a Python {type(value).__name__}"
