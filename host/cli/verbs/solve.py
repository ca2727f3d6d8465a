"""`host solve`: the best pipeline for a profile file, without a board or a database."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from host.cli import options
from host.cli.documents import read_document
from host.cli.output import require_writable
from host.cli.presentation import present, present_front, present_shared
from host.errors import UsageError


@click.command()
@click.argument("files", type=options.FILE, nargs=-1, required=True, metavar="FILE...")
@options.objective
@options.pareto
@options.rates
@options.constraints
@options.output
@options.as_json
def solve(
    *,
    files: Sequence[Path],
    objective: str,
    pareto: bool,
    rates_fps: Sequence[float] | None,
    output: Path | None,
    as_json: bool,
    **narrowing: Any,
) -> None:
    """Finds the best pipeline for the costs in FILE (stageline.profile/1; - for standard input).

    With several files, networks of the same board, it finds pipelines that share its cores.
    """
    if output:
        require_writable(output)
    if len(files) > 1 and (pareto or objective != "throughput"):
        raise UsageError(
            "several networks are planned for their rates", hint="leave out --objective and --pareto"
        )
    if len(files) == 1 and rates_fps:
        raise UsageError("--fps is for several networks", hint="--min-fps and --source-fps are for one")
    constraints = options.constraints_of(**narrowing)
    from host.planner import Objective, pareto_front, parse_profile, solve, solve_together

    tables = [parse_profile(read_document(file)) for file in files]
    if len(tables) > 1:
        present_shared(solve_together(tables, rates_fps, constraints), output=output, as_json=as_json)
        return
    table, wanted = tables[0], Objective(objective)
    if pareto:
        present_front(pareto_front(table, constraints), output=output, as_json=as_json)
        return
    plan = solve(table, constraints, wanted)
    fastest = solve(table, constraints) if wanted is Objective.ENERGY else None
    present(plan, fastest=fastest, output=output, as_json=as_json)
