"""What can go wrong with the database, each with one sentence for the user and a remedy.

    DatabaseError
    +-- LocationError          the path or URL names nothing that can be a database
    |   +-- MissingError       there is no database at that place
    |   +-- ForeignFileError   the file is a database of something else
    +-- VersionMismatchError   the schema is of another version than this program's
    +-- MigrationError         an upgrade did not succeed and was undone
    +-- DamagedError           the file is no SQLite database or its contents are damaged
    +-- LockedError            another process kept the database locked for too long
    +-- ReadOnlyError          the database may not be written
    +-- DiskFullError          there is no room left to write
    +-- DiskError              the operating system could not read or write the file
    +-- RecordError            a record that the database cannot hold
    +-- NotFoundError          no record has the number that was asked for

The attributes `code`, `exit_code`, `message` and `hint` are those of the host's own errors, so that a program
can report both alike.
"""

from typing import ClassVar


class DatabaseError(Exception):
    """The profile database cannot be used.

    Args:
        message: What failed, with the value and the limit or cause, in one sentence.
        hint: What to do about it; empty when there is nothing to advise.
    """

    code: ClassVar[str] = "database"
    exit_code: ClassVar[int] = 8

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class LocationError(DatabaseError):
    """The path or URL names nothing that can be a database."""


class MissingError(LocationError):
    """There is no database at that place, and none was to be made."""


class ForeignFileError(LocationError):
    """The file is an SQLite database of something else."""


class VersionMismatchError(DatabaseError):
    """The schema is of another version than this program's; nothing was touched.

    Args:
        message: What was found and what is needed.
        hint: The command that resolves it.
        found: Version of the database.
        needed: Version that this program works with.
    """

    def __init__(self, message: str, *, hint: str, found: str, needed: str) -> None:
        super().__init__(message, hint=hint)
        self.found = found
        self.needed = needed


class MigrationError(DatabaseError):
    """An upgrade did not succeed; the database is as it was before."""


class DamagedError(DatabaseError):
    """The file is no SQLite database, or its contents are damaged."""


class LockedError(DatabaseError):
    """Another process kept the database locked for too long."""


class ReadOnlyError(DatabaseError):
    """The database may not be written."""


class DiskFullError(DatabaseError):
    """There is no room left to write."""


class DiskError(DatabaseError):
    """The operating system could not read or write the file."""


class RecordError(DatabaseError):
    """A record that the database cannot hold; nothing of its batch was stored."""


class NotFoundError(DatabaseError):
    """No record has the number that was asked for: wrong input rather than a broken database."""

    code = "bad_input"
    exit_code = 3
