"""`host plan`: from a network's name to the best pipeline for a board, and to its deployment."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from host.cli import options
from host.cli.failures import CONTINUE, resumable
from host.cli.options import Shapes
from host.cli.output import require_writable
from host.cli.presentation import present, present_front, present_shared
from host.cli.progress import ProgressReporter
from host.errors import UsageError


@click.command()
@options.models
@options.board
@options.database
@options.again
@options.tune
@options.energy
@options.operating_points
@options.objective
@options.pareto
@options.rates
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
    models: Sequence[str],
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
    rates_fps: Sequence[float] | None,
    deploy: bool,
    frames: int | None,
    rounds: int,
    output: Path | None,
    as_json: bool,
    **narrowing: Any,
) -> None:
    """Finds the best pipeline for a network on a board.

    Layers that the database does not know yet are built and measured first. Without --board, an agent is
    started on this machine and its processors are planned for. Several networks get pipelines that share the
    board's cores, for the rates of --fps.
    """
    is_shared = len(models) > 1
    if is_shared and (shapes or weights or energy or pareto or deploy or objective != "throughput"):
        raise UsageError(
            "several networks are planned for their rates only",
            hint="leave out --shape, --weights, --energy, --objective, --pareto and --deploy",
        )
    if rates_fps and not is_shared:
        raise UsageError("--fps is for several networks", hint="--min-fps and --source-fps are for one")
    wanted = [options.model_request(model, shapes, weights) for model in models]
    if output:
        require_writable(output)
    with resumable(CONTINUE), ProgressReporter.on_standard_error() as reporter:
        from host.jobs import PlanRequest, SharedRequest, plan_model, plan_together
        from host.points import PointChoice

        if is_shared:
            together = SharedRequest(
                models=tuple(wanted),
                rates_fps=rates_fps,
                board=board,
                database=database,
                again=again,
                tune=tune or 0,
                points=PointChoice.parse(points),
                constraints=options.constraints_of(**narrowing),
            )
            shared = plan_together(together, reporter)
            present_shared(shared, output=output, as_json=as_json)
            return
        request = PlanRequest(
            model=wanted[0],
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
