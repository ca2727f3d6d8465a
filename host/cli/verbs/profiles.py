"""`host profiles`: what was measured."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from host.cli import options
from host.cli.output import print_document, print_page, require_writable, write_document

if TYPE_CHECKING:
    from db.records import ProfileFilter

_STATUSES = ("partial", "steady", "unsteady")

_processor = click.option("--processor", metavar="NAME", help="Only on this processor.")
_cores = click.option("--cores", type=click.IntRange(min=1), metavar="N", help="Only with so many cores.")
_point = click.option("--operating-point", metavar="NAME", help="Only at this setting of the clocks.")
_all = click.option("--all", "show_all", is_flag=True, help="Also what a later measurement superseded.")
_board = click.option("--board", metavar="NAME", help="Only on this board.")


@click.group()
def profiles() -> None:
    """Shows, exports and imports what was measured."""


@profiles.command("list")
@click.option("--model", metavar="NAME", help="Only this network.")
@_board
@_processor
@_cores
@_point
@_all
@options.database
@options.as_json
def list_profiles(*, database: str, as_json: bool, **chosen: Any) -> None:
    """Lists networks on placements."""
    from db.store import Store
    from host.report.profiles import total_document, totals_page

    with Store.open(database, create=False) as store:
        totals = store.model_totals(_filter(**chosen))
    if as_json:
        print_document({"placements": [total_document(total) for total in totals]})
    else:
        print_page(*totals_page(totals))


@profiles.command()
@click.argument("model")
@click.option("--layer", metavar="NAME", help="Only this layer.")
@click.option("--status", type=click.Choice(_STATUSES), help="Only measurements that ended so.")
@_board
@_processor
@_cores
@_point
@_all
@options.database
@options.as_json
def show(*, model: str, database: str, as_json: bool, **chosen: Any) -> None:
    """Shows the layers of a network.

    Every layer of the network MODEL on every placement; the JSON document has the raw samples.
    """
    from db.store import Store
    from host.report.profiles import layer_document, layers_page

    with Store.open(database, create=False) as store:
        found = store.profiles(_filter(model=model, **chosen))
    if as_json:
        print_document({"profiles": [layer_document(profile) for profile in found]})
    else:
        print_page(*layers_page(found))


@profiles.command("export")
@click.argument("model")
@_board
@click.option(
    "-o", "--output", type=options.FILE, metavar="FILE", help="Write to a file instead of standard output."
)
@options.database
@options.as_json
def export_profiles(
    *, model: str, board: str | None, output: Path | None, database: str, as_json: bool
) -> None:
    """Prints what `host solve` reads.

    The profiles of the network MODEL become a stageline.profile/1 document.
    """
    if output:
        require_writable(output)
    from db.store import Store
    from host.portable import export_profiles

    with Store.open(database, create=False) as store:
        document = export_profiles(store, model, board)
    if output:
        write_document(output, document)
    if as_json or not output:
        print_document(document)


@profiles.command("import")
@click.argument("file", type=options.FILE)
@options.database
@options.as_json
def import_profiles(*, file: Path, database: str, as_json: bool) -> None:
    """Stores the costs in a file.

    FILE is a stageline.profile/1 document, or - for standard input.

    They can be listed, shown and exported again. Plans for a board are only made from what was measured
    there.
    """
    from host.cli.documents import read_document

    document = read_document(file)
    from db.store import Store
    from host.portable import import_profiles
    from host.report.page import paragraph

    with Store.open(database) as store:
        model, board, count = import_profiles(store, document)
    if as_json:
        print_document({"model": model, "board": board, "profiles": count})
    else:
        print_page(paragraph(f"{count} profiles of {model} on {board} are stored"))


def _filter(*, show_all: bool, status: str | None = None, **chosen: Any) -> "ProfileFilter":
    from db.records import ProfileFilter, ProfileStatus

    return ProfileFilter(newest_only=not show_all, status=ProfileStatus(status) if status else None, **chosen)
