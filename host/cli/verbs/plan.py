"""`host plan`: from a network's name to the best pipeline for a board, and to its deployment."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from host.cli import options
from host.cli.failures import CONTINUE, resumable
from host.cli.options import Shapes
from host.cli.output import require_writable
from host.cli.presentation import present, present_front
from host.cli.progress import ProgressReporter


@click.command()
@options.model
@options.board
@options.database
@options.again
@options.tune
@options.energy
@options.operating_points
@options.objective
@options.pareto
@options.constraints
@click.option(
    "--deploy", is_flag=True, help="Run the best plans on the board, and choose by what is measured."
)
@click.option(
    "--rounds",
    type=click.IntRange(min=1),
    default=6,
    show_default=True,
    metavar="N",
    help="Deploy at most so many times, until prediction and measurement agree.",
)
@options.frames
@options.output
@options.as_json
def plan(
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
    objective: str,
    pareto: bool,
    deploy: bool,
    frames: int | None,
    rounds: int,
    output: Path | None,
    as_json: bool,
    **narrowing: Any,
) -> None:
    """Finds the best pipeline for a network on a board.

    Layers that the database does not know yet are built and measured first. Without --board, an agent is
    started on this machine and its processors are planned for.
    """
    wanted = options.model_request(model, shapes, weights)
    if output:
        require_writable(output)
    with resumable(CONTINUE), ProgressReporter.on_standard_error() as reporter:
        from host.jobs import PlanRequest, plan_model
        from host.points import PointChoice

        request = PlanRequest(
            model=wanted,
            board=board,
            database=database,
            again=again,
            tune=tune or 0,
            energy=energy,
            points=PointChoice.parse(points),
            objective=objective,
            pareto=pareto,
            constraints=options.constraints_of(**narrowing),
            deploy=deploy,
            frames=frames,
            rounds=rounds,
        )
        outcome = plan_model(request, reporter)
    if outcome.front:
        present_front(outcome.front, output=output, as_json=as_json)
        if as_json:
            return
    present(
        outcome.plan,
        plan_id=outcome.plan_id,
        fastest=outcome.fastest,
        output=None if outcome.front else output,
        as_json=as_json,
    )
