"""`host profiles`: what was measured."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from host.cli import options
from host.cli.documents import read_document
from host.cli.output import print_document, print_page, require_writable, write_document
from host.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from db.records import ProfileFilter
    from host.differences import Key, Latency

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


@profiles.command("diff")
@click.argument("before")
@click.argument("after")
@click.option("--model", metavar="NAME", help="The network, where boards are compared.")
@options.database
@options.as_json
def diff_profiles(*, before: str, after: str, model: str | None, database: str, as_json: bool) -> None:
    """Shows what changed, layer by layer.

    BEFORE and AFTER are boards (tx2), boards with the beginning of a kernel version (tx2@3.1), or files that `host
    profiles export` wrote, for instance on another day.
    """
    from host.differences import differences, is_file, of_store, of_table
    from host.planner import parse_profile
    from host.report.differences import differences_document, differences_page

    def latencies(source: str) -> "Mapping[Key, Latency]":
        if is_file(source):
            return of_table(parse_profile(read_document(Path(source))))
        if model is None:
            raise UsageError(f"which network on {source}?", hint="name it with --model")
        from db.store import Store

        board, _, version = source.partition("@")
        with Store.open(database, create=False) as store:
            return of_store(store, model, board, version or None)

    found = differences(latencies(before), latencies(after))
    if as_json:
        print_document(differences_document(found))
    else:
        print_page(*differences_page(found))


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
