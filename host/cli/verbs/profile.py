"""`host profile`: measures a network's layers on a board."""

from collections.abc import Sequence
from pathlib import Path

import click

from host.cli import options
from host.cli.failures import CONTINUE, resumable
from host.cli.options import Shapes
from host.cli.output import print_document, print_page
from host.cli.progress import ProgressReporter


@click.command()
@options.model
@options.board
@options.database
@options.again
@options.tune
@options.energy
@options.operating_points
@options.as_json
def profile(
    *,
    model: str,
    shapes: Shapes,
    weights: Path | None,
    board: str | None,
    database: str,
    again: bool,
    tune: int | None,
    energy: bool,
    points: Sequence[str],
    as_json: bool,
) -> None:
    """Measures what is not known yet of a network's layers, on every placement of a board.

    What is measured is stored at once: stopped half-way, the same command continues.
    """
    wanted = options.model_request(model, shapes, weights)
    with resumable(CONTINUE), ProgressReporter.on_standard_error() as reporter:
        from host.jobs import ProfileRequest, profile_model
        from host.points import PointChoice

        request = ProfileRequest(
            model=wanted,
            board=board,
            database=database,
            again=again,
            tune=tune or 0,
            energy=energy,
            points=PointChoice.parse(points),
        )
        outcome = profile_model(request, reporter)
    from db.records import ProfileFilter
    from db.store import Store
    from host.report.profiles import total_document, totals_page

    with Store.open(database, create=False) as store:
        totals = store.model_totals(ProfileFilter(model=outcome.model, board=outcome.board))
    if as_json:
        counts = {"measured": outcome.measured, "known": outcome.known, "unsteady": outcome.unsteady}
        head = {"model": outcome.model, "board": outcome.board}
        print_document(head | counts | {"placements": [total_document(total) for total in totals]})
    else:
        print_page(*totals_page(totals))
