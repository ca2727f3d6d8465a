"""Migrations are whole or not at all, keep every row, and lead from every release to the tables in use."""

import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

import db
from db import schema
from db.engine import BUSY_TIMEOUT_S, connect, reading
from db.errors import MigrationError
from db.location import Location
from db.schema import Migrations, migrate
from db.store import Store
from db.tables import metadata

ROOT = Path(db.__file__).parents[1]
RELEASED = ROOT / "db" / "migrations" / "versions"
DATA = Path(__file__).parent / "data"

NEXT_VERSION = """
import os, signal
import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade():
    op.create_table("extra", sa.Column("id", sa.Integer, primary_key=True))
    {body}
"""


@pytest.fixture
def next_version(tmp_path: Path) -> Callable[[str], Migrations]:
    """Invents a version 0005 that makes a table and then does something else."""

    def invent(body: str) -> Migrations:
        folder = tmp_path / "versions"
        folder.mkdir()
        (folder / "0005_next.py").write_text(NEXT_VERSION.format(body=body))
        return Migrations(versions=f"{RELEASED}:{folder}", target="0005")

    return invent


def dump(path: Path) -> list[str]:
    """The whole database as SQL."""
    connection = sqlite3.connect(path)
    lines = list(connection.iterdump())
    connection.close()
    return lines


def apply(path: Path, migrations: Migrations) -> str | None:
    """Migrates a database."""
    return migrate(Location.parse(path), busy_timeout_s=BUSY_TIMEOUT_S, migrations=migrations)


def test_program_knows_exactly_the_packaged_versions() -> None:
    config = Config()
    config.set_main_option("script_location", schema.SCRIPTS)
    scripts = ScriptDirectory.from_config(config)

    revisions = [script.revision for script in scripts.walk_revisions()]

    assert tuple(reversed(revisions)) == schema.VERSIONS
    assert scripts.get_heads() == [schema.CURRENT]


def test_migrations_lead_to_the_tables_in_use(store: Store, path: Path) -> None:
    location = Location.parse(path)
    with reading(connect(location), location) as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []


@pytest.mark.parametrize("version", schema.VERSIONS)
def test_database_of_every_released_version_is_upgraded_and_used(
    version: str, tmp_path: Path, store: Store, samples: Any
) -> None:
    old = Path(shutil.copy(DATA / f"schema_{version}.sqlite", tmp_path / "old.sqlite"))

    report = Store.upgrade(old)

    assert (report.before, report.after) == (version, schema.CURRENT)
    assert report.is_changed == (version != schema.CURRENT)
    samples.fill(store, is_scheduled=version != "0001", has_energy=version > "0002")
    with Store.open(old, create=False) as upgraded:
        assert upgraded.check().is_sound
        assert upgraded.profiles() == store.profiles()
        assert upgraded.plans() == store.plans()
        assert upgraded.find_board("tx2") == store.find_board("tx2")
        assert upgraded.find_model_by_name("tinynet") == store.find_model_by_name("tinynet")


def test_upgraded_database_has_the_schema_of_a_new_one(tmp_path: Path, store: Store, path: Path) -> None:
    old = Path(shutil.copy(DATA / f"schema_{schema.VERSIONS[0]}.sqlite", tmp_path / "old.sqlite"))
    Store.upgrade(old)

    assert definitions(old) == definitions(path)


def definitions(path: Path) -> set[tuple[str, str]]:
    """Every table, index and view with its SQL."""
    connection = sqlite3.connect(path)
    rows = connection.execute("SELECT name, sql FROM sqlite_master WHERE name NOT LIKE 'sqlite_%'").fetchall()
    connection.close()
    return set(rows)


def test_migration_that_rebuilds_a_table_keeps_the_rows_that_refer_to_it(
    store: Store, path: Path, samples: Any, next_version: Callable[[str], Migrations]
) -> None:
    samples.fill(store)
    counts = store.info().counts
    profiles = store.profiles()
    store.close()
    rebuild = 'batch = op.batch_alter_table("boards", recreate="always")\n'
    rebuild += '    with batch as table:\n        table.add_column(sa.Column("place", sa.TEXT))'

    assert apply(path, next_version(rebuild)) == "0004"

    assert store.info().counts == {**counts, "extra": 0}
    assert store.profiles() == profiles
    assert store.check().is_sound


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ('op.execute("UPDATE absent SET x = 1")', "no such table: absent"),
        ('op.execute("DELETE FROM profiles WHERE cores = 1")', "would lose 3 of 6 rows of profiles"),
        (
            'op.execute("UPDATE environments SET board_id = 99")',
            "would leave 2 broken references in environments",
        ),
    ],
)
def test_migration_that_fails_or_harms_is_undone_whole(
    path: Path, samples: Any, next_version: Callable[[str], Migrations], body: str, named: str
) -> None:
    with Store.open(path) as store:
        samples.fill(store)
    before = dump(path)

    with pytest.raises(MigrationError, match=named):
        apply(path, next_version(body))

    assert dump(path) == before
    with Store.open(path, create=False) as untouched:
        assert untouched.info().schema_version == "0004"


def test_migration_with_a_bug_is_undone_whole(
    store: Store, path: Path, next_version: Callable[[str], Migrations]
) -> None:
    store.close()
    before = dump(path)

    with pytest.raises(ZeroDivisionError):
        apply(path, next_version("1 / 0"))

    assert dump(path) == before


@pytest.mark.parametrize("is_new", [True, False])
def test_migration_that_is_killed_leaves_what_was_there(
    path: Path, samples: Any, next_version: Callable[[str], Migrations], is_new: bool
) -> None:
    if not is_new:
        with Store.open(path) as store:
            samples.fill(store)
    before = dump(path)
    migrations = next_version("os.kill(os.getpid(), signal.SIGKILL)")
    code = (
        "import sys; from db.schema import Migrations, migrate; from db.location import Location\n"
        "steps = Migrations(versions=sys.argv[2], target='0005')\n"
        "migrate(Location.parse(sys.argv[1]), busy_timeout_s=1.0, migrations=steps)"
    )

    killed = subprocess.run(
        [sys.executable, "-c", code, str(path), migrations.versions], cwd=ROOT, timeout=60, check=False
    )

    assert killed.returncode < 0
    assert dump(path) == before
    with Store.open(path) as store:
        assert store.check().is_sound


def test_several_processes_may_make_the_database_at_once(path: Path, run_python: Callable[..., str]) -> None:
    code = "import sys; from db.store import Store; print(Store.open(sys.argv[1]).info().schema_version)"

    with ThreadPoolExecutor(max_workers=4) as threads:
        versions = list(threads.map(lambda _: run_python(code, str(path)), range(4)))

    assert versions == [schema.CURRENT] * 4


def test_upgrading_twice_changes_nothing(store: Store, path: Path, samples: Any) -> None:
    samples.fill(store)
    store.close()
    before = dump(path)

    report = Store.upgrade(path)

    assert not report.is_changed
    assert dump(path) == before
