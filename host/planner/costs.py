"""What a network costs on a board: the numbers that every plan is made of."""

import math
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import accumulate
from typing import Final

import numpy as np
from numpy.typing import NDArray

INPUT: Final = "input"
"""What a layer's inputs call the model's own input."""

_US_PER_S: Final = 1e6


@dataclass(frozen=True, slots=True, kw_only=True)
class Processor:
    """One resource group of a board.

    Attributes:
        name: Such as `a57` or `gpu`.
        cores: How many cores all stages together may use; a GPU has one.
    """

    name: str
    cores: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """Where a stage runs: a processor and how many of its cores one replica uses."""

    processor: str
    cores: int


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatingPoint:
    """A named setting of the whole board's clocks.

    Attributes:
        name: Such as `maxn`.
        levels: The level of each processor; a processor that is not named has a level of the point's own
            name.
        idle_power_mw: What the board draws while nothing runs; None without a sensor.
        cores: How many cores of a processor run at this point, where it is not all of them.
    """

    name: str
    levels: Mapping[str, str] = field(default_factory=dict)
    idle_power_mw: float | None = None
    cores: Mapping[str, int] = field(default_factory=dict)

    def level(self, processor: str) -> str:
        """The level of a processor."""
        return self.levels.get(processor, self.name)

    def cores_of(self, processor: Processor) -> int:
        """How many cores of a processor stages may use."""
        return self.cores.get(processor.name, processor.cores)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What one layer takes on one placement at one level.

    Attributes:
        latency_us: Latency while the rest of the board is idle.
        energy_uj: Energy above idle; None without a sensor.
        busy_latency_us: Latency while the board's other cores work, too; None where that is not known.
    """

    latency_us: float
    energy_uj: float | None = None
    busy_latency_us: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerCosts:
    """A layer and what it takes wherever it was measured.

    Attributes:
        name: The layer.
        inputs: The layers whose outputs it reads, or `input`.
        output_bytes: Size of all its outputs.
        costs: By placement and level.
    """

    name: str
    inputs: tuple[str, ...]
    output_bytes: int
    costs: Mapping[tuple[Placement, str], Cost]


@dataclass(frozen=True, slots=True, kw_only=True)
class Transfer:
    """What it takes to move the tensors of a cut from one processor to another.

    Attributes:
        source: Processor of the stage before.
        target: Processor of the stage after.
        latency_us: Time for no bytes at all.
        bytes_per_s: Bandwidth, more than zero.
        energy_uj: Energy of one transfer; None without a sensor.
    """

    source: str
    target: str
    latency_us: float
    bytes_per_s: float
    energy_uj: float | None = None

    def time_us(self, crossing_bytes: int) -> float:
        """How long the tensors of a cut take."""
        return self.latency_us + crossing_bytes / self.bytes_per_s * _US_PER_S


@dataclass(frozen=True, kw_only=True)
class CostTable:
    """Everything that the planner needs to know.

    Attributes:
        model: Name of the network.
        board: Name of the board.
        layers: In execution order.
        input_bytes: Size of the model's input, which costs nothing.
        processors: The board's resources.
        operating_points: The settings to choose from.
        transfers: At most one row for each ordered pair of processors; a pair without a row is free.
        handover_us: What every stage takes for each frame on top of its layers.
    """

    model: str
    board: str
    layers: tuple[LayerCosts, ...]
    input_bytes: int
    processors: tuple[Processor, ...]
    operating_points: tuple[OperatingPoint, ...]
    transfers: tuple[Transfer, ...] = ()
    handover_us: float = 0.0

    @cached_property
    def crossing_bytes(self) -> tuple[int, ...]:
        """For each cut the bytes of all tensors that live across it.

        Element `k` belongs to the cut before layer `k`; the cut before the first layer carries only the
        model's input, which costs nothing. A tensor that only a later layer reads crosses every cut up to
        that layer; an output of the model that no layer reads leaves with its stage and crosses nothing.
        """
        last_reader: dict[str, int] = {}
        for position, layer in enumerate(self.layers):
            last_reader.update(dict.fromkeys(layer.inputs, position))
        change = [0] * (len(self.layers) + 1)
        for position, layer in enumerate(self.layers):
            change[position + 1] += layer.output_bytes
            change[last_reader.get(layer.name, position) + 1] -= layer.output_bytes
        return tuple(accumulate(change[:-1]))

    @cached_property
    def placements(self) -> tuple[Placement, ...]:
        """Every placement with a cost: by processor in the table's order, then by cores."""
        order = {processor.name: index for index, processor in enumerate(self.processors)}
        known = {placement for layer in self.layers for placement, _ in layer.costs}
        return tuple(sorted(known, key=lambda placement: (order[placement.processor], placement.cores)))

    @cached_property
    def latencies_us(self) -> Mapping[tuple[Placement, str], NDArray[np.float64]]:
        """Every layer's latency by placement and level; not a number where the layer has none there."""
        return self._columns(lambda cost: cost.latency_us)

    @cached_property
    def energies_uj(self) -> Mapping[tuple[Placement, str], NDArray[np.float64]]:
        """Every layer's energy by placement and level; not a number where it is not known."""
        return self._columns(lambda cost: math.nan if cost.energy_uj is None else cost.energy_uj)

    def _columns(
        self, number: Callable[[Cost], float]
    ) -> Mapping[tuple[Placement, str], NDArray[np.float64]]:
        rows: dict[tuple[Placement, str], list[tuple[int, float]]] = defaultdict(list)
        for position, layer in enumerate(self.layers):
            for key, cost in layer.costs.items():
                rows[key].append((position, number(cost)))
        columns = {}
        for key, row in rows.items():
            positions, numbers = zip(*row, strict=True)
            columns[key] = np.full(len(self.layers), np.nan)
            columns[key][list(positions)] = numbers
        return columns

    def transfer(self, source: str, target: str) -> Transfer | None:
        """The row for two processors; None where moving is free: on one processor, or without a row."""
        return None if source == target else self._transfers.get((source, target))

    @cached_property
    def _transfers(self) -> dict[tuple[str, str], Transfer]:
        return {(row.source, row.target): row for row in self.transfers}
