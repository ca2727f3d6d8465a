"""The profile exchange file, `stageline.profile/1`: strict on the way in, complete on the way out."""

from collections.abc import Mapping
from typing import Any, Final

from host.errors import InputError
from host.planner.costs import (
    INPUT,
    Cost,
    CostTable,
    LayerCosts,
    OperatingPoint,
    Placement,
    Processor,
    Transfer,
)
from host.planner.fields import Record, check_schema, refuse_repeated

SCHEMA: Final = "stageline.profile/1"

_ROOT = frozenset(
    {
        "schema",
        "model",
        "board",
        "layers",
        "input_bytes",
        "processors",
        "operating_points",
        "costs",
        "handover_us",
    }
)
_ROOT_OPTIONAL = frozenset({"transfers"})
_LAYER = frozenset({"name", "inputs", "output_bytes"})
_PROCESSOR = frozenset({"name", "cores"})
_POINT = frozenset({"name"})
_POINT_OPTIONAL = frozenset({"idle_power_mw", "levels", "cores"})
_COST = frozenset({"layer", "processor", "cores", "level", "latency_us"})
_TRANSFER = frozenset({"from", "to", "latency_us", "bytes_per_s"})
_ENERGY = frozenset({"energy_uj"})
_COST_OPTIONAL = _ENERGY | {"busy_latency_us"}

Costs = dict[str, dict[tuple[Placement, str], Cost]]


def parse_profile(document: object) -> CostTable:
    """Reads a `stageline.profile/1` document.

    Args:
        document: What `parse_json` or `json.loads` gives.

    Raises:
        InputError: Something is missing, unknown, of the wrong kind, out of range or there twice; the message
            says where, such as `costs[3].latency_us`.
    """
    check_schema(document, SCHEMA)
    root = Record(document, (), _ROOT, _ROOT_OPTIONAL)
    processors = {processor.name: processor for processor in _processors(root)}
    points = _operating_points(root, processors)
    layers = _layers(root)
    costs = _costs(root, [name for name, _, _ in layers], processors, points)
    return CostTable(
        model=root.text("model"),
        board=root.text("board"),
        layers=tuple(
            LayerCosts(name=name, inputs=inputs, output_bytes=output_bytes, costs=costs[name])
            for name, inputs, output_bytes in layers
        ),
        input_bytes=root.whole("input_bytes"),
        processors=tuple(processors.values()),
        operating_points=points,
        transfers=_transfers(root, processors),
        handover_us=root.number("handover_us"),
    )


def profile_document(table: CostTable) -> dict[str, Any]:
    """The `stageline.profile/1` document of a table; `parse_profile` gives the same table back."""
    return {
        "schema": SCHEMA,
        "model": table.model,
        "board": table.board,
        "layers": [
            {"name": layer.name, "inputs": list(layer.inputs), "output_bytes": layer.output_bytes}
            for layer in table.layers
        ],
        "input_bytes": table.input_bytes,
        "processors": [{"name": row.name, "cores": row.cores} for row in table.processors],
        "operating_points": [point_document(point) for point in table.operating_points],
        "costs": [
            {
                "layer": layer.name,
                "processor": placement.processor,
                "cores": placement.cores,
                "level": level,
                "latency_us": cost.latency_us,
                "busy_latency_us": cost.busy_latency_us,
                "energy_uj": cost.energy_uj,
            }
            for layer in table.layers
            for (placement, level), cost in layer.costs.items()
        ],
        "transfers": [
            {
                "from": row.source,
                "to": row.target,
                "latency_us": row.latency_us,
                "bytes_per_s": row.bytes_per_s,
                "energy_uj": row.energy_uj,
            }
            for row in table.transfers
        ],
        "handover_us": table.handover_us,
    }


def point_document(point: OperatingPoint) -> dict[str, Any]:
    """An operating point's part of the document."""
    document = {"name": point.name, "idle_power_mw": point.idle_power_mw, "levels": dict(point.levels)}
    return document | ({"cores": dict(point.cores)} if point.cores else {})


def _processors(root: Record) -> list[Processor]:
    rows = _named(root, "processors", _PROCESSOR)
    return [Processor(name=row.text("name"), cores=row.whole("cores", minimum=1)) for row in rows]


def _operating_points(root: Record, processors: Mapping[str, Processor]) -> tuple[OperatingPoint, ...]:
    points = []
    for row in _named(root, "operating_points", _POINT, _POINT_OPTIONAL):
        levels = row.text_map("levels")
        if unknown := levels.keys() - processors.keys():
            raise InputError(f"{row.where('levels')} names {min(unknown)}, and no processor has this name")
        points.append(
            OperatingPoint(
                name=row.text("name"),
                levels=levels,
                idle_power_mw=row.number_or_none("idle_power_mw"),
                cores=_cores(row, processors),
            )
        )
    return tuple(points)


def _cores(point: Record, processors: Mapping[str, Processor]) -> dict[str, int]:
    if point.is_null("cores"):
        return {}
    row = point.record("cores", frozenset(), frozenset(processors))
    cores = {name: row.whole(name) for name in processors if not row.is_null(name)}
    for name, count in cores.items():
        if count > processors[name].cores:
            raise row.refuse(name, f", and {name} has {processors[name].cores}")
    return cores


def _layers(root: Record) -> list[tuple[str, tuple[str, ...], int]]:
    layers: list[tuple[str, tuple[str, ...], int]] = []
    known = {INPUT}
    for row in _named(root, "layers", _LAYER):
        name, inputs = row.text("name"), row.texts("inputs")
        if name == INPUT:
            raise row.refuse("name", ", which stands for the model's input")
        if unknown := [source for source in inputs if source not in known]:
            raise InputError(f"{row.where('inputs')} names {unknown[0]}, and no earlier layer has this name")
        known.add(name)
        layers.append((name, inputs, row.whole("output_bytes")))
    return layers


def _costs(
    root: Record,
    layers: list[str],
    processors: Mapping[str, Processor],
    points: tuple[OperatingPoint, ...],
) -> Costs:
    levels = {name: {point.level(name) for point in points} for name in processors}
    costs: Costs = {name: {} for name in layers}
    for row in root.records("costs", _COST, _COST_OPTIONAL):
        layer, placement = row.text("layer"), _placement(row, processors)
        if layer not in costs:
            raise row.refuse("layer", ", and no layer has this name")
        level = row.text("level")
        if level not in levels[placement.processor]:
            raise row.refuse("level", f", and no operating point gives {placement.processor} this level")
        if (placement, level) in costs[layer]:
            raise row.refuse("layer", ", and an earlier row has its cost on the same placement and level")
        costs[layer][placement, level] = Cost(
            latency_us=row.number("latency_us"),
            energy_uj=row.number_or_none("energy_uj"),
            busy_latency_us=row.number_or_none("busy_latency_us"),
        )
    return costs


def _placement(row: Record, processors: Mapping[str, Processor]) -> Placement:
    processor = _known_processor(row, "processor", processors)
    cores = row.whole("cores", minimum=1)
    if cores > processors[processor].cores:
        raise row.refuse("cores", f", and {processor} has {processors[processor].cores}")
    return Placement(processor=processor, cores=cores)


def _transfers(root: Record, processors: Mapping[str, Processor]) -> tuple[Transfer, ...]:
    rows = root.records("transfers", _TRANSFER, _ENERGY)
    transfers = tuple(
        Transfer(
            source=_known_processor(row, "from", processors),
            target=_known_processor(row, "to", processors),
            latency_us=row.number("latency_us"),
            bytes_per_s=row.positive("bytes_per_s"),
            energy_uj=row.number_or_none("energy_uj"),
        )
        for row in rows
    )
    refuse_repeated(
        (row.here, (transfer.source, transfer.target)) for row, transfer in zip(rows, transfers, strict=True)
    )
    return transfers


def _known_processor(row: Record, key: str, processors: Mapping[str, Processor]) -> str:
    name = row.text(key)
    if name not in processors:
        raise row.refuse(key, ", and no processor has this name")
    return name


def _named(
    root: Record, key: str, required: frozenset[str], optional: frozenset[str] = frozenset()
) -> list[Record]:
    rows = root.records(key, required, optional)
    if not rows:
        raise InputError(f"{key} is empty; there must be at least one")
    refuse_repeated((row.where("name"), row.text("name")) for row in rows)
    return rows
