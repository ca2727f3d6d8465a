"""Measured energies and idle powers in SQL."""

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from sqlalchemy import Connection, select, update
from sqlalchemy.dialects.sqlite import insert as upsert
from sqlalchemy.engine import RowMapping

from db import boards as board_rows
from db.documents import instant, instant_text
from db.profiles import environment_of, put_environment
from db.records import Environment, IdlePower, LayerEnergy, MeanPower, PowerSensor
from db.tables import boards, energies, idle_powers, profiles

_KEY = ("layer_hash", "environment_id", "processor", "cores", "level")


def put(connection: Connection, batch: Iterable[LayerEnergy]) -> None:
    """Stores energies, each replacing an older one, and gives them to the layers' profiles.

    Raises:
        RecordError: The board of an environment is not stored.
    """
    for record in batch:
        row = _row(record, put_environment(connection, record.environment))
        statement = upsert(energies).values(row)
        values = {name: statement.excluded[name] for name in row.keys() - set(_KEY)}
        connection.execute(statement.on_conflict_do_update(index_elements=_KEY, set_=values))
        same = [profiles.c[name] == row[name] for name in _KEY]
        connection.execute(update(profiles).where(*same).values(energy_uj=max(0.0, record.energy_uj)))


def measured_in(
    connection: Connection, environment_fingerprint: str, layer_hashes: Collection[str]
) -> tuple[LayerEnergy, ...]:
    """What is known about some layers in exactly one environment, on every placement and level."""
    environment = environment_of(connection, environment_fingerprint)
    if environment is None:
        return ()
    identifier, record = environment
    statement = (
        select(energies)
        .where(energies.c.environment_id == identifier, energies.c.layer_hash.in_(layer_hashes))
        .order_by(*(energies.c[name] for name in _KEY))
    )
    return tuple(_record(row, record) for row in connection.execute(statement).mappings())


def put_idle(connection: Connection, record: IdlePower) -> None:
    """Stores an idle power, replacing the older one of the same board and operating point.

    Raises:
        RecordError: The board is not stored.
    """
    statement = upsert(idle_powers).values(
        board_id=board_rows.identifier(connection, record.board_fingerprint),
        operating_point=record.operating_point,
        rail=record.rail,
        power_mw=record.power.mean_mw,
        power_sd_mw=record.power.sd_mw,
        power_error_mw=record.power.error_mw,
        measured_at=instant_text(record.measured_at),
    )
    names = ("rail", "power_mw", "power_sd_mw", "power_error_mw", "measured_at")
    values = {name: statement.excluded[name] for name in names}
    key = ("board_id", "operating_point")
    connection.execute(statement.on_conflict_do_update(index_elements=key, set_=values))


def idle_of(connection: Connection, board_fingerprint: str) -> Mapping[str, IdlePower]:
    """The idle powers of a board by operating point."""
    statement = (
        select(idle_powers)
        .join(boards, boards.c.id == idle_powers.c.board_id)
        .where(boards.c.fingerprint == board_fingerprint)
        .order_by(idle_powers.c.operating_point)
    )
    return {
        row["operating_point"]: IdlePower(
            board_fingerprint=board_fingerprint,
            operating_point=row["operating_point"],
            rail=row["rail"],
            power=_power(row, "power"),
            measured_at=instant(row["measured_at"]),
        )
        for row in connection.execute(statement).mappings()
    }


def _row(record: LayerEnergy, environment_id: int) -> dict[str, Any]:
    return {
        "layer_hash": record.layer_hash,
        "environment_id": environment_id,
        "processor": record.processor,
        "cores": record.cores,
        "level": record.level,
        "rail": record.sensor.rail,
        "window_s": record.sensor.window_s,
        "step_mw": record.sensor.step_mw,
        "power_mw": record.power.mean_mw,
        "power_sd_mw": record.power.sd_mw,
        "power_error_mw": record.power.error_mw,
        "idle_mw": record.idle.mean_mw,
        "idle_sd_mw": record.idle.sd_mw,
        "idle_error_mw": record.idle.error_mw,
        "idle_drift_mw": record.idle_drift_mw,
        "is_idle_drifting": int(record.is_idle_drifting),
        "independent_readings": record.independent_readings,
        "latency_us": record.latency_us,
        "energy_uj": record.energy_uj,
        "energy_error_uj": record.energy_error_uj,
        "total_energy_uj": record.total_energy_uj,
        "is_resolved": int(record.is_resolved),
        "measured_at": instant_text(record.measured_at),
    }


def _record(row: RowMapping, environment: Environment) -> LayerEnergy:
    return LayerEnergy(
        layer_hash=row["layer_hash"],
        environment=environment,
        processor=row["processor"],
        cores=row["cores"],
        level=row["level"],
        sensor=PowerSensor(rail=row["rail"], window_s=row["window_s"], step_mw=row["step_mw"]),
        power=_power(row, "power"),
        idle=_power(row, "idle"),
        idle_drift_mw=row["idle_drift_mw"],
        is_idle_drifting=bool(row["is_idle_drifting"]),
        independent_readings=row["independent_readings"],
        latency_us=row["latency_us"],
        energy_uj=row["energy_uj"],
        energy_error_uj=row["energy_error_uj"],
        is_resolved=bool(row["is_resolved"]),
        measured_at=instant(row["measured_at"]),
    )


def _power(row: RowMapping, name: str) -> MeanPower:
    return MeanPower(mean_mw=row[f"{name}_mw"], sd_mw=row[f"{name}_sd_mw"], error_mw=row[f"{name}_error_mw"])
