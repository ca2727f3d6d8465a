"""Writes the sample database of the current schema; to be run once, when the schema is released."""

import runpy
import sqlite3
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[2]))

from db import schema  # noqa: E402
from db.store import Store  # noqa: E402


def main() -> None:
    """Replaces the sample by a new one with the records that the tests use."""
    samples = runpy.run_path(str(HERE.parent / "conftest.py"))["Samples"]()
    path = HERE / f"schema_{schema.CURRENT}.sqlite"
    path.unlink(missing_ok=True)
    with Store.open(path, clock=samples.clock()) as store:
        samples.fill(store)
    shrink(path)


def shrink(path: Path) -> None:
    """Packs the file into small pages; they can only be chosen without the write-ahead log."""
    connection = sqlite3.connect(path, isolation_level=None)
    for statement in ("PRAGMA journal_mode = DELETE", "PRAGMA page_size = 512", "VACUUM"):
        connection.execute(statement).fetchall()
    connection.close()


if __name__ == "__main__":
    main()
