"""Cores of one board share caches and memory: what runs beside other work takes longer than what runs alone.

Two things tell by how much. Every layer is measured with and without work on the other cores. And every pipeline that
ran has shown how its stages fared with what really ran beside them.
"""

import math
import operator
from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import median
from typing import Final

from host.planner.costs import Cost, CostTable, Placement
from host.planner.plan import Plan

_NEWEST: Final = 16
"""So many stages tell what to expect of a placement."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Slowed:
    """How the layers of one stage fared in a pipeline.

    Attributes:
        placement: Where they ran.
        level: The processor's clock level.
        is_alone: Whether nothing ran beside them: one stage, one replica.
        has_replicas: Whether some stage of that pipeline had several; these take more of what all cores share than
            stages that differ.
        layers: Their positions in the network; empty for a stage of another network.
        slowdown: What they took over what their costs promised.
    """

    placement: Placement
    level: str
    is_alone: bool
    has_replicas: bool
    layers: range
    slowdown: float


def knows_contention(table: CostTable) -> bool:
    """Whether some cost says what work on the other cores does to it."""
    return any(cost.busy_latency_us is not None for layer in table.layers for cost in layer.costs.values())


def busy(table: CostTable) -> CostTable:
    """The costs while the rest of the board works; where that is not known, as if it did not matter."""
    layers = [
        replace(
            layer, costs={key: replace(cost, latency_us=_busy_us(cost)) for key, cost in layer.costs.items()}
        )
        for layer in table.layers
    ]
    return replace(table, layers=tuple(layers))


def corrected(table: CostTable, stages: Sequence[Slowed]) -> CostTable:
    """The costs as running pipelines have shown them.

    A layer's cost is multiplied by the slowdown of the stages that held it on that placement, newer ones counting twice
    as much as the one before; where there was none, by the median of the newest stages on that placement.

    Args:
        table: The costs as they were measured.
        stages: How stages fared, the newest first.
    """
    if not stages:
        return table
    alone = _Factors([stage for stage in stages if stage.is_alone])
    beside = _Factors([stage for stage in stages if not stage.is_alone])
    layers = [
        replace(
            layer,
            costs={
                key: replace(
                    cost,
                    latency_us=cost.latency_us * alone.of(position, *key),
                    busy_latency_us=_busy_us(cost) * beside.of(position, *key),
                )
                for key, cost in layer.costs.items()
            },
        )
        for position, layer in enumerate(table.layers)
    ]
    return replace(table, layers=tuple(layers))


class _Factors:
    """What to multiply costs by.

    Args:
        stages: How stages fared that were all alone, or all beside others; the newest first.
    """

    def __init__(self, stages: Sequence[Slowed]) -> None:
        self._stages: dict[tuple[Placement, str], list[Slowed]] = {}
        for stage in stages:
            self._stages.setdefault((stage.placement, stage.level), []).append(stage)
        self._usual = {
            key: median(stage.slowdown for stage in known[:_NEWEST]) for key, known in self._stages.items()
        }

    def of(self, position: int, placement: Placement, level: str) -> float:
        """The factor of one layer."""
        known = self._stages.get((placement, level), ())
        logs = [math.log(stage.slowdown) for stage in known if position in stage.layers]
        if not logs:
            return self._usual.get((placement, level), 1.0)
        weights = [0.5**age for age in range(len(logs))]
        return math.exp(sum(map(operator.mul, weights, logs)) / sum(weights))


def slowdowns(table: CostTable, plan: Plan, stage_us: Sequence[float], period_us: float) -> list[float]:
    """What the layers of each stage of a running pipeline took over what their costs promised.

    Stages that are not quite steady make each other wait, so that the period is longer than the longest stage. That is
    shared out among them: what counts is the period.

    Args:
        table: The costs as they were measured.
        plan: What ran.
        stage_us: Mean time of each stage, hand-over included.
        period_us: The measured period.
    """
    is_alone = len(plan.stages) == 1 and plan.stages[0].replicas == 1
    point = next(point for point in table.operating_points if point.name == plan.operating_point)
    longest = max(time / stage.replicas for time, stage in zip(stage_us, plan.stages, strict=True))
    unrest = max(period_us / longest, 1.0)
    found = []
    for before, stage, time in zip((None, *plan.stages), plan.stages, stage_us, strict=False):
        placement = Placement(processor=stage.processor, cores=stage.cores)
        key = (placement, point.level(stage.processor))
        costs = [layer.costs[key] for layer in table.layers[stage.first : stage.last + 1]]
        promised = math.fsum(cost.latency_us if is_alone else _busy_us(cost) for cost in costs)
        transfer = table.transfer(before.processor, stage.processor) if before else None
        other = table.handover_us + (transfer.time_us(table.crossing_bytes[stage.first]) if transfer else 0.0)
        found.append(max(time * unrest - other, time / 2) / promised if promised else 1.0)
    return found


def _busy_us(cost: Cost) -> float:
    return cost.latency_us if cost.busy_latency_us is None else cost.busy_latency_us
