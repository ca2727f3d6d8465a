"""The best plan for a table of costs, or all that none beats, exactly."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property
from typing import NoReturn

import numpy as np

from host.errors import InfeasibleError, InputError
from host.planner.bound import Bound, fractional_bound
from host.planner.constraints import Constraints
from host.planner.contention import busy, knows_contention
from host.planner.costs import CostTable, Placement
from host.planner.evaluate import StageChoice, evaluate, find_baseline
from host.planner.explore import Explorer, Space
from host.planner.goals import Best, Front, Goal
from host.planner.infeasible import explain_no_plan, explain_off, explain_uncovered
from host.planner.partials import undominated
from host.planner.plan import Baseline, Objective, Plan
from host.planner.problem import NEVER, Problem, build_problem, runs_at
from host.planner.quantity import energy_of, energy_ticks, nothing_of, with_energies
from host.planner.routes import Leg
from host.planner.search import Limits, best_over_points
from host.planner.siblings import without_wasteful
from host.planner.ticks import Ticks

_FindPlans = Callable[[CostTable, Constraints], list[Plan]]

_US_PER_S = 1e6
_SLACK = Fraction(1_000_000_001, 1_000_000_000)


def solve(
    table: CostTable, constraints: Constraints | None = None, objective: Objective = Objective.THROUGHPUT
) -> Plan:
    """Finds the best plan over all operating points.

    For throughput that is the one with the least period; of several with the same period the one with the fewest
    stages, then (unless power is limited) the one with the least latency. For energy it is the one with the least
    energy a frame, the idle board's included, and for latency the one with the least sum of its stages' times; then
    the one with the least period. The result is as exact as trying every plan. Where the table says what layers
    take while the rest of the board works, that counts for every plan but those of one stage and one replica,
    beside which nothing works.

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

    def find(costs: CostTable, limits: Constraints) -> list[Plan]:
        return _find(costs, limits, objective)

    plans = _alone_and_beside(find, table, constraints)
    return min(plans, key=lambda plan: _rank(plan, objective))


def predict(table: CostTable, plan: Plan, constraints: Constraints | None = None) -> Plan:
    """The same stages with the numbers that a table gives them.

    Args:
        table: The costs; those of the plan's network on its board, perhaps others than it was made with.
        plan: What to look at.
        constraints: Limit the source's rate, and what the plan is compared with.
    """
    constraints = constraints or Constraints()
    is_alone = len(plan.stages) == 1 and plan.stages[0].replicas == 1
    return evaluate(
        table if is_alone else busy(table),
        next(point for point in table.operating_points if point.name == plan.operating_point),
        [
            StageChoice(
                first=stage.first,
                last=stage.last,
                placement=Placement(processor=stage.processor, cores=stage.cores),
                replicas=stage.replicas,
            )
            for stage in plan.stages
        ],
        constraints=constraints,
        baseline=find_baseline(table, constraints),
        bound_us=plan.bound_us,
        objective=plan.objective,
    )


def pareto_front(table: CostTable, constraints: Constraints | None = None) -> list[Plan]:
    """Finds all plans that no other one equals or beats in period, energy a frame and latency, by their period.

    Where the energy of no whole plan is known, period and latency alone count.

    Args:
        table: What every layer costs wherever it can run.
        constraints: Which plans are acceptable; by default all.

    Raises:
        UsageError: A constraint names something that the table does not have.
        InfeasibleError: No plan meets the constraints; the message says which one stands in the way.
        InputError: The costs cannot be computed with.
    """
    constraints = constraints or Constraints()
    with_energy = constraints.max_power_w is not None or _has_energies(with_energies(table))

    def find(costs: CostTable, limits: Constraints) -> list[Plan]:
        plans = _explored(costs, limits, Front(), "pareto", with_energy=with_energy)
        return plans or _explained(costs, limits)

    return _unbeaten(_alone_and_beside(find, table, constraints))


def _alone_and_beside(find: _FindPlans, table: CostTable, constraints: Constraints) -> list[Plan]:
    """Plans of one stage and one replica at what layers take alone, others at what they take beside other work."""
    constraints.check_names(table)
    if not knows_contention(table):
        return find(table, constraints)
    plans = []
    try:
        plans += find(table, replace(constraints, max_stages=1, no_replicas=True))
    except InfeasibleError:
        plans += _find_busy(find, table, constraints)
    else:
        with suppress(InfeasibleError):
            plans += _find_busy(find, table, constraints)
    return plans


def _find_busy(find: _FindPlans, table: CostTable, constraints: Constraints) -> list[Plan]:
    """Plans if the rest of the board always works, compared with the best single placement by itself."""
    baseline = find_baseline(table, constraints)
    return [
        replace(plan, baseline=baseline, gain=baseline.period_us / plan.period_us if baseline else None)
        for plan in find(busy(table), constraints)
    ]


def _rank(plan: Plan, objective: Objective) -> tuple[float, ...]:
    rest = (plan.period_us, len(plan.stages), plan.latency_us)
    if objective is Objective.ENERGY:
        return (plan.energy_uj_per_frame or 0.0, *rest)
    return (plan.latency_us, *rest) if objective is Objective.LATENCY else rest


def _unbeaten(plans: Sequence[Plan]) -> list[Plan]:
    """What no other plan equals or beats, by the period; numbers that differ by rounding alone are equal."""
    in_order = sorted(plans, key=lambda plan: len(plan.stages))
    values = np.array(
        [(plan.period_us, plan.energy_uj_per_frame or 0.0, plan.latency_us) for plan in in_order]
    )
    rounded = np.array([[float(f"{value:.12g}") for value in row] for row in values])
    kept = undominated(np.zeros(len(in_order), dtype=np.int64), rounded)
    return [in_order[row] for row in kept.tolist()]


@dataclass(frozen=True, kw_only=True)
class _Search:
    """What every search begins with.

    Attributes:
        table: The costs.
        constraints: Which plans are acceptable.
        ticks: Of a microsecond.
        problems: The operating points at which there may be plans.
        bounds: Of the problems, in their order.
        limits: The constraints in ticks.
    """

    table: CostTable
    constraints: Constraints
    ticks: Ticks
    problems: list[Problem]
    bounds: list[Bound]
    limits: Limits

    @cached_property
    def baseline(self) -> Baseline | None:
        """What every plan is compared with."""
        return find_baseline(self.table, self.constraints)

    def plan(self, problem: Problem, legs: Sequence[Leg], objective: str) -> Plan:
        """A plan from its stages."""
        return evaluate(
            self.table,
            problem.point,
            [stage_choice(leg) for leg in legs],
            constraints=self.constraints,
            baseline=self.baseline,
            bound_us=self.ticks.microseconds(min(bound.period for bound in self.bounds)),
            objective=objective,
        )


def _begin(table: CostTable, constraints: Constraints) -> _Search:
    ticks = Ticks.of_table(table)
    problems = _problems(table, constraints, ticks)
    return _Search(
        table=table,
        constraints=constraints,
        ticks=ticks,
        problems=problems,
        bounds=_bounds(problems),
        limits=_limits(table, constraints, ticks),
    )


def _find(costs: CostTable, constraints: Constraints, objective: Objective) -> list[Plan]:
    """The best plan if every layer always takes its latency."""
    if objective is Objective.THROUGHPUT and constraints.max_power_w is None:
        found = _fastest(costs, constraints)
    else:
        goal = Best(objective, needs_latency=constraints.max_latency_ms is not None)
        needs_energy = objective is Objective.ENERGY or constraints.max_power_w is not None
        found = _explored(costs, constraints, goal, str(objective), with_energy=needs_energy)
    return found or _explained(costs, constraints)


def _explained(costs: CostTable, constraints: Constraints) -> NoReturn:
    raise explain_no_plan(costs, constraints, lambda others, objective: _find(costs, others, objective)[0])


def _fastest(table: CostTable, constraints: Constraints) -> list[Plan]:
    """The plan with the least period; nothing when there is none."""
    search = _begin(table, constraints)
    best = best_over_points(search.problems, search.bounds, search.limits)
    plans = [search.plan(best.problem, best.route.legs, Objective.THROUGHPUT)] if best else []
    least_fps = (constraints.min_fps or 0.0) * (1 - 1e-9)
    return [plan for plan in plans if plan.throughput_fps >= least_fps]


def _explored(
    table: CostTable, constraints: Constraints, goal: Goal, objective: str, *, with_energy: bool
) -> list[Plan]:
    """What a goal asks for, in no order; nothing when no plan keeps within the constraints."""
    if with_energy:
        table = with_energies(table)
        _require_energies(table)
    search = _begin(table, constraints)
    if with_energy and goal.prefers_less_energy:
        search = replace(search, problems=without_wasteful(table, search.problems))
    spaces = _spaces(search, with_energy=with_energy)
    found = Explorer(goal, search.limits, _longest(search), spaces).run()
    return [search.plan(plan.problem, plan.legs, objective) for plan in found]


def _spaces(search: _Search, *, with_energy: bool) -> list[Space]:
    energy = energy_ticks(search.table) if with_energy else None
    limit_w = search.constraints.max_power_w
    spaces = []
    for problem, bound in zip(search.problems, search.bounds, strict=True):
        if energy is None:
            space = Space(
                problem=problem, bound=bound, energy=nothing_of(problem), idle=0.0, power=float("inf")
            )
        else:
            # A milliwatt is a thousandth of a microjoule in a microsecond.
            unit = Fraction(10) ** (energy.exponent - search.ticks.exponent) / 1000
            idle = float(Fraction(problem.point.idle_power_mw or 0.0) * unit)
            power = float("inf") if limit_w is None else float(_SLACK * Fraction(limit_w) * 1000 * unit)
            if idle > power:
                continue
            space = Space(
                problem=problem,
                bound=bound,
                energy=energy_of(search.table, problem, energy),
                idle=idle,
                power=power,
            )
        spaces.append(space)
    return spaces


def _longest(search: _Search) -> Fraction:
    min_fps = search.constraints.min_fps
    return Fraction(NEVER) if min_fps is None else search.ticks.limit(_US_PER_S / min_fps)


def _has_energies(table: CostTable) -> bool:
    return bool(table.operating_points) and all(layer.costs for layer in table.layers)


def _require_energies(table: CostTable) -> None:
    if not _has_energies(table):
        raise InputError(
            f"the energy of {table.model} on {table.board} is not known, so that no plan can save any",
            hint="measure it with --energy, on a board with power rails",
        )


def _bounds(problems: Sequence[Problem]) -> list[Bound]:
    return [
        fractional_bound(problem.work, np.array(problem.grid.cores, dtype=np.float64)) for problem in problems
    ]


def _problems(table: CostTable, constraints: Constraints, ticks: Ticks) -> list[Problem]:
    problems = [
        build_problem(table, index, constraints, ticks)
        for index, point in enumerate(table.operating_points)
        if runs_at(table, point, constraints)
    ]
    if not problems:
        raise explain_off(constraints)
    covered = [problem for problem in problems if problem.uncovered is None]
    if not covered:
        raise explain_uncovered(table, problems, constraints)
    for problem in covered:
        problem.grid.require_tractable(len(table.layers))
    return covered


def _limits(table: CostTable, constraints: Constraints, ticks: Ticks) -> Limits:
    latency_us = None if constraints.max_latency_ms is None else constraints.max_latency_ms * 1e3
    return Limits(
        source_period=ticks.exact(constraints.source_period_us),
        max_stages=min(len(table.layers), constraints.max_stages or len(table.layers)),
        max_latency=NEVER if latency_us is None else min(int(ticks.limit(latency_us)), NEVER),
    )


def stage_choice(leg: Leg) -> StageChoice:
    """A stage of a route as `evaluate` takes it."""
    return StageChoice(
        first=leg.begin, last=leg.end - 1, placement=leg.option.placement, replicas=leg.option.replicas
    )
