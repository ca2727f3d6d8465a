"""What adds up over the stages of a plan, and of what a search may look for the least: time, or energy."""

from dataclasses import dataclass, replace

import numpy as np

from host.planner.costs import Cost, CostTable
from host.planner.problem import NEVER, Int64s, Problem
from host.planner.ticks import Ticks


@dataclass(frozen=True, slots=True, kw_only=True)
class Quantity:
    """Whole numbers that add up.

    Attributes:
        prefix: Of the layers before a cut, by (placement, cut).
        entry: What a stage takes on top of its layers, by (processor before, processor, cut where it begins).
        least_rest: What the layers after a cut take at least.
    """

    prefix: Int64s
    entry: Int64s
    least_rest: Int64s


def latency_of(problem: Problem) -> Quantity:
    """The time of a frame through all stages, in ticks."""
    return Quantity(
        prefix=problem.prefix, entry=problem.transfer + problem.handover, least_rest=problem.least_rest
    )


def nothing_of(problem: Problem) -> Quantity:
    """What takes nothing: the energy where it does not matter."""
    return Quantity(
        prefix=np.zeros_like(problem.prefix),
        entry=np.zeros_like(problem.transfer),
        least_rest=np.zeros_like(problem.least_rest),
    )


def energy_of(table: CostTable, problem: Problem, ticks: Ticks) -> Quantity:
    """The energy of a frame above the idle board's.

    Args:
        table: Its costs all have an energy (`with_energies`).
        problem: What was made of it at one operating point.
        ticks: Of a microjoule.
    """
    names = [table.processors[position].name for position in problem.positions]
    entry = np.zeros(problem.transfer.shape, dtype=np.int64)
    for before, source in enumerate(names):
        for after, target in enumerate(names):
            if row := table.transfer(source, target):
                entry[before, after, 1:] = NEVER if row.energy_uj is None else ticks.count(row.energy_uj)
    entry[:, :, 0] = 0
    energies = np.array([_energies(table, problem, row, ticks) for row in range(len(problem.placements))])
    prefix = np.zeros((energies.shape[0], energies.shape[1] + 1), dtype=np.int64)
    prefix[:, 1:] = np.where(energies == NEVER, 0, energies).cumsum(axis=1)
    rest = np.zeros(energies.shape[1] + 1, dtype=np.int64)
    rest[:-1] = energies.min(axis=0)[::-1].cumsum()[::-1]
    return Quantity(prefix=prefix, entry=entry, least_rest=rest)


def _energies(table: CostTable, problem: Problem, row: int, ticks: Ticks) -> Int64s:
    placement = problem.placements[row]
    energies = np.full(problem.layers, NEVER, dtype=np.int64)
    energies_uj = table.energies_uj.get((placement, problem.point.level(placement.processor)))
    if energies_uj is not None:
        known = ~np.isnan(energies_uj)
        energies[known] = ticks.counts(energies_uj[known])
    return energies


def with_energies(table: CostTable) -> CostTable:
    """The table without costs whose energy is not known, and without points whose idle power is not."""
    layers = [
        replace(layer, costs={key: cost for key, cost in layer.costs.items() if cost.energy_uj is not None})
        for layer in table.layers
    ]
    points = [point for point in table.operating_points if point.idle_power_mw is not None]
    return replace(table, layers=tuple(layers), operating_points=tuple(points))


def energy_ticks(table: CostTable) -> Ticks:
    """Ticks of a microjoule that are fine enough and not too fine for a table."""
    most = sum(max(map(_energy, layer.costs.values()), default=0.0) for layer in table.layers)
    transfers = max((row.energy_uj or 0.0 for row in table.transfers), default=0.0)
    return Ticks.of_most(most + len(table.layers) * transfers)


def _energy(cost: Cost) -> float:
    return cost.energy_uj or 0.0
