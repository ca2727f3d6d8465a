"""The best plan for a table of costs, exactly."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from fractions import Fraction

import numpy as np

from host.errors import InfeasibleError
from host.planner.bound import Bound, fractional_bound
from host.planner.constraints import Constraints
from host.planner.contention import busy, knows_contention
from host.planner.costs import CostTable
from host.planner.evaluate import StageChoice, evaluate, find_baseline
from host.planner.infeasible import explain_no_plan, explain_too_slow, explain_uncovered
from host.planner.plan import Plan
from host.planner.problem import NEVER, Problem, build_problem
from host.planner.routes import Leg
from host.planner.search import Candidate, Limits, best_candidate
from host.planner.ticks import Ticks


def solve(table: CostTable, constraints: Constraints | None = None) -> Plan:
    """Finds the plan with the least period over all operating points.

    Of several with the same period it is the one with the fewest stages, then the one with the least latency;
    the result is as exact as trying every plan. Where the table says what layers take while the rest of the
    board works, that counts for every plan but those of one stage and one replica, beside which nothing works.

    Args:
        table: What every layer costs wherever it can run.
        constraints: Which plans are acceptable; by default all.

    Raises:
        UsageError: A constraint names something that the table does not have.
        InfeasibleError: No plan meets the constraints; the message says which one stands in the way.
        InputError: The costs cannot be computed with: too many combinations, too large, or all zero.
    """
    constraints = constraints or Constraints()
    constraints.check_names(table)
    if not knows_contention(table):
        return _solve(table, constraints)
    plans = []
    try:
        plans.append(_solve(table, replace(constraints, max_stages=1, no_replicas=True)))
    except InfeasibleError:
        plans.append(_solve_busy(table, constraints))
    else:
        with suppress(InfeasibleError):
            plans.append(_solve_busy(table, constraints))
    return min(plans, key=lambda plan: (plan.period_us, len(plan.stages), plan.latency_us))


def _solve_busy(table: CostTable, constraints: Constraints) -> Plan:
    """The best plan if the rest of the board always works, compared with the best single placement by itself."""
    plan = _solve(busy(table), constraints)
    baseline = find_baseline(table, constraints)
    return replace(plan, baseline=baseline, gain=baseline.period_us / plan.period_us if baseline else None)


def _solve(table: CostTable, constraints: Constraints) -> Plan:
    """The best plan if every layer always takes its latency."""
    ticks = Ticks.of_table(table)
    problems = _problems(table, constraints, ticks)
    bounds = [
        fractional_bound(problem.work, np.array(problem.grid.cores, dtype=np.float64)) for problem in problems
    ]
    limits = _limits(table, constraints, ticks)
    best = _best_over_points(problems, bounds, limits)
    if best is None:
        raise explain_no_plan(table, list(zip(problems, bounds, strict=True)), constraints, ticks)
    plan = evaluate(
        table,
        best.problem.point,
        [_choice(leg) for leg in best.route.legs],
        constraints=constraints,
        bound_us=ticks.microseconds(min(bound.period for bound in bounds)),
    )
    _require_fast_enough(plan, constraints)
    return plan


def _problems(table: CostTable, constraints: Constraints, ticks: Ticks) -> list[Problem]:
    problems = [
        build_problem(table, index, constraints, ticks) for index in range(len(table.operating_points))
    ]
    covered = [problem for problem in problems if problem.uncovered is None]
    if not covered:
        raise explain_uncovered(table, problems, constraints)
    covered[0].grid.require_tractable(len(table.layers))
    return covered


def _limits(table: CostTable, constraints: Constraints, ticks: Ticks) -> Limits:
    latency_us = None if constraints.max_latency_ms is None else constraints.max_latency_ms * 1e3
    return Limits(
        source_period=ticks.exact(constraints.source_period_us),
        max_stages=min(len(table.layers), constraints.max_stages or len(table.layers)),
        max_latency=NEVER if latency_us is None else min(int(ticks.limit(latency_us)), NEVER),
    )


def _best_over_points(
    problems: Sequence[Problem], bounds: Sequence[Bound], limits: Limits
) -> Candidate | None:
    """Looks at the most promising operating points first, so that most of the others need one look only."""
    best: Candidate | None = None
    for problem, bound in sorted(zip(problems, bounds, strict=True), key=lambda pair: pair[1].period):
        ceiling: Fraction | None = best.period if best else None
        found = best_candidate(problem, bound, limits, ceiling)
        if found and (best is None or found.rank < best.rank):
            best = found
    return best


def _choice(leg: Leg) -> StageChoice:
    return StageChoice(
        first=leg.begin, last=leg.end - 1, placement=leg.option.placement, replicas=leg.option.replicas
    )


def _require_fast_enough(plan: Plan, constraints: Constraints) -> None:
    if constraints.min_fps is not None and plan.throughput_fps * (1 + 1e-9) < constraints.min_fps:
        raise explain_too_slow(plan, constraints)
