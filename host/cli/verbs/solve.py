"""`host solve`: the best pipeline for a profile file, without a board or a database."""

from pathlib import Path
from typing import Any

import click

from host.cli import options
from host.cli.documents import read_document
from host.cli.output import require_writable
from host.cli.presentation import present, present_front


@click.command()
@click.argument("file", type=options.FILE)
@options.objective
@options.pareto
@options.constraints
@options.output
@options.as_json
def solve(
    *,
    file: Path,
    objective: str,
    pareto: bool,
    output: Path | None,
    as_json: bool,
    **narrowing: Any,
) -> None:
    """Finds the best pipeline for the costs in FILE (stageline.profile/1; - for standard input)."""
    if output:
        require_writable(output)
    constraints = options.constraints_of(**narrowing)
    from host.planner import Objective, pareto_front, parse_profile, solve

    table, wanted = parse_profile(read_document(file)), Objective(objective)
    if pareto:
        present_front(pareto_front(table, constraints), output=output, as_json=as_json)
        return
    plan = solve(table, constraints, wanted)
    fastest = solve(table, constraints) if wanted is Objective.ENERGY else None
    present(plan, fastest=fastest, output=output, as_json=as_json)
