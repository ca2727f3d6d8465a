"""Which variants of its kernels a layer may use on a target, and how they are written down. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any

from host.kernels import candidates
from host.kernels.variants import name_of
from host.layers.graph import Choice, KernelCall, Layer, LayerGraph, distinct

_MOST = 8
"""Schedules of a layer that a board is asked to try."""

_BETWEEN = "+"


def main_call(graph: LayerGraph, layer: Layer) -> int:
    """Index of the call of a layer that has the most work."""
    return max(range(len(layer.calls)), key=lambda index: graph.kernels[layer.calls[index].kernel].flops)


def schedules(
    graph: LayerGraph, layer: Layer, target: Mapping[str, Any], tuned: Mapping[str, str] | None = None
) -> tuple[tuple[str, ...], ...]:
    """Ways to schedule a layer, the likeliest first, those with joined calls last; at most `_MOST` and a tuned one.

    Args:
        graph: The layer's network.
        layer: The layer.
        target: TVM's target as a dictionary.
        tuned: By a kernel's digest the variant that a search found for it, where one did.
    """
    ways = _varied(graph, layer.calls, target)
    joined = _varied(graph, layer.joined, target)
    found = [*ways[: max(1, _MOST - len(joined))], *joined]
    main = main_call(graph, layer)
    if known := (tuned or {}).get(layer.calls[main].kernel):
        found.append((*ways[0][:main], known, *ways[0][main + 1 :]))
    return tuple(found)


def _varied(
    graph: LayerGraph, calls: Sequence[KernelCall], target: Mapping[str, Any]
) -> list[tuple[str, ...]]:
    """Every kernel as it is probably fastest, then with one of them varied, in turns, that with the most work first.

    None where there are no calls, or where one of them has no kernel on the target.
    """
    found = [tuple(map(name_of, candidates(graph.kernels[call.kernel], target))) for call in calls]
    if not found or not all(found):
        return []
    first = tuple(names[0] for names in found)
    order = sorted(range(len(calls)), key=lambda index: -graph.kernels[calls[index].kernel].flops)
    others = [
        (*first[:index], found[index][turn], *first[index + 1 :])
        for turn in range(1, max(map(len, found)))
        for index in order
        if turn < len(found[index])
    ]
    return [first, *others]


def likeliest(graph: LayerGraph, target: Mapping[str, Any]) -> Choice:
    """Every layer as it is probably fastest."""
    return {name: schedules(graph, layer, target)[0] for name, layer in distinct(graph.layers).items()}


def text_of(schedule: tuple[str, ...]) -> str:
    """A layer's schedule as it is stored: `plain+direct-1-14-32-pixels`."""
    return _BETWEEN.join(schedule)


def schedule_of(text: str) -> tuple[str, ...]:
    """The schedule that `text_of` wrote."""
    return tuple(text.split(_BETWEEN))
