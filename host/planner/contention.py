"""Cores of one board share caches and memory: what runs beside other work takes longer than what runs alone."""

from dataclasses import replace

from host.planner.costs import Cost, CostTable


def knows_contention(table: CostTable) -> bool:
    """Whether some cost says what work on the other cores does to it."""
    return any(cost.busy_latency_us is not None for layer in table.layers for cost in layer.costs.values())


def busy(table: CostTable) -> CostTable:
    """The costs while the rest of the board works; where that is not known, as if it did not matter."""
    layers = [
        replace(layer, costs={key: _busy(cost) for key, cost in layer.costs.items()})
        for layer in table.layers
    ]
    return replace(table, layers=tuple(layers))


def _busy(cost: Cost) -> Cost:
    return cost if cost.busy_latency_us is None else replace(cost, latency_us=cost.busy_latency_us)
