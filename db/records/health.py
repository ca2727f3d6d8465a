"""What the database says about itself."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseInfo:
    """Where the database is and how much it holds.

    Attributes:
        path: The file.
        schema_version: Version of its schema.
        sqlite_version: Version of the SQLite library in use.
        size_bytes: Size of the file without its write-ahead log.
        journal_mode: `wal`, unless the file cannot be written.
        counts: Number of rows by table.
    """

    path: Path
    schema_version: str
    sqlite_version: str
    size_bytes: int
    journal_mode: str
    counts: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckReport:
    """Whether the database is sound.

    Attributes:
        path: The file.
        schema_version: Version of its schema.
        problems: What is wrong, a sentence each; empty when all is well.
    """

    path: Path
    schema_version: str
    problems: tuple[str, ...]

    @property
    def is_sound(self) -> bool:
        """Whether nothing is wrong."""
        return not self.problems


@dataclass(frozen=True, slots=True, kw_only=True)
class UpgradeReport:
    """What an upgrade did.

    Attributes:
        path: The file.
        before: Version before; None where the database was made.
        after: Version after.
    """

    path: Path
    before: str | None
    after: str

    @property
    def is_changed(self) -> bool:
        """Whether anything had to be done."""
        return self.before != self.after
