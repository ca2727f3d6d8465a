"""A plan's numbers from the costs as they were given, straight from their definitions."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from host.errors import InputError
from host.planner.constraints import Constraints
from host.planner.costs import Cost, CostTable, OperatingPoint, Placement, Transfer
from host.planner.plan import Baseline, Objective, Plan, PlanStage

_US_PER_S = 1e6
_NJ_PER_UJ = 1e3


@dataclass(frozen=True, slots=True, kw_only=True)
class StageChoice:
    """A stage before its numbers are known.

    Attributes:
        first: Position of its first layer.
        last: Position of its last layer.
        placement: Where it runs.
        replicas: How many copies take frames in turn.
    """

    first: int
    last: int
    placement: Placement
    replicas: int


def evaluate(
    table: CostTable,
    point: OperatingPoint,
    choices: Sequence[StageChoice],
    *,
    constraints: Constraints,
    baseline: Baseline | None,
    bound_us: float,
    objective: str = Objective.THROUGHPUT,
) -> Plan:
    """Puts a plan together.

    Args:
        table: The costs.
        point: The operating point.
        choices: The stages in order; every layer has a cost where it runs.
        constraints: The source's rate limits the period.
        baseline: What `find_baseline` gave.
        bound_us: What `fractional_bound` gave.
        objective: What was looked for.

    Raises:
        InputError: The plan would take no time, so that it has no throughput.
    """
    stages = [
        _stage(table, point, choice, before)
        for choice, before in zip(choices, (None, *choices[:-1]), strict=True)
    ]
    period = max(constraints.source_period_us, *(stage.time_us / stage.replicas for stage in stages))
    throughput = _US_PER_S / period if period > 0 else math.inf
    if not math.isfinite(throughput):
        raise InputError(f"{table.model} would take no time at all at {point.name}: its costs there are zero")
    return Plan(
        model=table.model,
        board=table.board,
        operating_point=point.name,
        objective=str(objective),
        stages=tuple(stages),
        period_us=period,
        throughput_fps=throughput,
        latency_us=math.fsum(stage.time_us for stage in stages),
        energy_uj_per_frame=_energy_per_frame(stages, point, period),
        baseline=baseline,
        gain=baseline.period_us / period if baseline else None,
        bound_us=min(max(bound_us, constraints.source_period_us), period),
    )


def find_baseline(table: CostTable, constraints: Constraints) -> Baseline | None:
    """The fastest single placement over all operating points: one stage, one replica.

    Of several that are equally fast the first with the fewest cores; None when no placement has a cost for
    every layer.
    """
    best: Baseline | None = None
    for placement in sorted(table.placements, key=lambda placement: placement.cores):
        if placement.processor in constraints.avoid:
            continue
        for point in table.operating_points:
            if not _has_cores(point, placement):
                continue
            latencies_us = table.latencies_us.get((placement, point.level(placement.processor)))
            if latencies_us is None or np.isnan(latencies_us).any():
                continue
            time = math.fsum((table.handover_us, *latencies_us.tolist()))
            period = max(time, constraints.source_period_us)
            if best is None or period < best.period_us:
                best = Baseline(processor=placement.processor, cores=placement.cores, period_us=period)
    return best


def _stage(
    table: CostTable, point: OperatingPoint, choice: StageChoice, before: StageChoice | None
) -> PlanStage:
    placement = choice.placement
    costs = _costs(table, point, placement, choice.first, choice.last)
    if costs is None:
        raise ValueError(f"a layer from {choice.first} to {choice.last} has no cost on {placement}")
    transfer = table.transfer(before.placement.processor, placement.processor) if before else None
    transfer_us = transfer.time_us(table.crossing_bytes[choice.first]) if transfer else 0.0
    return PlanStage(
        first=choice.first,
        last=choice.last,
        layers=tuple(layer.name for layer in table.layers[choice.first : choice.last + 1]),
        processor=placement.processor,
        cores=placement.cores,
        replicas=choice.replicas,
        time_us=math.fsum((table.handover_us, transfer_us, *(cost.latency_us for cost in costs))),
        energy_uj=_stage_energy(costs, transfer),
    )


def _has_cores(point: OperatingPoint, placement: Placement) -> bool:
    return placement.cores <= point.cores.get(placement.processor, placement.cores)


def _costs(
    table: CostTable, point: OperatingPoint, placement: Placement, first: int, last: int
) -> list[Cost] | None:
    if not _has_cores(point, placement):
        return None
    key = (placement, point.level(placement.processor))
    costs = [layer.costs.get(key) for layer in table.layers[first : last + 1]]
    known = [cost for cost in costs if cost is not None]
    return known if len(known) == len(costs) else None


def _stage_energy(costs: Sequence[Cost], transfer: Transfer | None) -> float | None:
    energies = [cost.energy_uj for cost in costs] + ([transfer.energy_uj] if transfer else [])
    return _sum_if_complete(energies)


def _energy_per_frame(stages: Sequence[PlanStage], point: OperatingPoint, period_us: float) -> float | None:
    if point.idle_power_mw is None:
        return None
    return _sum_if_complete(
        [*(stage.energy_uj for stage in stages), point.idle_power_mw * period_us / _NJ_PER_UJ]
    )


def _sum_if_complete(energies: Sequence[float | None]) -> float | None:
    known = [energy for energy in energies if energy is not None]
    return math.fsum(known) if len(known) == len(energies) else None
