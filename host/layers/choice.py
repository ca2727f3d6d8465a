"""Which variants of its kernels a layer may use on a target, and how they are written down. Pure."""

from collections.abc import Mapping
from typing import Any

from host.kernels import candidates
from host.kernels.variants import name_of
from host.layers.graph import Choice, Layer, LayerGraph, distinct

_MOST = 8
"""Schedules of a layer that a board is asked to try."""

_BETWEEN = "+"


def main_call(graph: LayerGraph, layer: Layer) -> int:
    """Index of the call of a layer that has the most work."""
    return max(range(len(layer.calls)), key=lambda index: graph.kernels[layer.calls[index].kernel].flops)


def schedules(
    graph: LayerGraph, layer: Layer, target: Mapping[str, Any], tuned: Mapping[str, str] | None = None
) -> tuple[tuple[str, ...], ...]:
    """Ways to schedule a layer, the likeliest first: only the kernel with the most work is varied.

    Args:
        graph: The layer's network.
        layer: The layer.
        target: TVM's target as a dictionary.
        tuned: By a kernel's digest the variant that a search found for it, where one did.
    """
    found = [tuple(map(name_of, candidates(graph.kernels[call.kernel], target))) for call in layer.calls]
    likeliest = tuple(names[0] for names in found)
    main = main_call(graph, layer)
    known = (tuned or {}).get(layer.calls[main].kernel)
    names = (*found[main][:_MOST], known) if known else found[main][:_MOST]
    return tuple((*likeliest[:main], name, *likeliest[main + 1 :]) for name in names)


def likeliest(graph: LayerGraph, target: Mapping[str, Any]) -> Choice:
    """Every layer as it is probably fastest."""
    return {name: schedules(graph, layer, target)[0] for name, layer in distinct(graph.layers).items()}


def text_of(schedule: tuple[str, ...]) -> str:
    """A layer's schedule as it is stored: `plain+direct-1-14-32-pixels`."""
    return _BETWEEN.join(schedule)


def schedule_of(text: str) -> tuple[str, ...]:
    """The schedule that `text_of` wrote."""
    return tuple(text.split(_BETWEEN))
