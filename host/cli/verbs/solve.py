"""`host solve`: the best pipeline for a profile file, without a board or a database."""

from pathlib import Path
from typing import Any

import click

from host.cli import options
from host.cli.documents import read_document
from host.cli.output import require_writable
from host.cli.presentation import present


@click.command()
@click.argument("file", type=options.FILE)
@options.objective
@options.constraints
@options.output
@options.as_json
def solve(*, file: Path, objective: str, output: Path | None, as_json: bool, **narrowing: Any) -> None:
    """Finds the best pipeline for the costs in FILE (stageline.profile/1; - for standard input)."""
    if output:
        require_writable(output)
    constraints = options.constraints_of(**narrowing)
    from host.planner import Objective, parse_profile, solve

    table, wanted = parse_profile(read_document(file)), Objective(objective)
    plan = solve(table, constraints, wanted)
    fastest = None if wanted is Objective.THROUGHPUT else solve(table, constraints)
    present(plan, fastest=fastest, output=output, as_json=as_json)
