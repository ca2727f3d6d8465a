"""Cores that are slower than they were, because something else runs on them or because they throttle."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from host.planner.costs import Cost, CostTable, OperatingPoint, Placement, Processor, Transfer

_SOUND: Final = 1.05
"""Up to such a factor a core counts as sound."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitBoard:
    """A board whose slow cores are processors of their own.

    Attributes:
        table: The costs there, for what `CostTable` says.
        cpus: The CPUs of each processor that consists of them.
        real_names: What each processor is called on the board.
    """

    table: CostTable
    cpus: Mapping[str, tuple[int, ...]]
    real_names: Mapping[str, str]


def split(
    table: CostTable, cpus: Mapping[str, Sequence[int]], slowness: Mapping[int | str, float]
) -> SplitBoard:
    """Makes every slow core a processor of its own, so that a plan can give it less to do.

    Args:
        table: The costs on sound cores.
        cpus: The CPUs of each processor that consists of them.
        slowness: By which factor layers take longer on a CPU than on a sound one, and on another processor than they
            did; those that are missing are sound.
    """
    parts: dict[str, tuple[str, tuple[int, ...], float]] = {}
    for processor in table.processors:
        ids = cpus.get(processor.name)
        if ids is None:
            parts[processor.name] = (processor.name, (), slowness.get(processor.name, 1.0))
            continue
        sound = tuple(cpu for cpu in ids if slowness.get(cpu, 1.0) <= _SOUND)
        if sound:
            parts[processor.name] = (processor.name, sound, 1.0)
        for cpu in ids:
            if cpu not in sound:
                parts[f"{processor.name}/{cpu}"] = (processor.name, (cpu,), slowness[cpu])
    return SplitBoard(
        table=_split_table(table, parts),
        cpus={name: ids for name, (_, ids, _) in parts.items() if ids},
        real_names={name: real for name, (real, _, _) in parts.items()},
    )


_Parts = Mapping[str, tuple[str, tuple[int, ...], float]]


def _split_table(table: CostTable, parts: _Parts) -> CostTable:
    cores = {processor.name: processor.cores for processor in table.processors}
    return replace(
        table,
        processors=tuple(
            Processor(name=name, cores=len(ids) or cores[real]) for name, (real, ids, _) in parts.items()
        ),
        operating_points=tuple(_split_point(point, parts) for point in table.operating_points),
        layers=tuple(replace(layer, costs=_split_costs(layer.costs, parts)) for layer in table.layers),
        transfers=tuple(_split_transfers(table, parts)),
    )


def _split_point(point: OperatingPoint, parts: _Parts) -> OperatingPoint:
    levels = {name: point.level(real) for name, (real, _, _) in parts.items()}
    return replace(point, levels=levels, cores={})


def _split_costs(
    costs: Mapping[tuple[Placement, str], Cost], parts: _Parts
) -> dict[tuple[Placement, str], Cost]:
    found = {}
    for (placement, level), cost in costs.items():
        for name, (real, ids, factor) in parts.items():
            if real == placement.processor and (not ids or placement.cores <= len(ids)):
                busy_us = cost.busy_latency_us
                found[Placement(processor=name, cores=placement.cores), level] = replace(
                    cost,
                    latency_us=factor * cost.latency_us,
                    busy_latency_us=None if busy_us is None else factor * busy_us,
                )
    return found


def _split_transfers(table: CostTable, parts: _Parts) -> list[Transfer]:
    return [
        replace(row, source=source, target=target)
        for row in table.transfers
        for source, (real_source, _, _) in parts.items()
        for target, (real_target, _, _) in parts.items()
        if (real_source, real_target) == (row.source, row.target)
    ]
