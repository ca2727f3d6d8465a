"""`host db`: looks after the profile database."""

from pathlib import Path

import click

from host.cli import options
from host.cli.output import print_document, print_page
from host.errors import DatabaseError
from host.report.text import bytes_text


@click.group()
def db() -> None:
    """Looks after the profile database."""


@db.command()
@options.database
@options.as_json
def info(*, database: str, as_json: bool) -> None:
    """Says where the database is and how much it holds."""
    from db.store import Store
    from host.report.page import facts

    with Store.open(database, create=False) as store:
        found = store.info()
    if as_json:
        print_document(
            {
                "path": str(found.path),
                "schema_version": found.schema_version,
                "sqlite_version": found.sqlite_version,
                "size_bytes": found.size_bytes,
                "journal_mode": found.journal_mode,
                "rows": dict(found.counts),
            }
        )
        return
    rows = [(table.replace("_", " "), f"{count:,}") for table, count in found.counts.items()]
    head = [
        ("path", str(found.path)),
        ("size", bytes_text(found.size_bytes)),
        ("schema", f"version {found.schema_version}"),
        ("SQLite", f"{found.sqlite_version}, journal mode {found.journal_mode}"),
    ]
    print_page(facts(head + rows))


@db.command()
@options.database
@options.as_json
def check(*, database: str, as_json: bool) -> None:
    """Reads the whole database and looks for damage."""
    from db.store import Store
    from host.report.page import paragraph

    with Store.open(database, create=False) as store:
        found = store.check()
    if not found.is_sound:
        problems = "; ".join(found.problems)
        raise DatabaseError(
            f"{found.path} is damaged: {problems}", hint="restore a backup (`host db backup` makes them)"
        )
    if as_json:
        document = {"path": str(found.path), "schema_version": found.schema_version, "problems": []}
        print_document(document)
    else:
        print_page(paragraph(f"{found.path} is sound (schema version {found.schema_version})"))


@db.command()
@options.database
@options.as_json
def upgrade(*, database: str, as_json: bool) -> None:
    """Brings the database to this program's version."""
    from db.store import Store
    from host.report.page import paragraph

    done = Store.upgrade(database)
    if as_json:
        print_document({"path": str(done.path), "before": done.before, "after": done.after})
    elif done.is_changed:
        print_page(paragraph(f"{done.path} went from version {done.before or 'none'} to {done.after}"))
    else:
        print_page(paragraph(f"{done.path} is at version {done.after} already"))


@db.command()
@click.argument("destination", type=options.FILE)
@options.database
@options.as_json
def backup(*, destination: Path, database: str, as_json: bool) -> None:
    """Copies the database to DESTINATION, also while others use it."""
    from db.store import Store
    from host.report.page import paragraph

    with Store.open(database, create=False) as store:
        store.backup(destination)
        source = store.path
    size = destination.stat().st_size
    if as_json:
        print_document({"path": str(source), "copy": str(destination), "size_bytes": size})
    else:
        print_page(paragraph(f"{source} is copied to {destination} ({bytes_text(size)})"))
