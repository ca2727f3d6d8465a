"""The schema's version: reading it, making a new database, upgrading an old one.

Reading is plain SQL, because loading Alembic would take longer than all else that opening does.
"""

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Connection
from sqlalchemy.exc import OperationalError

from db.engine import connect_for_migration, writing
from db.errors import DamagedError, ForeignFileError, MigrationError, VersionMismatchError
from db.failures import primary_code
from db.location import Location

APPLICATION_ID = 0x53544C4E
"""Marks an SQLite file as Stageline's, `STLN` in its header (https://sqlite.org/fileformat2.html#application_id)."""

VERSIONS = ("0001", "0002", "0003", "0004")
"""Every released version of the schema, oldest first; the last is the one that this program works with."""

CURRENT = VERSIONS[-1]

SCRIPTS = "db:migrations"
"""Where Alembic finds the migrations, also in an installed wheel."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Migrations:
    """A history of schemas.

    Attributes:
        scripts: Alembic's script location.
        versions: Folders with the migrations, as Alembic takes them; empty for the location's own.
        target: The version to reach.
    """

    scripts: str = SCRIPTS
    versions: str = ""
    target: str = CURRENT


def version_of(connection: Connection, location: Location) -> str | None:
    """The version of a database; None for one that is still empty.

    Raises:
        ForeignFileError: It is a database of something else.
        DamagedError: It does not say its version.
    """
    if connection.exec_driver_sql("PRAGMA application_id").scalar_one() == APPLICATION_ID:
        version = connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar()
        if version is None:
            raise DamagedError(f"{location.path} does not say its version", hint="restore a backup")
        return str(version)
    if connection.exec_driver_sql("SELECT count(*) FROM sqlite_master").scalar_one() == 0:
        return None
    raise ForeignFileError(
        f"{location.path} is a database of another program, not Stageline's",
        hint="choose another file with --db",
    )


def require_current(version: str, location: Location) -> None:
    """Refuses a database that this program cannot work with.

    Raises:
        VersionMismatchError: The version is older, or one that this program does not know.
    """
    if version == CURRENT:
        return
    message = f"the database {location.path} has schema version {version} and this program needs {CURRENT}"
    if version in VERSIONS:
        message += f": run `{location.command('upgrade')}`"
        hint = "nothing was changed"
    else:
        message += ": a newer Stageline made it"
        hint = "run `pip install --upgrade stageline`, or choose another file with --db; nothing was changed"
    raise VersionMismatchError(message, hint=hint, found=version, needed=CURRENT)


def migrate(location: Location, *, busy_timeout_s: float, migrations: Migrations | None = None) -> str | None:
    """Brings a database to the newest version, an empty one too; whole or not at all, whatever interrupts it.

    Returns:
        The version before; None for an empty database.

    Raises:
        VersionMismatchError: A newer program made it.
        MigrationError: A migration failed, lost rows or left broken references; the database is as before.
    """
    steps = migrations or Migrations()
    engine = connect_for_migration(location, busy_timeout_s=busy_timeout_s)
    try:
        with writing(engine, location) as connection:
            before = version_of(connection, location)
            if before == steps.target:
                return before
            if before is not None and before not in VERSIONS:
                require_current(before, location)
            _apply(connection, steps, location)
            return before
    finally:
        engine.dispose()


def row_counts(connection: Connection) -> dict[str, int]:
    """Number of rows of each of our tables."""
    names = connection.exec_driver_sql(
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite!_%' ESCAPE '!'"
        " AND name <> 'alembic_version' ORDER BY name"
    ).scalars()
    return {
        name: connection.exec_driver_sql(f'SELECT count(*) FROM "{name}"').scalar_one()
        for name in list(names)
    }


def _apply(connection: Connection, steps: Migrations, location: Location) -> None:
    rows_before = row_counts(connection)
    try:
        _run_alembic(connection, steps)
    except OperationalError as error:
        # A full disk speaks for itself; what is left is a statement that does not fit the database.
        if not isinstance(error.orig, sqlite3.Error) or primary_code(error.orig) != sqlite3.SQLITE_ERROR:
            raise
        raise MigrationError(
            f"migrating {location.path} to {steps.target} failed and was undone: {error.orig}"
        ) from error
    _require_rows_kept(rows_before, row_counts(connection), location)
    broken = connection.exec_driver_sql("PRAGMA foreign_key_check").all()
    if broken:
        tables = ", ".join(sorted({row[0] for row in broken}))
        raise MigrationError(
            f"migrating {location.path} would leave {len(broken)} broken references in {tables}; undone"
        )
    connection.exec_driver_sql(f"PRAGMA application_id = {APPLICATION_ID}")


def _run_alembic(connection: Connection, steps: Migrations) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", steps.scripts)
    if steps.versions:
        config.set_main_option("version_locations", steps.versions)
        config.set_main_option("path_separator", "os")
    command.upgrade(config, steps.target)


def _require_rows_kept(before: Mapping[str, int], after: Mapping[str, int], location: Location) -> None:
    for table, rows in before.items():
        if table in after and after[table] < rows:
            lost = rows - after[table]
            raise MigrationError(
                f"migrating {location.path} would lose {lost} of {rows} rows of {table}; undone"
            )
