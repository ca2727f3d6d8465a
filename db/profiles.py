"""Measured profiles and their environments in SQL."""

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from sqlalchemy import Connection, column, or_, select, table
from sqlalchemy.dialects.sqlite import Insert
from sqlalchemy.dialects.sqlite import insert as upsert
from sqlalchemy.engine import RowMapping

from db import boards as board_rows
from db.documents import canonical, decode, encode, instant, instant_text
from db.records import Environment, LayerLatency, ModelTotal, Profile, ProfileFilter, ProfileStatus
from db.tables import boards, environments, profiles

_KEY = ("layer_hash", "environment_id", "processor", "cores", "level")
_VALUES = (
    "latency_us",
    "latency_mad_us",
    "energy_uj",
    "samples",
    "sample_count",
    "status",
    "measured_at",
    "schedule",
    "candidates_json",
    "slowdown",
)
_LAYER_FILTERS = ("model", "board", "layer", "processor", "cores", "level", "operating_point", "status")
_TOTAL_FILTERS = ("model", "board", "processor", "cores", "level", "operating_point")

_latencies = table(
    "v_layer_latency",
    *map(column, _LAYER_FILTERS),
    *map(
        column,
        (
            "position",
            "layer_hash",
            "placement",
            "latency_us",
            "latency_mad_us",
            "energy_uj",
            "energy_error_uj",
            "samples",
            "measured_at",
            "schedule",
            "candidates_json",
        ),
    ),
    *map(column, ("environment_fingerprint", "tvm", "kernel_version", "is_newest", "model_id", "profile_id")),
)
_totals = table(
    "v_model_totals",
    *map(column, _TOTAL_FILTERS),
    *map(
        column,
        (
            "placement",
            "layers",
            "measured_layers",
            "unsteady_layers",
            "latency_us",
            "energy_uj",
            "measured_at",
            "is_newest",
        ),
    ),
)


def put(connection: Connection, batch: Iterable[Profile]) -> None:
    """Stores profiles and the environments that they were measured in.

    A profile replaces what is stored for the same layer, environment, placement and level, unless that
    would lose work: one that was interrupted never replaces a finished one, nor an interrupted one with
    more samples.

    Raises:
        RecordError: The board of an environment is not stored.
    """
    environment_ids: dict[str, int] = {}
    rows = []
    for profile in batch:
        fingerprint = profile.environment.fingerprint
        if fingerprint not in environment_ids:
            environment_ids[fingerprint] = put_environment(connection, profile.environment)
        rows.append(_row(profile, environment_ids[fingerprint]))
    if rows:
        connection.execute(_upsert_keeping_work(), rows)


def measured_in(
    connection: Connection, environment_fingerprint: str, layer_hashes: Collection[str]
) -> tuple[Profile, ...]:
    """What is known about some layers in exactly one environment, on every placement and level."""
    environment = environment_of(connection, environment_fingerprint)
    if environment is None:
        return ()
    identifier, record = environment
    statement = (
        select(profiles)
        .where(profiles.c.environment_id == identifier, profiles.c.layer_hash.in_(layer_hashes))
        .order_by(profiles.c.layer_hash, profiles.c.processor, profiles.c.cores, profiles.c.level)
    )
    return tuple(_profile(row, record) for row in connection.execute(statement).mappings())


def named_in(connection: Connection, environment_fingerprint: str, prefix: str) -> tuple[Profile, ...]:
    """Profiles in exactly one environment whose hash is a name that begins with a prefix."""
    environment = environment_of(connection, environment_fingerprint)
    if environment is None:
        return ()
    identifier, record = environment
    statement = (
        select(profiles)
        .where(
            profiles.c.environment_id == identifier, profiles.c.layer_hash.startswith(prefix, autoescape=True)
        )
        .order_by(profiles.c.layer_hash)
    )
    return tuple(_profile(row, record) for row in connection.execute(statement).mappings())


def listing(connection: Connection, chosen: ProfileFilter) -> tuple[LayerLatency, ...]:
    """The profiles that a filter chooses, network by network in execution order."""
    view = _latencies.c
    statement = select(_latencies).order_by(
        view.model,
        view.board,
        view.operating_point,
        view.processor,
        view.cores,
        view.level,
        view.model_id,
        view.position,
        view.profile_id,
    )
    for name in _LAYER_FILTERS:
        if (value := getattr(chosen, name)) is not None:
            statement = statement.where(view[name] == value)
    if chosen.newest_only:
        statement = statement.where(view.is_newest == 1)
    return tuple(_layer_latency(row) for row in connection.execute(statement).mappings())


def totals(connection: Connection, chosen: ProfileFilter) -> tuple[ModelTotal, ...]:
    """Whole networks on single placements, as far as the filter's fields apply to them."""
    view = _totals.c
    statement = select(_totals).order_by(
        view.model, view.board, view.operating_point, view.latency_us, view.placement
    )
    for name in _TOTAL_FILTERS:
        if (value := getattr(chosen, name)) is not None:
            statement = statement.where(view[name] == value)
    if chosen.newest_only:
        statement = statement.where(view.is_newest == 1)
    return tuple(_model_total(row) for row in connection.execute(statement).mappings())


def put_environment(connection: Connection, environment: Environment) -> int:
    """Stores an environment where it is new; gives its row.

    Raises:
        RecordError: Its board is not stored.
    """
    statement = upsert(environments).values(
        fingerprint=environment.fingerprint,
        board_id=board_rows.identifier(connection, environment.board_fingerprint),
        operating_point=environment.operating_point,
        tvm=environment.tvm,
        tvm_ffi=environment.tvm_ffi,
        kernel_version=environment.kernel_version,
        target_json=canonical(environment.target),
    )
    connection.execute(statement.on_conflict_do_nothing(index_elements=[environments.c.fingerprint]))
    chosen = select(environments.c.id).where(environments.c.fingerprint == environment.fingerprint)
    return int(connection.execute(chosen).scalar_one())


def _upsert_keeping_work() -> Insert:
    statement = upsert(profiles)
    new, old = statement.excluded, profiles.c
    keeps_work = or_(
        new.status != ProfileStatus.PARTIAL,
        (old.status == ProfileStatus.PARTIAL) & (new.sample_count >= old.sample_count),
    )
    return statement.on_conflict_do_update(
        index_elements=_KEY, set_={name: new[name] for name in _VALUES}, where=keeps_work
    )


def _row(profile: Profile, environment_id: int) -> dict[str, Any]:
    return {
        "layer_hash": profile.layer_hash,
        "environment_id": environment_id,
        "processor": profile.processor,
        "cores": profile.cores,
        "level": profile.level,
        "latency_us": profile.latency_us,
        "latency_mad_us": profile.latency_mad_us,
        "energy_uj": profile.energy_uj,
        "samples": encode(profile.samples_us),
        "sample_count": len(profile.samples_us),
        "status": str(profile.status),
        "measured_at": instant_text(profile.measured_at),
        "schedule": profile.schedule or None,
        "candidates_json": encode(dict(profile.candidates_us)) if profile.candidates_us else None,
        "slowdown": profile.slowdown,
    }


def environment_of(connection: Connection, fingerprint: str) -> tuple[int, Environment] | None:
    """The row of an environment and what it is."""
    statement = (
        select(environments, boards.c.fingerprint.label("board_fingerprint"))
        .join(boards, boards.c.id == environments.c.board_id)
        .where(environments.c.fingerprint == fingerprint)
    )
    row = connection.execute(statement).mappings().first()
    if row is None:
        return None
    record = Environment(
        tvm=row["tvm"],
        tvm_ffi=row["tvm_ffi"],
        target=decode(row["target_json"]),
        board_fingerprint=row["board_fingerprint"],
        operating_point=row["operating_point"],
        kernel_version=row["kernel_version"],
    )
    return row["id"], record


def _profile(row: RowMapping, environment: Environment) -> Profile:
    return Profile(
        layer_hash=row["layer_hash"],
        environment=environment,
        processor=row["processor"],
        cores=row["cores"],
        level=row["level"],
        latency_us=row["latency_us"],
        latency_mad_us=row["latency_mad_us"],
        samples_us=tuple(decode(row["samples"])),
        status=ProfileStatus(row["status"]),
        measured_at=instant(row["measured_at"]),
        energy_uj=row["energy_uj"],
        schedule=row["schedule"] or "",
        candidates_us=_candidates(row),
        slowdown=row["slowdown"],
    )


def _layer_latency(row: RowMapping) -> LayerLatency:
    return LayerLatency(
        model=row["model"],
        board=row["board"],
        position=row["position"],
        layer=row["layer"],
        layer_hash=row["layer_hash"],
        placement=row["placement"],
        processor=row["processor"],
        cores=row["cores"],
        level=row["level"],
        operating_point=row["operating_point"],
        latency_us=row["latency_us"],
        latency_mad_us=row["latency_mad_us"],
        energy_uj=row["energy_uj"],
        energy_error_uj=row["energy_error_uj"],
        samples_us=tuple(decode(row["samples"])),
        status=ProfileStatus(row["status"]),
        measured_at=instant(row["measured_at"]),
        environment=row["environment_fingerprint"],
        tvm=row["tvm"],
        kernel_version=row["kernel_version"],
        is_newest=bool(row["is_newest"]),
        schedule=row["schedule"] or "",
        candidates_us=_candidates(row),
    )


def _candidates(row: RowMapping) -> Mapping[str, float]:
    return dict(decode(row["candidates_json"])) if row["candidates_json"] else {}


def _model_total(row: RowMapping) -> ModelTotal:
    return ModelTotal(
        model=row["model"],
        board=row["board"],
        operating_point=row["operating_point"],
        placement=row["placement"],
        level=row["level"],
        layers=row["layers"],
        measured_layers=row["measured_layers"],
        unsteady_layers=row["unsteady_layers"],
        latency_us=row["latency_us"],
        energy_uj=row["energy_uj"],
        measured_at=instant(row["measured_at"]),
        is_newest=bool(row["is_newest"]),
    )
