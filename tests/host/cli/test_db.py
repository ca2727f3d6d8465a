import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from db.store import Store

if TYPE_CHECKING:
    from tests.host.cli.conftest import Cli


@pytest.fixture
def database(tmp_path: Path) -> Path:
    path = tmp_path / "profiles.sqlite"
    Store.open(path).close()
    return path


def test_info_says_where_and_how_much(cli: "Cli", database: Path) -> None:
    assert str(database) in cli("db", "info", "--db", database).out
    document = cli("db", "info", "--db", database, "--json").document
    assert document["path"] == str(database)
    assert document["rows"]["profiles"] == 0


def test_the_environment_names_the_database_too(
    cli: "Cli", database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STAGELINE_DB", str(database))
    assert cli("db", "info", "--json").document["path"] == str(database)


@pytest.mark.parametrize("verb", ["info", "check", "upgrade"])
def test_a_missing_database_is_not_made_by_looking_at_it(cli: "Cli", tmp_path: Path, verb: str) -> None:
    path = tmp_path / "none.sqlite"
    answer = cli("db", verb, "--db", path, "--json")
    assert answer.code == 8
    assert answer.document["error"]["code"] == "database"
    assert not path.exists()


def test_check_of_a_sound_database_is_brief(cli: "Cli", database: Path) -> None:
    assert "is sound" in cli("db", "check", "--db", database).out
    assert cli("db", "check", "--db", database, "--json").document["problems"] == []


def test_a_file_that_is_no_database_is_refused(cli: "Cli", tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("no database at all, but long enough to have a header" * 20)
    answer = cli("db", "check", "--db", path)
    assert answer.code == 8
    assert str(path) in answer.err
    assert "Traceback" not in answer.err


def test_a_directory_is_no_database(cli: "Cli", tmp_path: Path) -> None:
    answer = cli("db", "info", "--db", tmp_path)
    assert answer.code == 8
    assert "Traceback" not in answer.err


def test_upgrade_of_a_current_database_changes_nothing(cli: "Cli", database: Path) -> None:
    assert "already" in cli("db", "upgrade", "--db", database).out
    document = cli("db", "upgrade", "--db", database, "--json").document
    assert document["before"] == document["after"]


def test_backup_makes_a_usable_copy(cli: "Cli", database: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy.sqlite"
    answer = cli("db", "backup", copy, "--db", database, "--json")
    assert answer.code == 0
    assert answer.document["size_bytes"] == copy.stat().st_size
    assert cli("db", "check", "--db", copy).code == 0


def test_backup_never_overwrites(cli: "Cli", database: Path) -> None:
    answer = cli("db", "backup", database, "--db", database)
    assert answer.code == 8
    assert "exists" in answer.err


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_backup_into_a_protected_folder_is_refused(cli: "Cli", database: Path, tmp_path: Path) -> None:
    protected = tmp_path / "protected"
    protected.mkdir(mode=0o500)
    assert cli("db", "backup", protected / "copy.sqlite", "--db", database).code == 8
