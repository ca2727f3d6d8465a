"""Operating points that differ in what a plan does not use: the board that draws less in between is better. Pure."""

from collections.abc import Sequence
from dataclasses import replace

from host.planner.costs import CostTable
from host.planner.problem import Problem


def without_wasteful(table: CostTable, problems: Sequence[Problem]) -> list[Problem]:
    """The problems without plans that take less energy at another operating point, and nothing else more.

    A plan takes the same time at two points that give its processors the same levels. Where one draws less while idle,
    the other one's plans have to use a processor on which they differ.

    Args:
        table: The costs.
        problems: One for each operating point; their idle powers are known.
    """
    return [_using(problem, _worth_using(table, problem, problems)) for problem in problems]


def _using(problem: Problem, processors: set[int]) -> Problem:
    required = tuple(sorted({*problem.grid.required, *processors}))
    return replace(problem, grid=replace(problem.grid, required=required))


def _worth_using(table: CostTable, problem: Problem, others: Sequence[Problem]) -> set[int]:
    """Processors without which a plan is better off at another point that differs in nothing else."""
    found = (_only_difference(table, problem, other) for other in others if _draws_less(other, problem))
    return {processor for processor in found if processor is not None}


def _draws_less(one: Problem, other: Problem) -> bool:
    return (one.point.idle_power_mw or 0.0) < (other.point.idle_power_mw or 0.0)


def _only_difference(table: CostTable, problem: Problem, other: Problem) -> int | None:
    """The one processor of a problem on which another point may be no substitute for it."""
    if problem.positions != other.positions:
        return None
    rows = [table.processors[position] for position in problem.positions]
    different = [
        index
        for index, row in enumerate(rows)
        if problem.point.level(row.name) != other.point.level(row.name)
        or problem.point.cores_of(row) > other.point.cores_of(row)
    ]
    return different[0] if len(different) == 1 else None
