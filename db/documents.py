"""JSON documents and instants as the database holds them: text that people and SQLite can read."""

import json
import textwrap
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from db.errors import DamagedError, RecordError


def encode(document: object) -> str:
    """The JSON text of a document, its keys in their own order.

    Raises:
        RecordError: It holds a number that is not finite, or something that JSON has no word for.
    """
    return _dump(document, sort_keys=False)


def canonical(document: object) -> str:
    """The one JSON text of a document, whatever the order of its keys: what a fingerprint is taken of.

    Raises:
        RecordError: As for `encode`.
    """
    return _dump(document, sort_keys=True)


def decode(text: str) -> Any:
    """The document that `encode` wrote.

    Raises:
        DamagedError: The text is no JSON.
    """
    try:
        return json.loads(text)
    except ValueError as error:
        raise _damaged("a document", text) from error


def instant_text(instant: datetime) -> str:
    """An instant in UTC to the millisecond: all of one width, so that text order is time order.

    Raises:
        RecordError: The instant has no time zone.
    """
    if instant.tzinfo is None:
        raise RecordError(f"the time {instant} has no time zone")
    return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{instant.microsecond // 1000:03d}Z"


def instant(text: str) -> datetime:
    """The instant that `instant_text` wrote.

    Raises:
        DamagedError: The text is no time.
    """
    try:
        return datetime.fromisoformat(text)
    except ValueError as error:
        raise _damaged("a time", text) from error


def _dump(document: object, *, sort_keys: bool) -> str:
    try:
        return json.dumps(
            document,
            sort_keys=sort_keys,
            separators=(",", ":"),
            allow_nan=False,
            ensure_ascii=False,
            default=_plain,
        )
    except (TypeError, ValueError) as error:
        raise RecordError(f"the document cannot be stored as JSON: {error}") from error


def _damaged(what: str, text: str) -> DamagedError:
    shown = textwrap.shorten(text, width=60)
    return DamagedError(f"the database holds {shown!r} instead of {what}", hint="run `host db check`")


def _plain(value: object) -> dict[Any, Any]:
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"{type(value).__name__} {value!r} is no JSON value")
