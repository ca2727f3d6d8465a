"""Plans and their deployments in SQL."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, column, func, insert, select, table
from sqlalchemy.engine import RowMapping

from db import boards as board_rows
from db import fields
from db import networks as network_rows
from db.documents import decode, encode, instant, instant_text
from db.errors import NotFoundError, RecordError
from db.records import DeploymentRecord, PlanRecord, PlanSummary, Slowdown
from db.tables import boards, deployment_stages, deployments, models, plan_stages, plans

_summaries = table(
    "v_plans",
    *map(column, ("plan_id", "created_at", "model", "board", "objective", "operating_point", "pipeline")),
    *map(
        column,
        ("period_us", "latency_us", "energy_uj_per_frame", "gain", "deployments", "measured_period_us"),
    ),
)

_slowdowns = table(
    "v_slowdowns",
    *map(column, ("plan_id", "deployment_id", "processor", "cores", "first_layer", "last_layer")),
    *map(column, ("is_alone", "has_replicas", "slowdown")),
)


def add(
    connection: Connection,
    document: Mapping[str, Any],
    *,
    model_fingerprint: str | None,
    board_fingerprint: str | None,
    now: datetime,
) -> int:
    """Stores a `stageline.plan/1` document and gives it a number.

    Raises:
        RecordError: The document lacks something, or the model or board is not stored.
    """
    row = _plan_row(document) | {"created_at": instant_text(now), "document_json": encode(document)}
    if model_fingerprint is not None:
        row["model_id"] = network_rows.identifier(connection, model_fingerprint)
    if board_fingerprint is not None:
        row["board_id"] = board_rows.identifier(connection, board_fingerprint)
    plan_id = int(connection.execute(insert(plans).returning(plans.c.id), row).scalar_one())
    connection.execute(insert(plan_stages), [{"plan_id": plan_id} | stage for stage in _stage_rows(document)])
    return plan_id


def get(connection: Connection, plan_id: int) -> PlanRecord:
    """A plan with what its last deployment measured.

    Raises:
        NotFoundError: There is no plan of that number.
    """
    statement = (
        select(
            plans,
            models.c.fingerprint.label("model_fingerprint"),
            boards.c.fingerprint.label("board_fingerprint"),
        )
        .join(models, models.c.id == plans.c.model_id, isouter=True)
        .join(boards, boards.c.id == plans.c.board_id, isouter=True)
        .where(plans.c.id == plan_id)
    )
    row = connection.execute(statement).mappings().first()
    if row is None:
        raise _no_plan(connection, plan_id)
    document = decode(row["document_json"])
    if measured := _last_measured(connection, plan_id):
        document["measured"] = measured
    return PlanRecord(
        id=plan_id,
        created_at=instant(row["created_at"]),
        document=document,
        model_fingerprint=row["model_fingerprint"],
        board_fingerprint=row["board_fingerprint"],
    )


def summaries(
    connection: Connection, model: str | None, board: str | None, limit: int | None
) -> tuple[PlanSummary, ...]:
    """Plans, the newest first."""
    statement = select(_summaries).order_by(_summaries.c.plan_id.desc()).limit(limit)
    if model is not None:
        statement = statement.where(_summaries.c.model == model)
    if board is not None:
        statement = statement.where(_summaries.c.board == board)
    return tuple(_summary(row) for row in connection.execute(statement).mappings())


def add_deployment(
    connection: Connection,
    plan_id: int,
    measured: Mapping[str, Any],
    slowdowns: Sequence[float] | None,
    now: datetime,
) -> int:
    """Stores what was measured when a plan ran, in the form of a plan's `measured`, and its stages' slowdowns.

    Raises:
        NotFoundError: There is no plan of that number.
        RecordError: The measurement lacks something, or has another number of stages than the plan.
    """
    row = _deployment_row(measured) | {
        "plan_id": plan_id,
        "deployed_at": instant_text(now),
        "measured_json": encode(measured),
    }
    times_us = [
        fields.number(stage, "time_us", "a measured stage")
        for stage in fields.items(measured, "stages", "the measurement")
    ]
    planned = connection.execute(select(func.count()).where(plan_stages.c.plan_id == plan_id)).scalar_one()
    if not planned:
        raise _no_plan(connection, plan_id)
    if len(times_us) != planned:
        raise RecordError(f"the measurement has {len(times_us)} stages, plan {plan_id} has {planned}")
    deployment_id = int(connection.execute(insert(deployments).returning(deployments.c.id), row).scalar_one())
    known: Sequence[float | None] = slowdowns or [None] * planned
    stages = [
        {"deployment_id": deployment_id, "position": position, "time_us": time_us, "slowdown": slowdown}
        for position, (time_us, slowdown) in enumerate(zip(times_us, known, strict=True))
    ]
    connection.execute(insert(deployment_stages), stages)
    return deployment_id


def deployments_of(connection: Connection, plan_id: int | None) -> tuple[DeploymentRecord, ...]:
    """Deployments of one plan or of all, the newest first."""
    statement = select(deployments).order_by(deployments.c.id.desc())
    if plan_id is not None:
        statement = statement.where(deployments.c.plan_id == plan_id)
    return tuple(
        DeploymentRecord(
            id=row["id"],
            plan_id=row["plan_id"],
            deployed_at=instant(row["deployed_at"]),
            measured=decode(row["measured_json"]),
        )
        for row in connection.execute(statement).mappings()
    )


def slowdowns_on(
    connection: Connection, board_fingerprint: str, operating_point: str, limit: int
) -> tuple[Slowdown, ...]:
    """How stages fared on a board, the newest first."""
    statement = (
        select(_slowdowns, models.c.fingerprint.label("model_fingerprint"))
        .join(plans, plans.c.id == _slowdowns.c.plan_id)
        .join(boards, boards.c.id == plans.c.board_id)
        .join(models, models.c.id == plans.c.model_id, isouter=True)
        .where(boards.c.fingerprint == board_fingerprint, plans.c.operating_point == operating_point)
        .order_by(_slowdowns.c.deployment_id.desc(), _slowdowns.c.first_layer)
        .limit(limit)
    )
    return tuple(
        Slowdown(
            model_fingerprint=row["model_fingerprint"],
            processor=row["processor"],
            cores=row["cores"],
            first_layer=row["first_layer"],
            last_layer=row["last_layer"],
            is_alone=bool(row["is_alone"]),
            has_replicas=bool(row["has_replicas"]),
            slowdown=row["slowdown"],
        )
        for row in connection.execute(statement).mappings()
    )


def _plan_row(document: Mapping[str, Any]) -> dict[str, Any]:
    where = "the plan"
    return {
        "model": fields.text(document, "model", where),
        "board": fields.text(document, "board", where),
        "objective": fields.text(document, "objective", where),
        "operating_point": fields.text(document, "operating_point", where),
        "period_us": fields.number(document, "period_us", where),
        "throughput_fps": fields.number(document, "throughput_fps", where),
        "latency_us": fields.number(document, "latency_us", where),
        "energy_uj_per_frame": fields.optional_number(document, "energy_uj_per_frame", where),
        "gain": fields.optional_number(document, "gain", where),
        "bound_us": fields.optional_number(document, "bound_us", where),
    }


def _stage_rows(document: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for position, stage in enumerate(fields.items(document, "stages", "the plan")):
        where = f"stage {position + 1} of the plan"
        names = fields.items(stage, "layers", where)
        yield {
            "position": position,
            "first_layer": str(names[0]),
            "last_layer": str(names[-1]),
            "layer_count": len(names),
            "processor": fields.text(stage, "processor", where),
            "cores": fields.count(stage, "cores", where),
            "replicas": fields.count(stage, "replicas", where),
            "time_us": fields.number(stage, "time_us", where),
            "energy_uj": fields.optional_number(stage, "energy_uj", where),
        }


def _deployment_row(measured: Mapping[str, Any]) -> dict[str, Any]:
    where = "the measurement"
    return {
        "period_us": fields.number(measured, "period_us", where),
        "throughput_fps": fields.number(measured, "throughput_fps", where),
        "latency_us": fields.number(measured, "latency_us", where),
        "energy_uj_per_frame": fields.optional_number(measured, "energy_uj_per_frame", where),
        "frames": fields.count(measured, "frames", where),
    }


def _last_measured(connection: Connection, plan_id: int) -> dict[str, Any] | None:
    statement = select(deployments.c.measured_json).where(deployments.c.plan_id == plan_id)
    text = connection.execute(statement.order_by(deployments.c.id.desc()).limit(1)).scalar()
    return None if text is None else dict(decode(text))


def _no_plan(connection: Connection, plan_id: int) -> NotFoundError:
    newest = connection.execute(select(func.max(plans.c.id))).scalar()
    hint = (
        "none is stored yet: make one with `host plan`" if newest is None else f"the newest one is {newest}"
    )
    return NotFoundError(f"there is no plan {plan_id}", hint=hint)


def _summary(row: RowMapping) -> PlanSummary:
    return PlanSummary(
        id=row["plan_id"],
        created_at=instant(row["created_at"]),
        model=row["model"],
        board=row["board"],
        objective=row["objective"],
        operating_point=row["operating_point"],
        pipeline=row["pipeline"],
        period_us=row["period_us"],
        latency_us=row["latency_us"],
        energy_uj_per_frame=row["energy_uj_per_frame"],
        gain=row["gain"],
        deployments=row["deployments"],
        measured_period_us=row["measured_period_us"],
    )
