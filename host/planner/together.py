"""Several networks on one board at once, each with a rate of its own.

One after the other they make one long network with a forced cut between each two, whose times are weighted with the
rates: then a stage's contribution is the part of the time that it is busy, and the longest one is the board's load. So
the solver for one network answers for several, as exactly.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, pairwise
from typing import Any, Final

import numpy as np

from host.errors import InfeasibleError, UsageError
from host.planner.bound import fractional_bound
from host.planner.constraints import Constraints
from host.planner.contention import busy
from host.planner.costs import CostTable, LayerCosts
from host.planner.evaluate import evaluate, find_baseline
from host.planner.plan import Plan
from host.planner.problem import NEVER, Int64s, Problem, build_problem, runs_at
from host.planner.routes import Leg
from host.planner.search import Limits, best_over_points
from host.planner.solver import stage_choice
from host.planner.ticks import Ticks

SCHEMA: Final = "stageline.shared/1"

_US_PER_S: Final = 1e6
_SLACK: Final = 1 + 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class Shared:
    """Plans that share a board.

    Attributes:
        plans: One for each network.
        rates_fps: What each network's camera delivers.
        load: The part of the time that the busiest stage is busy at these rates.
    """

    plans: tuple[Plan, ...]
    rates_fps: tuple[float, ...]
    load: float

    def to_document(self) -> dict[str, Any]:
        """As a `stageline.shared/1` document."""
        return {
            "schema": SCHEMA,
            "load": self.load,
            "rates_fps": list(self.rates_fps),
            "plans": [plan.to_document() for plan in self.plans],
        }


def solve_together(
    tables: Sequence[CostTable],
    rates_fps: Sequence[float] | None = None,
    constraints: Constraints | None = None,
) -> Shared:
    """Finds the plans with which the busiest stage is busy for the least part of the time.

    Every stage has cores of its own, and all networks run at the same operating point. Since the board is shared,
    layers take what they take beside other work.

    Args:
        tables: What every layer of each network costs, on the same board at the same operating points.
        rates_fps: Frames a second of each network; None for the highest rate that all of them can have.
        constraints: Which plans are acceptable: stages of all networks together, replicas and processors.

    Raises:
        UsageError: The networks are not of one board, or a constraint has no meaning for several.
        InfeasibleError: No plans meet the constraints, or none keep up with the rates.
        InputError: The costs cannot be computed with.
    """
    constraints = constraints or Constraints()
    rates = [1.0] * len(tables) if rates_fps is None else list(rates_fps)
    _require_one_board(tables, rates, constraints)
    tables = [busy(table) for table in tables]
    weights = [rate / max(rates) for rate in rates]
    joined = _joined(tables, weights)
    borders = list(accumulate((len(table.layers) for table in tables), initial=0))
    limits = replace(constraints, cuts=tuple(joined.layers[border - 1].name for border in borders[1:-1]))
    limits.check_names(joined)
    ticks = Ticks.of_tables(tables)
    problems = [
        _problem(joined, tables, weights, index, limits, ticks)
        for index, point in enumerate(joined.operating_points)
        if runs_at(joined, point, limits)
    ]
    problems = [problem for problem in problems if problem.uncovered is None]
    if not problems:
        raise InfeasibleError("the networks cannot all run on what is left of the board")
    for problem in problems:
        problem.grid.require_tractable(len(joined.layers))
    bounds = [
        fractional_bound(problem.work, np.array(problem.grid.cores, dtype=np.float64)) for problem in problems
    ]
    search = Limits(
        source_period=ticks.exact(0.0),
        max_stages=min(len(joined.layers), constraints.max_stages or len(joined.layers)),
        max_latency=NEVER,
    )
    best = best_over_points(problems, bounds, search)
    if best is None:
        raise InfeasibleError(
            f"{len(tables)} networks need at least {len(tables)} stages, and the board or --max-stages allows fewer",
            hint="raise --max-stages, or leave a network out",
        )
    load = ticks.microseconds(best.period) * max(rates) / _US_PER_S
    if rates_fps is None:
        rates, load = [rate / load for rate in rates], 1.0
    if load > _SLACK:
        raise InfeasibleError(
            f"the board keeps up with {100 / load:.0f} % of these rates at most",
            hint=f"lower --fps, for instance to {','.join(f'{rate / load:.4g}' for rate in rates)}",
        )
    bound_us = ticks.microseconds(min(bound.period for bound in bounds))
    plans = [
        evaluate(
            table,
            best.problem.point,
            [stage_choice(leg) for leg in legs],
            constraints=Constraints(),
            baseline=find_baseline(table, constraints),
            bound_us=bound_us / weight,
        )
        for table, weight, legs in zip(tables, weights, _parts(best.route.legs, borders), strict=True)
    ]
    return Shared(plans=tuple(plans), rates_fps=tuple(rates), load=load)


def _require_one_board(
    tables: Sequence[CostTable], rates_fps: Sequence[float], constraints: Constraints
) -> None:
    if len(rates_fps) != len(tables):
        raise UsageError(f"{len(tables)} networks have {len(tables)} rates, and --fps names {len(rates_fps)}")
    first, *others = tables
    for table in others:
        here = (table.board, table.processors, [point.name for point in table.operating_points])
        if here != (first.board, first.processors, [point.name for point in first.operating_points]):
            raise UsageError(f"{first.model} and {table.model} were not measured on the same board")
    limits = (
        constraints.max_latency_ms,
        constraints.max_power_w,
        constraints.source_fps,
        constraints.min_fps,
    )
    if constraints.cuts or any(limits):
        raise UsageError(
            "several networks are planned with --fps, --max-stages, --no-replicas, --use and --avoid only"
        )


def _joined(tables: Sequence[CostTable], weights: Sequence[float]) -> CostTable:
    """One network after the other, with weighted times; what moving tensors takes is missing."""
    return replace(
        tables[0],
        model=" and ".join(table.model for table in tables),
        layers=tuple(_layers(tables, weights)),
        transfers=(),
        handover_us=max(table.handover_us for table in tables),
    )


def _layers(tables: Sequence[CostTable], weights: Sequence[float]) -> Iterator[LayerCosts]:
    for number, (table, weight) in enumerate(zip(tables, weights, strict=True)):
        for layer in table.layers:
            costs = {
                key: replace(cost, latency_us=weight * cost.latency_us, energy_uj=None)
                for key, cost in layer.costs.items()
            }
            yield replace(layer, name=f"{number}:{layer.name}", inputs=(), costs=costs)


def _problem(
    joined: CostTable,
    tables: Sequence[CostTable],
    weights: Sequence[float],
    index: int,
    limits: Constraints,
    ticks: Ticks,
) -> Problem:
    """The joined problem, with each network's own transfers and hand-overs; nothing crosses from one to the next."""
    problem = build_problem(joined, index, limits, ticks)
    names = [joined.processors[position].name for position in problem.positions]
    entries = [_entry(table, weight, names, ticks) for table, weight in zip(tables, weights, strict=True)]
    last = np.zeros((*entries[0].shape[:2], 1), dtype=np.int64)
    return replace(problem, transfer=np.concatenate([*entries, last], axis=2), handover=0)


def _entry(table: CostTable, weight: float, names: Sequence[str], ticks: Ticks) -> Int64s:
    """What a stage takes besides its layers, by (processor before, its processor, cut where it begins)."""
    entry = np.full((len(names), len(names), len(table.layers)), ticks.count(weight * table.handover_us))
    for before, source in enumerate(names):
        for after, target in enumerate(names):
            if row := table.transfer(source, target):
                times_us = np.array([row.time_us(crossing) for crossing in table.crossing_bytes[1:]])
                entry[before, after, 1:] = ticks.counts(weight * (table.handover_us + times_us))
    return entry


def _parts(legs: Sequence[Leg], borders: Sequence[int]) -> Iterator[list[Leg]]:
    for begin, end in pairwise(borders):
        yield [
            replace(leg, begin=leg.begin - begin, end=leg.end - begin)
            for leg in legs
            if begin <= leg.begin and leg.end <= end
        ]
