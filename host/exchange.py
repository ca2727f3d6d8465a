"""Measured profiles as a `stageline.profile/1` document: what is solved, exported and imported."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from db.records import Profile
from host.layers.graph import Layer, LayerGraph
from host.placement import Placement
from host.planner import OperatingPoint, point_document

SCHEMA = "stageline.profile/1"

_STRAY_MADS = 7.5
"""Samples farther from the median than so many median absolute deviations (5 sigma of a normal scatter) are strays."""


def exchange_document(
    graph: LayerGraph,
    *,
    board: str,
    processors: Mapping[str, int],
    points: Sequence[OperatingPoint],
    profiles: Sequence[tuple[Placement, Mapping[str, Profile]]],
    handover_us: float,
    transfers: Sequence[Mapping[str, Any]] = (),
) -> dict[str, Any]:
    """Joins a network's layers with what was measured of them.

    Args:
        graph: The network.
        board: Name of the board.
        processors: Number of cores of each processor.
        points: The operating points to choose from.
        profiles: For each placement the profiles by structural hash.
        handover_us: What handing a frame to a stage costs.
        transfers: What moving tensors between processors costs, as the document has it.
    """
    return {
        "schema": SCHEMA,
        "model": graph.name,
        "board": board,
        "layers": _layers(graph),
        "input_bytes": sum(graph.tensors[name].nbytes for name in graph.inputs),
        "processors": [{"name": name, "cores": cores} for name, cores in processors.items()],
        "operating_points": [point_document(point) for point in points],
        "costs": [
            _cost(layer, placement, found[layer.structural_hash])
            for placement, found in profiles
            for layer in graph.layers
            if layer.structural_hash in found
        ],
        "transfers": list(transfers),
        "handover_us": handover_us,
    }


def _layers(graph: LayerGraph) -> list[dict[str, Any]]:
    producer = dict.fromkeys(graph.inputs, "input")
    entries = []
    for layer in graph.layers:
        producer.update(dict.fromkeys(layer.outputs, layer.name))
        entries.append(
            {
                "name": layer.name,
                "inputs": list(dict.fromkeys(producer[name] for name in layer.inputs)),
                "output_bytes": sum(graph.tensors[name].nbytes for name in layer.outputs),
            }
        )
    return entries


def expected_us(profile: Profile) -> float:
    """What a layer takes on average, which is what adds up over a stage: the mean without stray samples.

    The median that tables show lies a little lower, since waiting only ever makes a sample longer.
    """
    samples = np.asarray(profile.samples_us)
    is_near = np.abs(samples - profile.latency_us) <= _STRAY_MADS * profile.latency_mad_us
    return float(samples[is_near].mean()) if is_near.any() else profile.latency_us


def _cost(layer: Layer, placement: Placement, profile: Profile) -> dict[str, Any]:
    latency_us = expected_us(profile)
    return {
        "layer": layer.name,
        "processor": placement.processor,
        "cores": placement.cores,
        "level": placement.level,
        "latency_us": latency_us,
        "busy_latency_us": None if profile.slowdown is None else latency_us * profile.slowdown,
        "energy_uj": profile.energy_uj,
    }
