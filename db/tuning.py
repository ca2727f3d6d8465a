"""What searches for schedules found, in SQL."""

from collections.abc import Collection, Iterable
from typing import Any

from sqlalchemy import Connection, select
from sqlalchemy.dialects.sqlite import insert as upsert
from sqlalchemy.engine import RowMapping

from db.documents import instant, instant_text
from db.profiles import environment_of, put_environment
from db.records import Environment, TuningRecord
from db.tables import tuning_records

_KEY = ("digest", "environment_id", "processor", "cores")


def put(connection: Connection, batch: Iterable[TuningRecord]) -> None:
    """Stores records; one that was measured again keeps its first trial and the new latency.

    Raises:
        RecordError: The board of an environment is not stored.
    """
    environment_ids: dict[str, int] = {}
    rows = []
    for record in batch:
        fingerprint = record.environment.fingerprint
        if fingerprint not in environment_ids:
            environment_ids[fingerprint] = put_environment(connection, record.environment)
        rows.append(_row(record, environment_ids[fingerprint]))
    if rows:
        statement = upsert(tuning_records)
        new = {name: statement.excluded[name] for name in ("latency_us", "measured_at")}
        connection.execute(statement.on_conflict_do_update(index_elements=_KEY, set_=new), rows)


def found_in(
    connection: Connection, environment_fingerprint: str, kernels: Collection[str]
) -> tuple[TuningRecord, ...]:
    """What is known about some kernels in exactly one environment, the fastest first."""
    environment = environment_of(connection, environment_fingerprint)
    if environment is None:
        return ()
    identifier, record = environment
    columns = tuning_records.c
    statement = (
        select(tuning_records)
        .where(columns.environment_id == identifier, columns.kernel.in_(kernels))
        .order_by(columns.latency_us, columns.id)
    )
    return tuple(_record(row, record) for row in connection.execute(statement).mappings())


def trace(connection: Connection, digest: str) -> str | None:
    """What was done to a definition's loops, by a record's digest."""
    statement = select(tuning_records.c.trace).where(tuning_records.c.digest == digest).limit(1)
    found: str | None = connection.execute(statement).scalar()
    return found


def _row(record: TuningRecord, environment_id: int) -> dict[str, Any]:
    return {
        "digest": record.digest,
        "kernel": record.kernel,
        "variant": record.variant,
        "environment_id": environment_id,
        "processor": record.processor,
        "cores": record.cores,
        "latency_us": record.latency_us,
        "trial": record.trial,
        "trace": record.trace,
        "measured_at": instant_text(record.measured_at),
    }


def _record(row: RowMapping, environment: Environment) -> TuningRecord:
    return TuningRecord(
        kernel=row["kernel"],
        variant=row["variant"],
        environment=environment,
        processor=row["processor"],
        cores=row["cores"],
        trace=row["trace"],
        latency_us=row["latency_us"],
        trial=row["trial"],
        measured_at=instant(row["measured_at"]),
    )
