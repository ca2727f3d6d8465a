"""Networks and their layers in SQL."""

from datetime import datetime

from sqlalchemy import Connection, delete, distinct, func, insert, select
from sqlalchemy.dialects.sqlite import insert as upsert
from sqlalchemy.engine import RowMapping

from db.documents import decode, encode, instant, instant_text
from db.errors import RecordError
from db.records import LayerRecord, ModelRecord, ModelSummary
from db.tables import layers, models


def put(connection: Connection, model: ModelRecord, now: datetime) -> None:
    """Stores a network, or replaces the layers of one that is known by its fingerprint."""
    values = {
        "name": model.name,
        "layer_count": len(model.layers),
        "flops": sum(layer.flops for layer in model.layers),
        "weight_bytes": model.weight_bytes,
        "graph_json": encode(model.graph),
        "seen_at": instant_text(now),
    }
    statement = upsert(models).values(fingerprint=model.fingerprint, **values)
    statement = statement.on_conflict_do_update(index_elements=[models.c.fingerprint], set_=values)
    model_id = connection.execute(statement.returning(models.c.id)).scalar_one()
    connection.execute(delete(layers).where(layers.c.model_id == model_id))
    if model.layers:
        connection.execute(insert(layers), [_layer_row(model_id, *item) for item in enumerate(model.layers)])


def find(connection: Connection, fingerprint: str) -> ModelRecord | None:
    """The network with that fingerprint."""
    row = connection.execute(select(models).where(models.c.fingerprint == fingerprint)).mappings().first()
    return _record(connection, row) if row else None


def find_by_name(connection: Connection, name: str) -> ModelRecord | None:
    """The network of that name that was stored last."""
    statement = (
        select(models).where(models.c.name == name).order_by(models.c.seen_at.desc(), models.c.id.desc())
    )
    row = connection.execute(statement).mappings().first()
    return _record(connection, row) if row else None


def summaries(connection: Connection) -> tuple[ModelSummary, ...]:
    """All networks by name, those stored last first."""
    statement = (
        select(models, func.count(distinct(layers.c.structural_hash)).label("different"))
        .join(layers, layers.c.model_id == models.c.id, isouter=True)
        .group_by(models.c.id)
        .order_by(models.c.name, models.c.seen_at.desc(), models.c.id.desc())
    )
    return tuple(
        ModelSummary(
            name=row["name"],
            fingerprint=row["fingerprint"],
            layers=row["layer_count"],
            different_layers=row["different"],
            flops=row["flops"],
            weight_bytes=row["weight_bytes"],
            seen_at=instant(row["seen_at"]),
        )
        for row in connection.execute(statement).mappings()
    )


def identifier(connection: Connection, fingerprint: str) -> int:
    """The row number of a network.

    Raises:
        RecordError: There is no network with that fingerprint.
    """
    found = connection.execute(select(models.c.id).where(models.c.fingerprint == fingerprint)).scalar()
    if found is None:
        raise RecordError(
            f"the database knows no model with the fingerprint {fingerprint}: store the model first"
        )
    return int(found)


def _layer_row(model_id: int, position: int, layer: LayerRecord) -> dict[str, object]:
    return {
        "model_id": model_id,
        "position": position,
        "name": layer.name,
        "structural_hash": layer.structural_hash,
        "flops": layer.flops,
        "output_bytes": layer.output_bytes,
    }


def _record(connection: Connection, row: RowMapping) -> ModelRecord:
    statement = select(layers).where(layers.c.model_id == row["id"]).order_by(layers.c.position)
    return ModelRecord(
        name=row["name"],
        fingerprint=row["fingerprint"],
        weight_bytes=row["weight_bytes"],
        layers=tuple(
            LayerRecord(
                name=item["name"],
                structural_hash=item["structural_hash"],
                flops=item["flops"],
                output_bytes=item["output_bytes"],
            )
            for item in connection.execute(statement).mappings()
        ),
        graph=decode(row["graph_json"]),
        seen_at=instant(row["seen_at"]),
    )
