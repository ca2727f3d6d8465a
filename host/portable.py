"""Measured profiles as a file: out of the database, and into another one."""

import hashlib
import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from difflib import get_close_matches
from typing import Any

from db.records import (
    BoardRecord,
    Environment,
    LayerLatency,
    LayerRecord,
    ModelRecord,
    ProcessorRecord,
    Profile,
    ProfileFilter,
    ProfileStatus,
)
from db.store import Store
from host.errors import InputError
from host.exchange import SCHEMA, exchange_document
from host.layers.graph import LayerGraph
from host.placement import Placement
from host.planner import OperatingPoint, parse_profile
from host.profiler import HANDOVER
from host.transfers import transfer_rows

_ORIGIN = "file"
"""Stands where a measurement has its versions: no plan for a real board ever uses an imported profile."""


def export_profiles(store: Store, model: str, board: str | None) -> dict[str, Any]:
    """What is known about a network on a board, as a `stageline.profile/1` document.

    Args:
        store: The profile database.
        model: Name of the network.
        board: Name of the board; None where the network was measured on one board only.

    Raises:
        InputError: Nothing was measured, or on several boards.
    """
    rows = store.profiles(ProfileFilter(model=model, board=board))
    _require_one_board(store, model, board, {row.board for row in rows})
    record = _newest_with(store, model, {row.layer_hash for row in rows})
    if record.graph.get("schema") == SCHEMA:
        return dict(record.graph)
    board_record = store.find_board(rows[0].board)
    profiles = _by_placement(store, record, rows)
    return exchange_document(
        LayerGraph.from_document(record.graph),
        board=rows[0].board,
        processors={item.name: item.cores for item in board_record.processors} if board_record else {},
        points=_points(store, board_record, profiles),
        profiles=profiles,
        handover_us=_handover_us(store, rows),
        transfers=transfer_rows(store, [placement for placement, _ in profiles], _cpus(board_record)),
    )


def import_profiles(store: Store, document: object) -> tuple[str, str, int]:
    """Stores the costs of a `stageline.profile/1` document.

    They can be listed, shown and exported again; plans are only made from what was measured here.

    Returns:
        Names of network and board, and the number of profiles.

    Raises:
        InputError: The document is no profile.
    """
    parse_profile(document)
    if not isinstance(document, Mapping):
        raise InputError(f"expected a {SCHEMA} document")
    identity = _digest(document)
    board = BoardRecord(
        name=document["board"],
        fingerprint=f"{_ORIGIN}:{_digest({key: document[key] for key in ('board', 'processors')})}",
        processors=tuple(
            ProcessorRecord(name=item["name"], kind="imported", cores=item["cores"])
            for item in document["processors"]
        ),
        description={"origin": _ORIGIN},
    )
    store.put_board(board)
    store.put_model(_model(document, identity))
    profiles = _profiles(document, identity, board.fingerprint)
    store.put_profiles(profiles)
    return document["model"], document["board"], len(profiles)


def _require_one_board(store: Store, model: str, board: str | None, boards: set[str]) -> None:
    if len(boards) == 1:
        return
    if boards:
        raise InputError(
            f"{model} was measured on {len(boards)} boards: {', '.join(sorted(boards))}",
            hint="choose one with --board",
        )
    alike = get_close_matches(model, [summary.name for summary in store.models()], n=1, cutoff=0.7)
    place = f" on {board}" if board else ""
    advice = (
        f"did you mean {alike[0]!r}?"
        if alike and alike[0] != model
        else "`host profiles list` shows what there is"
    )
    raise InputError(f"no profile of {model}{place} is in {store.path}", hint=advice)


def _newest_with(store: Store, model: str, hashes: set[str]) -> ModelRecord:
    for summary in store.models():
        record = store.find_model(summary.fingerprint) if summary.name == model else None
        if record and hashes & {layer.structural_hash for layer in record.layers}:
            return record
    raise InputError(f"no network {model} is in {store.path}")


def _handover_us(store: Store, rows: Sequence[LayerLatency]) -> float:
    """What handing a frame to a stage costs, where that was measured in one of the rows' environments."""
    environments = dict.fromkeys(row.environment for row in rows)
    found = (row.latency_us for name in environments for row in store.profiles_for(name, [HANDOVER]))
    return next(found, 0.0)


def _by_placement(
    store: Store, record: ModelRecord, rows: Sequence[LayerLatency]
) -> list[tuple[Placement, dict[str, Profile]]]:
    """The finished profiles among `rows`; what they superseded stays behind."""
    wanted = {(row.environment, row.processor, row.cores, row.level, row.layer_hash) for row in rows}
    hashes = [layer.structural_hash for layer in record.layers]
    found: dict[tuple[str, str, int, str], dict[str, Profile]] = defaultdict(dict)
    for environment in dict.fromkeys(row.environment for row in rows):
        for profile in store.profiles_for(environment, hashes):
            key = (environment, profile.processor, profile.cores, profile.level)
            if profile.status is not ProfileStatus.PARTIAL and (*key, profile.layer_hash) in wanted:
                found[key][profile.layer_hash] = profile
    return [(_placement(next(iter(profiles.values()))), profiles) for profiles in found.values()]


def _cpus(board: BoardRecord | None) -> list[str]:
    return [processor.name for processor in board.processors if processor.kind == "cpu"] if board else []


def _points(
    store: Store, board: BoardRecord | None, profiles: Sequence[tuple[Placement, Mapping[str, Profile]]]
) -> list[OperatingPoint]:
    """Those at which something was measured, with the levels that the board gave, or that were measured."""
    idle_mw = store.idle_powers_mw(board.fingerprint) if board else {}
    described = board.description.get("operating_points", ()) if board else ()
    levels: dict[str, dict[str, str]] = {point["name"]: dict(point["levels"]) for point in described}
    measured: dict[str, dict[str, str]] = defaultdict(dict)
    for placement, _ in profiles:
        measured[placement.operating_point][placement.processor] = placement.level
    return [
        OperatingPoint(name=name, levels=levels.get(name, {}) | found, idle_power_mw=idle_mw.get(name))
        for name, found in sorted(measured.items())
    ]


def _placement(profile: Profile) -> Placement:
    return Placement(
        processor=profile.processor,
        cores=profile.cores,
        cpus=(),
        level=profile.level,
        environment=profile.environment,
        device=_device(profile.environment.target),
    )


def _device(target: Mapping[str, Any]) -> str:
    kind = target.get("kind", "llvm")
    return "cpu" if kind == "llvm" else str(kind)


def _model(document: Mapping[str, Any], identity: str) -> ModelRecord:
    return ModelRecord(
        name=document["model"],
        fingerprint=f"{_ORIGIN}:{identity}",
        weight_bytes=0,
        layers=tuple(
            LayerRecord(
                name=layer["name"],
                structural_hash=_hash(identity, layer["name"]),
                flops=0.0,
                output_bytes=layer["output_bytes"],
            )
            for layer in document["layers"]
        ),
        graph=document,
    )


def _profiles(document: Mapping[str, Any], identity: str, board: str) -> list[Profile]:
    points = {
        cost_level: point["name"]
        for point in document["operating_points"]
        for cost_level in {*point.get("levels", {}).values(), point["name"]}
    }
    return [
        Profile(
            layer_hash=_hash(identity, cost["layer"]),
            environment=Environment(
                tvm=_ORIGIN,
                tvm_ffi=_ORIGIN,
                target={},
                board_fingerprint=board,
                operating_point=points.get(cost["level"], cost["level"]),
                kernel_version=_ORIGIN,
            ),
            processor=cost["processor"],
            cores=cost["cores"],
            level=cost["level"],
            latency_us=cost["latency_us"],
            latency_mad_us=0.0,
            samples_us=(cost["latency_us"],),
            status=ProfileStatus.STEADY,
            measured_at=datetime.now(UTC),
            energy_uj=cost.get("energy_uj"),
        )
        for cost in document["costs"]
    ]


def _hash(identity: str, layer: str) -> str:
    return f"{_ORIGIN}:{_digest({'model': identity, 'layer': layer})}"


def _digest(document: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()
