"""Checks find damage; backups are complete or absent."""

import sqlite3
from pathlib import Path
from typing import Any

import pytest

from db.errors import DamagedError, DiskError, LocationError
from db.store import Store

PAGE_BYTES = 4096


def test_info_counts_what_is_stored(store: Store, path: Path, samples: Any) -> None:
    samples.fill(store)

    info = store.info()

    assert (info.path, info.journal_mode) == (path, "wal")
    assert dict(info.counts) == {
        "boards": 1,
        "processors": 2,
        "models": 1,
        "layers": 3,
        "environments": 2,
        "profiles": 6,
        "plans": 1,
        "plan_stages": 2,
        "deployments": 1,
        "deployment_stages": 2,
        "tuning_records": 1,
        "energies": 1,
        "idle_powers": 1,
    }
    assert info.size_bytes == path.stat().st_size


def test_sound_database_has_no_problems(store: Store, samples: Any) -> None:
    samples.fill(store)

    report = store.check()

    assert report.is_sound
    assert report.problems == ()


def test_check_finds_broken_reference(store: Store, path: Path, samples: Any) -> None:
    samples.fill(store)
    tamper(path, "DELETE FROM boards")

    problems = store.check().problems

    assert any("reference: row" in problem and "boards" in problem for problem in problems)


@pytest.mark.parametrize("column", ["samples", "candidates_json"])
def test_check_finds_unreadable_document(store: Store, path: Path, samples: Any, column: str) -> None:
    samples.fill(store)
    tamper(path, f"UPDATE profiles SET {column} = '[1.0,' WHERE id = 1")

    assert store.check().problems == (f"document: {column} of row 1 of profiles is no JSON",)
    with pytest.raises(DamagedError, match=r"holds '\[1\.0,'"):
        store.profiles()


def test_check_finds_damaged_pages(store: Store, path: Path, samples: Any) -> None:
    samples.fill(store)
    store.close()
    scribble(path, root_page(path, "profiles"))

    with Store.open(path) as damaged:
        report = damaged.check()
        with pytest.raises(DamagedError, match="is damaged"):
            damaged.profiles()

    assert not report.is_sound


def test_backup_opens_like_the_original(store: Store, samples: Any, tmp_path: Path) -> None:
    plan_id = samples.fill(store)

    store.backup(tmp_path / "copy.sqlite")

    with Store.open(tmp_path / "copy.sqlite", create=False) as copy:
        assert copy.check().is_sound
        assert copy.plan(plan_id) == store.plan(plan_id)
        assert copy.profiles() == store.profiles()


def test_backup_works_while_another_process_writes(
    store: Store, path: Path, samples: Any, tmp_path: Path
) -> None:
    samples.fill(store)
    writer = sqlite3.connect(path, isolation_level=None)
    writer.execute("BEGIN IMMEDIATE")
    writer.execute("DELETE FROM profiles")

    store.backup(tmp_path / "copy.sqlite")

    writer.execute("ROLLBACK")
    writer.close()
    with Store.open(tmp_path / "copy.sqlite", create=False) as copy:
        assert copy.info().counts == store.info().counts


def test_backup_overwrites_nothing(store: Store, tmp_path: Path) -> None:
    (tmp_path / "copy.sqlite").write_text("precious")

    with pytest.raises(LocationError, match="exists already"):
        store.backup(tmp_path / "copy.sqlite")

    assert (tmp_path / "copy.sqlite").read_text() == "precious"


def test_backup_that_fails_leaves_nothing_behind(store: Store, tmp_path: Path) -> None:
    with pytest.raises(DiskError, match="could not be written"):
        store.backup(tmp_path / "missing" / "copy.sqlite")

    assert [
        entry.name for entry in tmp_path.iterdir() if "copy" in entry.name or "missing" in entry.name
    ] == []


def tamper(path: Path, statement: str) -> None:
    """Changes the database behind the store's back, without its rules."""
    connection = sqlite3.connect(path)
    with connection:
        connection.execute(statement)
    connection.close()


def root_page(path: Path, table: str) -> int:
    """Number of the page on which a table begins."""
    connection = sqlite3.connect(path)
    (page,) = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = ?", (table,)).fetchone()
    connection.close()
    return int(page)


def scribble(path: Path, page: int) -> None:
    """Overwrites a page of the file."""
    with path.open("r+b") as file:
        file.seek((page - 1) * PAGE_BYTES)
        file.write(b"\xa5" * PAGE_BYTES)
