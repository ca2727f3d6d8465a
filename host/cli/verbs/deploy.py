"""`host deploy`: a stored plan on its board, predicted beside measured."""

from pathlib import Path

import click

from host.cli import options
from host.cli.failures import resumable
from host.cli.presentation import present
from host.cli.progress import ProgressReporter


@click.command()
@options.plan
@options.board
@options.database
@options.frames
@click.option(
    "--bundle",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Leave the bundle there, for Pipeline.load in a program of your own.",
)
@options.as_json
def deploy(
    *, plan: str, board: str | None, database: str, frames: int | None, bundle: Path | None, as_json: bool
) -> None:
    """Puts a plan on its board, runs it and measures it.

    PLAN is its number in the database, or a file that `host plan --output` wrote.
    """
    with resumable("the plan is stored; nothing is running any more"):
        with ProgressReporter.on_standard_error() as reporter:
            from host.jobs import DeployRequest, deploy_plan

            request = DeployRequest(plan=plan, board=board, database=database, frames=frames, bundle=bundle)
            outcome = deploy_plan(request, reporter)
        present(outcome.plan, plan_id=outcome.plan_id, as_json=as_json)
