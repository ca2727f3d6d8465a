"""`host run`: frames through a plan's pipeline."""

from pathlib import Path

import click

from host.cli import options
from host.cli.failures import resumable
from host.cli.output import print_document, print_page, require_writable
from host.cli.progress import ProgressReporter
from host.errors import UsageError


@click.command()
@options.plan
@options.board
@options.database
@click.option(
    "--frames",
    type=click.IntRange(min=1),
    metavar="N",
    help="Stop after so many of the board's own frames; by default when you press Ctrl-C.",
)
@click.option(
    "--input",
    "inputs",
    type=options.FILE,
    metavar="FILE",
    help="Send these frames instead (.npy, or .npz with arrays by input name): one or many.",
)
@click.option(
    "-o",
    "--output",
    "outputs",
    type=options.FILE,
    metavar="FILE.npz",
    help="Write the outputs of --input there.",
)
@click.option(
    "--queue-depth", type=click.IntRange(min=1), metavar="N", help="Frames that may wait between stages."
)
@click.option(
    "--on-overload",
    type=click.Choice(["block", "drop"]),
    default="block",
    show_default=True,
    help="Let the source wait where a queue is full, or drop the oldest frame.",
)
@click.option(
    "--watch",
    is_flag=True,
    help="Plan again when cores get slower or faster, and replace the pipeline while it runs; no frame is lost.",
)
@options.as_json
def run(
    *,
    plan: str,
    board: str | None,
    database: str,
    frames: int | None,
    inputs: Path | None,
    outputs: Path | None,
    queue_depth: int | None,
    on_overload: str,
    watch: bool,
    as_json: bool,
) -> None:
    """Runs frames through the pipeline of a plan.

    PLAN is its number in the database, or a file that `host plan --output` wrote.
    """
    _require_sense(frames, inputs, outputs, drops=on_overload == "drop")
    with resumable("the pipeline is stopped and the board is free"):
        with ProgressReporter.on_standard_error() as reporter:
            from host.jobs import RunRequest, run_plan

            request = RunRequest(
                plan=plan,
                board=board,
                database=database,
                frames=frames,
                inputs=inputs,
                outputs=outputs,
                queue_depth=queue_depth,
                drop_on_overload=on_overload == "drop",
                watch=watch,
            )
            outcome = run_plan(request, reporter)
        if as_json:
            swaps = {"swaps": [swap.to_document() for swap in outcome.swaps]} if watch else {}
            print_document({**outcome.report, **swaps})
            return
        from host.report.plan import plan_page

        print_page(*plan_page(outcome.plan))


def _require_sense(frames: int | None, inputs: Path | None, outputs: Path | None, *, drops: bool) -> None:
    if inputs and frames:
        raise UsageError("--frames counts the board's own frames: leave it out with --input")
    if outputs and not inputs:
        raise UsageError("--output needs --input", hint="the board's own frames stay on the board")
    if drops and not inputs:
        raise UsageError(
            "--on-overload drop needs --input", hint="the board's own frames never come too fast"
        )
    if outputs:
        require_writable(outputs)
