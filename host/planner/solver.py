"""The best plan for a table of costs, exactly."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from fractions import Fraction

import numpy as np

from host.errors import InfeasibleError, InputError, UsageError
from host.planner.bound import Bound, fractional_bound
from host.planner.constraints import Constraints
from host.planner.contention import busy, knows_contention
from host.planner.costs import CostTable, OperatingPoint
from host.planner.evaluate import StageChoice, evaluate, find_baseline
from host.planner.frugal import FrugalSearch, Space, longest_period
from host.planner.infeasible import explain_no_plan, explain_off, explain_too_slow, explain_uncovered
from host.planner.plan import Objective, Plan
from host.planner.problem import NEVER, Problem, build_problem
from host.planner.quantity import energy_of, energy_ticks, with_energies
from host.planner.routes import Leg
from host.planner.search import Candidate, Limits, best_candidate
from host.planner.ticks import Ticks

_Find = Callable[[CostTable, Constraints], Plan]

_US_PER_S = 1e6


def solve(
    table: CostTable, constraints: Constraints | None = None, objective: Objective = Objective.THROUGHPUT
) -> Plan:
    """Finds the best plan over all operating points.

    For throughput that is the one with the least period; of several with the same period the one with the fewest
    stages, then the one with the least latency. For energy it is the one with the least energy a frame, the idle
    board's included. The result is as exact as trying every plan. Where the table says what layers take while the rest
    of the board works, that counts for every plan but those of one stage and one replica, beside which nothing works.

    Args:
        table: What every layer costs wherever it can run.
        constraints: Which plans are acceptable; by default all.
        objective: What to look for.

    Raises:
        UsageError: A constraint names something that the table does not have.
        InfeasibleError: No plan meets the constraints; the message says which one stands in the way.
        InputError: The costs cannot be computed with: too many combinations, too large, all zero, or without energies
            where those are wanted.
    """
    constraints = constraints or Constraints()
    constraints.check_names(table)
    find = _most_frugal if objective is Objective.ENERGY else _fastest
    if not knows_contention(table):
        return find(table, constraints)
    plans = []
    try:
        plans.append(find(table, replace(constraints, max_stages=1, no_replicas=True)))
    except InfeasibleError:
        plans.append(_find_busy(find, table, constraints))
    else:
        with suppress(InfeasibleError):
            plans.append(_find_busy(find, table, constraints))
    return min(plans, key=_rank)


def _rank(plan: Plan) -> tuple[float, float, int, float]:
    energy_uj = (plan.energy_uj_per_frame or 0.0) if plan.objective == Objective.ENERGY else 0.0
    return energy_uj, plan.period_us, len(plan.stages), plan.latency_us


def _find_busy(find: _Find, table: CostTable, constraints: Constraints) -> Plan:
    """The best plan if the rest of the board always works, compared with the best single placement by itself."""
    plan = find(busy(table), constraints)
    baseline = find_baseline(table, constraints)
    return replace(plan, baseline=baseline, gain=baseline.period_us / plan.period_us if baseline else None)


def _fastest(table: CostTable, constraints: Constraints) -> Plan:
    """The plan with the least period if every layer always takes its latency."""
    ticks = Ticks.of_table(table)
    problems = _problems(table, constraints, ticks)
    bounds = _bounds(problems)
    best = _best_over_points(problems, bounds, _limits(table, constraints, ticks))
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


def _most_frugal(table: CostTable, constraints: Constraints) -> Plan:
    """The plan with the least energy if every layer always takes its latency."""
    if constraints.max_latency_ms is not None:
        raise UsageError("a plan for the least energy cannot have a limit on its latency")
    known = _with_energies(table)
    ticks, energy = Ticks.of_table(known), energy_ticks(known)
    problems = _problems(known, constraints, ticks)
    bounds = _bounds(problems)
    spaces = [
        Space(problem=problem, bound=bound, energy=energy_of(known, problem, energy))
        for problem, bound in zip(problems, bounds, strict=True)
    ]
    limits = _limits(known, constraints, ticks)
    limit = None if constraints.min_fps is None else ticks.limit(_US_PER_S / constraints.min_fps)
    longest = longest_period(limits.source_period, limit)
    best = FrugalSearch(limits, longest, ticks, energy).run(spaces) if longest is not None else None
    if best is None:
        _fastest(known, constraints)  # says what stands in the way
        raise InfeasibleError(
            f"the energy of moving tensors between the processors of {table.board} is not known"
        )
    return evaluate(
        known,
        best.problem.point,
        [_choice(leg) for leg in best.route.legs],
        constraints=constraints,
        bound_us=ticks.microseconds(min(bound.period for bound in bounds)),
        objective=Objective.ENERGY,
    )


def _with_energies(table: CostTable) -> CostTable:
    known = with_energies(table)
    if not known.operating_points or not all(layer.costs for layer in known.layers):
        raise InputError(
            f"the energy of {table.model} on {table.board} is not known, so that no plan can save any",
            hint="measure it with --energy, on a board with power rails",
        )
    return known


def _bounds(problems: Sequence[Problem]) -> list[Bound]:
    return [
        fractional_bound(problem.work, np.array(problem.grid.cores, dtype=np.float64)) for problem in problems
    ]


def _problems(table: CostTable, constraints: Constraints, ticks: Ticks) -> list[Problem]:
    problems = [
        build_problem(table, index, constraints, ticks)
        for index, point in enumerate(table.operating_points)
        if _runs(table, point, constraints)
    ]
    if not problems:
        raise explain_off(constraints)
    covered = [problem for problem in problems if problem.uncovered is None]
    if not covered:
        raise explain_uncovered(table, problems, constraints)
    for problem in covered:
        problem.grid.require_tractable(len(table.layers))
    return covered


def _runs(table: CostTable, point: OperatingPoint, constraints: Constraints) -> bool:
    """Whether a point runs all processors that must be used, and any that may be."""
    running = {row.name for row in table.processors if point.cores_of(row)}
    return running >= set(constraints.use) and bool(running - set(constraints.avoid))


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
