"""A database is made where there is none; one that cannot be used is refused and left alone."""

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from db import schema
from db.errors import (
    DamagedError,
    DatabaseError,
    DiskError,
    DiskFullError,
    ForeignFileError,
    LocationError,
    LockedError,
    MissingError,
    ReadOnlyError,
    RecordError,
    VersionMismatchError,
)
from db.failures import explained
from db.location import Location
from db.store import Store


def execute(path: Path, *statements: str) -> None:
    """Runs statements on a database from outside."""
    connection = sqlite3.connect(path, isolation_level=None)
    for statement in statements:
        connection.execute(statement)
    connection.close()


def test_database_and_its_folders_are_made(tmp_path: Path) -> None:
    path = tmp_path / "new" / "folder" / "stageline.sqlite"

    with Store.open(path) as store:
        assert store.info().schema_version == schema.CURRENT

    assert path.exists()


def test_what_was_stored_is_there_after_opening_again(path: Path, samples: Any) -> None:
    with Store.open(path) as store:
        store.put_board(samples.board())

    with Store.open(path, create=False) as store:
        assert store.find_board("tx2") is not None


def test_writes_are_durable_and_references_enforced(store: Store, path: Path) -> None:
    engine = store._engine
    with engine.connect() as connection:
        pragmas = [connection.exec_driver_sql(f"PRAGMA {name}").scalar_one() for name in PRAGMAS]

    assert dict(zip(PRAGMAS, pragmas, strict=True)) == PRAGMAS


PRAGMAS = {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}


def test_missing_database_is_not_made_unasked(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "stageline.sqlite"

    with pytest.raises(MissingError, match=str(path)):
        Store.open(path, create=False)

    assert not path.parent.exists()


def test_empty_file_counts_as_missing(path: Path) -> None:
    # A program that was killed while it made the database leaves one.
    path.touch()
    with pytest.raises(MissingError):
        Store.open(path, create=False)

    Store.open(path).close()
    Store.open(path, create=False).close()


@pytest.mark.parametrize(
    "form", ["sqlite:///{path}", "sqlite+pysqlite:///{path}", "sqlite:///file:{path}?uri=true"]
)
def test_url_names_the_same_file_as_its_path(path: Path, samples: Any, form: str) -> None:
    with Store.open(form.format(path=path)) as store:
        store.put_board(samples.board())
        assert store.path == path

    with Store.open(str(path), create=False) as store:
        assert len(store.boards()) == 1


def test_home_folder_may_be_abbreviated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))

    Store.open("~/stageline.sqlite").close()

    assert (tmp_path / "stageline.sqlite").exists()


@pytest.mark.parametrize(
    ("url", "named"),
    [
        (
            "postgresql://user:secret@server/stageline",
            r"postgresql://user:\*\*\*@server/stageline is a postgresql",
        ),
        ("sqlite+aiosqlite:///x.sqlite", "only SQLite files"),
        ("sqlite://", "names no file"),
        ("sqlite:///:memory:", "names no file"),
        ("sqlite:///file:x?mode=memory&uri=true", "names no file"),
        ("://", "no database URL"),
    ],
)
def test_what_is_no_sqlite_file_is_refused(url: str, named: str) -> None:
    with pytest.raises(LocationError, match=named):
        Store.open(url)


def test_older_version_names_the_command_and_is_left_alone(
    store: Store, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.close()
    before = path.read_bytes()
    monkeypatch.setattr(schema, "VERSIONS", ("0001", "0002", "0003", "0004", "0005"))
    monkeypatch.setattr(schema, "CURRENT", "0005")

    with pytest.raises(VersionMismatchError, match=f"run `host db upgrade --db {path}`") as refused:
        Store.open(path)

    assert (refused.value.found, refused.value.needed) == ("0004", "0005")
    assert path.read_bytes() == before


def test_command_can_be_pasted_whatever_the_path() -> None:
    assert Location.parse("my data/it's.sqlite").command("upgrade") == (
        """host db upgrade --db 'my data/it'"'"'s.sqlite'"""
    )


def test_newer_version_asks_for_a_newer_program(store: Store, path: Path) -> None:
    store.close()
    execute(path, "UPDATE alembic_version SET version_num = '0999'")

    with pytest.raises(VersionMismatchError, match="a newer Stageline made it") as opening:
        Store.open(path)
    with pytest.raises(VersionMismatchError):
        Store.upgrade(path)

    assert "pip install --upgrade stageline" in opening.value.hint


@pytest.mark.parametrize("action", [Store.open, Store.upgrade])
def test_database_of_another_program_is_left_alone(path: Path, action: Callable[[Path], object]) -> None:
    execute(path, "CREATE TABLE alembic_version (version_num TEXT)", "CREATE TABLE boards (id INTEGER)")

    with pytest.raises(ForeignFileError, match="another program"):
        action(path)

    with sqlite3.connect(path) as connection:
        tables = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    connection.close()
    assert tables == (2,)


def test_database_without_version_is_damaged(store: Store, path: Path) -> None:
    store.close()
    execute(path, "DELETE FROM alembic_version")

    with pytest.raises(DamagedError, match="does not say its version"):
        Store.open(path)


def test_file_that_is_no_database_is_left_alone(path: Path) -> None:
    path.write_text("weights\n" * 1000)

    with pytest.raises(DamagedError, match="is no SQLite database"):
        Store.open(path)

    assert path.read_text() == "weights\n" * 1000


def test_folder_in_place_of_the_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DiskError, match="cannot be opened"):
        Store.open(tmp_path)


def test_file_in_place_of_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(DiskError, match=r"folder .*file cannot be made"):
        Store.open(tmp_path / "file" / "stageline.sqlite")


def test_locked_database_is_given_up_after_the_timeout(path: Path, samples: Any) -> None:
    with Store.open(path, busy_timeout_s=0.0) as store:
        blocker = sqlite3.connect(path, isolation_level=None)
        blocker.execute("BEGIN IMMEDIATE")

        with pytest.raises(LockedError, match="locked by another process"):
            store.put_board(samples.board())
        assert store.boards() == ()

        blocker.execute("ROLLBACK")
        blocker.close()
        store.put_board(samples.board())


def test_read_only_database_can_be_read(store: Store, path: Path, samples: Any) -> None:
    store.put_board(samples.board())

    with Store.open(f"sqlite:///file:{path}?mode=ro&uri=true") as reader:
        assert len(reader.boards()) == 1
        with pytest.raises(ReadOnlyError, match="may not be written"):
            reader.put_board(samples.board())


def test_full_disk_says_so(tmp_path: Path) -> None:
    location = Location.parse(tmp_path / "small.sqlite")
    connection = sqlite3.connect(location.path)
    connection.execute("CREATE TABLE big (content BLOB)")
    connection.execute("PRAGMA max_page_count = 3")

    with pytest.raises(DiskFullError, match="no room left"), explained(location):
        connection.execute("INSERT INTO big VALUES (zeroblob(100000))")

    connection.close()


def test_unforeseen_failure_is_a_database_error_too(tmp_path: Path) -> None:
    location = Location.parse(tmp_path / "stageline.sqlite")

    with pytest.raises(DatabaseError, match="nonsense") as unforeseen, explained(location):
        sqlite3.connect(":memory:").execute("nonsense")

    assert f"host db check --db {location.path}" in unforeseen.value.hint


def test_constraint_violation_is_a_refused_record(store: Store, samples: Any) -> None:
    twins = samples.board().processors * 2

    with pytest.raises(RecordError, match="UNIQUE constraint failed"):
        store.put_board(samples.board(processors=twins))

    assert store.boards() == ()


def test_opening_an_up_to_date_database_does_not_load_alembic(
    store: Store, path: Path, run_python: Callable[..., str]
) -> None:
    code = "import sys; from db.store import Store; Store.open(sys.argv[1]); print('alembic' in sys.modules)"

    assert run_python(code, str(path)) == "False"
