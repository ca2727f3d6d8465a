"""One operating point's costs as whole numbers in arrays: what the searches read."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from host.planner.constraints import Constraints
from host.planner.costs import CostTable, OperatingPoint, Placement
from host.planner.ticks import Ticks
from host.planner.usage import UsageGrid

Int64s = NDArray[np.int64]
Floats = NDArray[np.float64]

NEVER: Final = 1 << 60
"""More ticks than any plan takes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """A way to run a stage.

    Attributes:
        row: The placement's row in the problem's arrays.
        processor: Position of the processor.
        placement: The placement.
        replicas: How many copies take frames in turn.
        units: What all replicas take of the processor, in the usage grid's units.
    """

    row: int
    processor: int
    placement: Placement
    replicas: int
    units: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """The search space at one operating point; `cut` k lies before layer k, and cut `layers` after the last.

    Attributes:
        point: The operating point.
        point_index: Its position in the table.
        layers: How many there are.
        positions: For each of the processors that may be used its position in the table.
        placements: The placements, by row.
        grid: How much of every processor may be in use.
        options: Every placement with every possible number of replicas.
        prefix: Ticks of the layers before a cut, by (placement, cut); unavailable layers count nothing.
        stop: The furthest cut that a stage beginning at a cut may reach, by (placement, cut).
        transfer: Ticks to move what crosses a cut, by (processor before, processor after, cut).
        handover: Ticks that every stage takes on top.
        work: Core ticks that a layer takes at least on a processor, by (layer, processor); infinite where it
            has no cost.
        least_rest: Ticks that the layers after a cut take at least.
        uncovered: The first layer without a cost on any placement; None when there is none.
    """

    point: OperatingPoint
    point_index: int
    layers: int
    positions: tuple[int, ...]
    placements: tuple[Placement, ...]
    grid: UsageGrid
    options: tuple[Option, ...]
    prefix: Int64s
    stop: Int64s
    transfer: Int64s
    handover: int
    work: Floats
    least_rest: Int64s
    uncovered: int | None


def build_problem(table: CostTable, index: int, constraints: Constraints, ticks: Ticks) -> Problem:
    """Puts the costs at one operating point into arrays.

    Args:
        table: The costs.
        index: Position of the operating point.
        constraints: Avoided processors, replicas and forced cuts are already left out here; every processor that must
            be used runs at this point.
        ticks: The unit.
    """
    point = table.operating_points[index]
    cores = {row.name: point.cores_of(row) for row in table.processors if row.name not in constraints.avoid}
    names = [name for name, count in cores.items() if count]
    placements = [row for row in table.placements if row.cores <= cores.get(row.processor, 0)]
    latency = _latencies(table, placements, point, ticks)
    grid = _grid(cores, names, placements, constraints)
    fastest = latency.min(axis=0, initial=NEVER)
    uncovered = np.flatnonzero(fastest == NEVER)
    return Problem(
        point=point,
        point_index=index,
        layers=len(table.layers),
        positions=tuple(index for index, row in enumerate(table.processors) if row.name in names),
        placements=tuple(placements),
        grid=grid,
        options=_options(placements, names, grid, constraints),
        prefix=_before_each_cut(np.where(latency == NEVER, 0, latency)),
        stop=_stops(latency, _forced_cuts(table, constraints)),
        transfer=_transfers(table, names, ticks),
        handover=ticks.count(table.handover_us),
        work=_work(latency, placements, names),
        least_rest=_after_each_cut(np.where(fastest == NEVER, 0, fastest)),
        uncovered=int(uncovered[0]) if uncovered.size else None,
    )


def runs_at(table: CostTable, point: OperatingPoint, constraints: Constraints) -> bool:
    """Whether a point runs all processors that must be used, and any that may be."""
    running = {row.name for row in table.processors if point.cores_of(row)}
    return running >= set(constraints.use) and bool(running - set(constraints.avoid))


def _latencies(
    table: CostTable, placements: Sequence[Placement], point: OperatingPoint, ticks: Ticks
) -> Int64s:
    latency = np.full((len(placements), len(table.layers)), NEVER, dtype=np.int64)
    for row, placement in enumerate(placements):
        times_us = table.latencies_us.get((placement, point.level(placement.processor)))
        if times_us is not None:
            known = ~np.isnan(times_us)
            latency[row, known] = ticks.counts(times_us[known])
    return latency


def _grid(
    cores: Mapping[str, int], names: Sequence[str], placements: Sequence[Placement], constraints: Constraints
) -> UsageGrid:
    units = [
        math.gcd(*(placement.cores for placement in placements if placement.processor == name)) or cores[name]
        for name in names
    ]
    return UsageGrid(
        cores=tuple(cores[name] for name in names),
        units=tuple(units),
        required=tuple(names.index(name) for name in dict.fromkeys(constraints.use)),
    )


def _options(
    placements: Sequence[Placement], names: Sequence[str], grid: UsageGrid, constraints: Constraints
) -> tuple[Option, ...]:
    options = []
    for row, placement in enumerate(placements):
        processor = names.index(placement.processor)
        most = 1 if constraints.no_replicas else grid.cores[processor] // placement.cores
        options += [
            Option(
                row=row,
                processor=processor,
                placement=placement,
                replicas=replicas,
                units=placement.cores * replicas // grid.units[processor],
            )
            for replicas in range(1, most + 1)
        ]
    return tuple(options)


def _forced_cuts(table: CostTable, constraints: Constraints) -> set[int]:
    return {index + 1 for index, layer in enumerate(table.layers) if layer.name in constraints.cuts}


def _stops(latency: Int64s, forced: set[int]) -> Int64s:
    rows, layers = latency.shape
    stop = np.full((rows, layers + 1), layers, dtype=np.int64)
    for cut in range(layers - 1, -1, -1):
        onward = stop[:, cut + 1] if cut + 1 not in forced else cut + 1
        stop[:, cut] = np.where(latency[:, cut] == NEVER, cut, onward)
    return stop


def _transfers(table: CostTable, names: Sequence[str], ticks: Ticks) -> Int64s:
    transfer = np.zeros((len(names), len(names), len(table.layers) + 1), dtype=np.int64)
    for before, source in enumerate(names):
        for after, target in enumerate(names):
            if row := table.transfer(source, target):
                times_us = np.array([row.time_us(crossing) for crossing in table.crossing_bytes[1:]])
                transfer[before, after, 1:-1] = ticks.counts(times_us)
    return transfer


def _work(latency: Int64s, placements: Sequence[Placement], names: Sequence[str]) -> Floats:
    work = np.full((latency.shape[1], len(names)), np.inf)
    for row, placement in enumerate(placements):
        processor = names.index(placement.processor)
        core_ticks = np.where(latency[row] == NEVER, np.inf, latency[row] * float(placement.cores))
        work[:, processor] = np.minimum(work[:, processor], core_ticks)
    return work


def _before_each_cut(latency: Int64s) -> Int64s:
    prefix = np.zeros((latency.shape[0], latency.shape[1] + 1), dtype=np.int64)
    prefix[:, 1:] = latency.cumsum(axis=1)
    return prefix


def _after_each_cut(latency: Int64s) -> Int64s:
    rest = np.zeros(latency.shape[0] + 1, dtype=np.int64)
    rest[:-1] = latency[::-1].cumsum()[::-1]
    return rest
