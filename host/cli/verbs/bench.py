"""`host bench`: engines side by side on a board."""

from pathlib import Path

import click

from host.cli import options
from host.cli.failures import resumable
from host.cli.options import Shapes
from host.cli.output import print_document, print_page
from host.cli.parameters import PositiveNumber
from host.cli.progress import ProgressReporter


@click.command()
@options.model
@click.option(
    "--against",
    type=click.Choice(["onnxruntime"]),
    help="Measure this engine, too; the board needs it: pip install 'stageline[bench]'.",
)
@options.board
@options.database
@click.option(
    "--seconds",
    type=PositiveNumber(),
    default=20.0,
    show_default=True,
    metavar="S",
    help="How long to measure all engines together.",
)
@options.as_json
def bench(
    *,
    model: str,
    shapes: Shapes,
    weights: Path | None,
    against: str | None,
    board: str | None,
    database: str,
    seconds: float,
    as_json: bool,
) -> None:
    """Measures engines side by side: on one core, on all cores, as a pipeline.

    They take short turns in one run, many rounds, and each figure is the median over the rounds, so that a
    machine's moods meet all alike. Layers that the database does not know yet are measured first, as for
    `host plan`. Outputs are compared before anything is timed.
    """
    wanted = options.model_request(model, shapes, weights)
    with resumable("the layers' profiles are stored; nothing is running any more"):
        with ProgressReporter.on_standard_error() as reporter:
            from host.bench import BenchRequest, Engine, job

            request = BenchRequest(
                model=wanted,
                board=board,
                database=database,
                against=Engine(against) if against else None,
                seconds=seconds,
            )
            comparison = job.bench_model(request, reporter)
        from host.report.bench import bench_document, bench_page

        if as_json:
            print_document(bench_document(comparison))
        else:
            print_page(*bench_page(comparison))
