"""Where a database is: a path, or SQLAlchemy's URL of an SQLite file."""

import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Self
from urllib.parse import unquote, urlsplit

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from db.errors import LocationError


@dataclass(frozen=True, slots=True, kw_only=True)
class Location:
    """Where a database is.

    Attributes:
        url: For SQLAlchemy.
        path: The file.
        given: What the user gave, to be repeated in messages and commands.
    """

    url: URL
    path: Path
    given: str

    @classmethod
    def parse(cls, url_or_path: str | Path) -> Self:
        """Understands a path, `~` included, or an `sqlite:///` URL.

        Raises:
            LocationError: The URL is malformed, of another kind of database, or names no file.
        """
        given = str(url_or_path)
        if "://" not in given:
            path = Path(given).expanduser()
            return cls(url=URL.create("sqlite", database=str(path)), path=path, given=given)
        url = _sqlite_url(given)
        return cls(url=url, path=_file(url, given), given=given)

    def command(self, verb: str) -> str:
        """The command line that does something to this database, ready to be pasted into a shell."""
        return f"host db {verb} --db {shlex.quote(self.given)}"


def _sqlite_url(given: str) -> URL:
    try:
        url = make_url(given)
    except (ArgumentError, ValueError) as error:
        raise LocationError(
            f"{given} is no database URL", hint="give a path, or sqlite:////absolute/path"
        ) from error
    if url.get_backend_name() != "sqlite" or url.get_driver_name() != "pysqlite":
        message = f"{url.render_as_string()} is a {url.drivername} database: only SQLite files are supported"
        raise LocationError(message, hint="give a path, or sqlite:////absolute/path")
    return url


def _file(url: URL, given: str) -> Path:
    database = url.database or ""
    if database.startswith("file:"):
        database = unquote(urlsplit(database).path)
    if database in ("", ":memory:") or url.query.get("mode") == "memory":
        raise LocationError(
            f"{given} names no file: a database that is kept in memory cannot be used", hint="give a path"
        )
    return Path(database)
