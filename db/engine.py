"""Connections to the database: durable, references enforced, transactions whole or not at all."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, Engine, NullPool, QueuePool, create_engine, event

from db.failures import explained, primary_code
from db.location import Location

BUSY_TIMEOUT_S = 10.0
"""How long a transaction waits for another process before it gives up."""

_BEGIN = "stageline_begin"


def connect(location: Location, *, busy_timeout_s: float = BUSY_TIMEOUT_S) -> Engine:
    """An engine for everyday work: write-ahead log, full synchronisation, foreign keys enforced."""
    return _engine(location, busy_timeout_s, for_migration=False)


def connect_for_migration(location: Location, *, busy_timeout_s: float = BUSY_TIMEOUT_S) -> Engine:
    """An engine that does not enforce foreign keys.

    Alembic changes a table by copying, dropping and renaming it; with foreign keys on, the drop would
    silently cascade to every row that refers to the table. Whoever migrates checks the references before
    committing. Renaming would also fail wherever a view names the dropped table, unless SQLite is told not to
    look at views (https://sqlite.org/pragma.html#pragma_legacy_alter_table).
    """
    return _engine(location, busy_timeout_s, for_migration=True)


@contextmanager
def reading(engine: Engine, location: Location) -> Iterator[Connection]:
    """A transaction that sees one consistent state of the database."""
    with explained(location), engine.connect() as connection:
        yield connection


@contextmanager
def writing(engine: Engine, location: Location) -> Iterator[Connection]:
    """A transaction that has the write lock from its start, and so cannot fail half-way for want of it."""
    with explained(location), engine.connect() as connection:
        immediate = connection.execution_options(**{_BEGIN: "IMMEDIATE"})
        with immediate.begin():
            yield immediate


@contextmanager
def outside_transaction(engine: Engine, location: Location) -> Iterator[sqlite3.Connection]:
    """SQLite's own connection, for the few statements that refuse to run in a transaction."""
    with explained(location), engine.connect() as connection:
        raw = connection.connection.dbapi_connection
        if not isinstance(raw, sqlite3.Connection):
            raise TypeError(f"expected an SQLite connection, found {type(raw).__name__}")
        yield raw


def _engine(location: Location, busy_timeout_s: float, *, for_migration: bool) -> Engine:
    pool = NullPool if for_migration else QueuePool
    engine = create_engine(location.url, connect_args={"timeout": busy_timeout_s}, poolclass=pool)
    references, legacy = ("OFF", "ON") if for_migration else ("ON", "OFF")

    def prepare(connection: sqlite3.Connection, _record: object) -> None:
        # Transactions begin where `_begin` says: Python's wrapper leaves table definitions outside of them.
        connection.isolation_level = None
        _use_write_ahead_log(connection)
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute(f"PRAGMA foreign_keys = {references}")
        connection.execute(f"PRAGMA legacy_alter_table = {legacy}")

    event.listen(engine, "connect", prepare)
    event.listen(engine, "begin", _begin)
    return engine


def _use_write_ahead_log(connection: sqlite3.Connection) -> None:
    """Switches the log on; where that is impossible, the rollback journal is as safe, only slower."""
    try:
        connection.execute("PRAGMA journal_mode = WAL")
    except sqlite3.OperationalError as error:
        if primary_code(error) not in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_READONLY):
            raise


def _begin(connection: Connection) -> None:
    connection.exec_driver_sql(f"BEGIN {connection.get_execution_options().get(_BEGIN, 'DEFERRED')}")
