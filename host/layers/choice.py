"""Which variants of its kernels a layer may use on a target, and how they are written down. Pure."""

from collections.abc import Mapping
from typing import Any

from host.kernels import candidates
from host.kernels.variants import name_of
from host.layers.graph import Choice, Layer, LayerGraph, distinct

_MOST = 8
"""Schedules of a layer that a board is asked to try."""

_BETWEEN = "+"


def schedules(graph: LayerGraph, layer: Layer, target: Mapping[str, Any]) -> tuple[tuple[str, ...], ...]:
    """Ways to schedule a layer, the likeliest first: only the kernel with the most work is varied.

    Args:
        graph: The layer's network.
        layer: The layer.
        target: TVM's target as a dictionary.
    """
    found = [tuple(map(name_of, candidates(graph.kernels[call.kernel], target))) for call in layer.calls]
    likeliest = tuple(names[0] for names in found)
    main = max(range(len(found)), key=lambda index: graph.kernels[layer.calls[index].kernel].flops)
    return tuple((*likeliest[:main], name, *likeliest[main + 1 :]) for name in found[main][:_MOST])


def likeliest(graph: LayerGraph, target: Mapping[str, Any]) -> Choice:
    """Every layer as it is probably fastest."""
    return {name: schedules(graph, layer, target)[0] for name, layer in distinct(graph.layers).items()}


def text_of(schedule: tuple[str, ...]) -> str:
    """A layer's schedule as it is stored: `plain+direct-1-14-32-pixels`."""
    return _BETWEEN.join(schedule)


def schedule_of(text: str) -> tuple[str, ...]:
    """The schedule that `text_of` wrote."""
    return tuple(text.split(_BETWEEN))
