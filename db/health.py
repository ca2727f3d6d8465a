"""What the database says about itself, and copies of it."""

import os
import sqlite3
from pathlib import Path

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from db.errors import DiskError, LocationError
from db.failures import primary_code
from db.location import Location
from db.records import DatabaseInfo
from db.schema import row_counts, version_of

_JSON_COLUMNS = (
    ("boards", "description_json"),
    ("models", "graph_json"),
    ("environments", "target_json"),
    ("profiles", "samples"),
    ("profiles", "candidates_json"),
    ("plans", "document_json"),
    ("deployments", "measured_json"),
)

_COPY_HINT = "check that the folder is there, may be written and has room"


def information(connection: Connection, location: Location) -> DatabaseInfo:
    """Where the database is and how much it holds."""
    return DatabaseInfo(
        path=location.path,
        schema_version=str(version_of(connection, location)),
        sqlite_version=sqlite3.sqlite_version,
        size_bytes=location.path.stat().st_size,
        journal_mode=connection.exec_driver_sql("PRAGMA journal_mode").scalar_one(),
        counts=row_counts(connection),
    )


def problems(connection: Connection) -> tuple[str, ...]:
    """What is wrong with the database: its pages and indexes, its references, its documents."""
    try:
        return (*_structure(connection), *_references(connection), *_documents(connection))
    except DBAPIError as error:
        # A page too damaged to be read ends the search, but is a finding like the others.
        if not isinstance(error.orig, sqlite3.Error) or primary_code(error.orig) != sqlite3.SQLITE_CORRUPT:
            raise
        return (f"unreadable: {error.orig}",)


def copy(connection: sqlite3.Connection, destination: Path) -> None:
    """Writes a compact copy, complete under its final name or not there at all.

    Raises:
        LocationError: Something stands at the destination already.
        DiskError: The copy cannot be written.
    """
    if destination.exists():
        raise LocationError(f"{destination} exists already", hint="choose another name for the copy")
    partial = destination.with_name(f".{destination.name}.{os.getpid()}.partial")
    try:
        connection.execute("VACUUM INTO ?", (str(partial),))
        _synchronise(partial)
        partial.rename(destination)
        _synchronise(destination.parent)
    except (OSError, sqlite3.OperationalError) as error:
        raise DiskError(f"the copy {destination} could not be written ({error})", hint=_COPY_HINT) from error
    finally:
        partial.unlink(missing_ok=True)


def _structure(connection: Connection) -> list[str]:
    lines = connection.exec_driver_sql("PRAGMA integrity_check").scalars().all()
    return [] if lines == ["ok"] else [f"structure: {line}" for line in lines]


def _references(connection: Connection) -> list[str]:
    rows = connection.exec_driver_sql("PRAGMA foreign_key_check").all()
    return [
        f"reference: row {row[1]} of {row[0]} refers to a row of {row[2]} that is not there" for row in rows
    ]


def _documents(connection: Connection) -> list[str]:
    found = []
    for table, column in _JSON_COLUMNS:
        statement = f"SELECT id FROM {table} WHERE {column} IS NOT NULL AND NOT json_valid({column})"
        found += [
            f"document: {column} of row {row} of {table} is no JSON"
            for row in connection.exec_driver_sql(statement).scalars()
        ]
    return found


def _synchronise(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
