"""SQLite's failures as this package's errors."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError

from db.errors import (
    DamagedError,
    DatabaseError,
    DiskError,
    DiskFullError,
    LockedError,
    ReadOnlyError,
    RecordError,
)
from db.location import Location

_PRIMARY = 0xFF
"""SQLite's extended result codes carry the primary one in their low byte (https://sqlite.org/rescode.html)."""


@contextmanager
def explained(location: Location) -> Iterator[None]:
    """Turns whatever SQLite reports inside the block into a `DatabaseError` that says what to do."""
    try:
        yield
    except DBAPIError as error:
        if not isinstance(error.orig, sqlite3.Error):
            raise
        raise explain(error.orig, location) from error
    except sqlite3.Error as error:
        raise explain(error, location) from error


def primary_code(error: sqlite3.Error) -> int:
    """SQLite's primary result code, 0 where Python's wrapper raised the error itself."""
    return getattr(error, "sqlite_errorcode", 0) & _PRIMARY


def explain(error: sqlite3.Error, location: Location) -> DatabaseError:
    """The error that tells a user what an SQLite failure means for this database."""
    if explanation := _EXPLANATIONS.get(primary_code(error)):
        kind, message, hint = explanation
        return kind(message.format(path=location.path, error=error), hint=hint)
    hint = f"run `{location.command('check')}`"
    return DatabaseError(f"the database {location.path} failed: {error}", hint=hint)


_LOCKED = (LockedError, "the database {path} is locked by another process", "try again when it has finished")
_READ_ONLY = (
    ReadOnlyError,
    "the database {path} may not be written",
    "check the permissions of the file and of its folder",
)
_DAMAGED = (
    DamagedError,
    "{path} is damaged or is no SQLite database ({error})",
    "restore a backup, or choose another file with --db",
)
_UNREACHABLE = (
    DiskError,
    "the database {path} cannot be opened or read ({error})",
    "check that the path is right and the disk is sound",
)
_FULL = (
    DiskFullError,
    "there is no room left for the database {path}",
    "free some space, then try again: nothing that was stored before is lost",
)
_REFUSED = (RecordError, "the database {path} refused a record ({error})", "")

_EXPLANATIONS: dict[int, tuple[type[DatabaseError], str, str]] = {
    sqlite3.SQLITE_BUSY: _LOCKED,
    sqlite3.SQLITE_LOCKED: _LOCKED,
    sqlite3.SQLITE_FULL: _FULL,
    sqlite3.SQLITE_READONLY: _READ_ONLY,
    sqlite3.SQLITE_PERM: _READ_ONLY,
    sqlite3.SQLITE_AUTH: _READ_ONLY,
    sqlite3.SQLITE_CORRUPT: _DAMAGED,
    sqlite3.SQLITE_NOTADB: _DAMAGED,
    sqlite3.SQLITE_CANTOPEN: _UNREACHABLE,
    sqlite3.SQLITE_IOERR: _UNREACHABLE,
    sqlite3.SQLITE_CONSTRAINT: _REFUSED,
}
