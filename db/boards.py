"""Boards and their processors in SQL."""

from datetime import datetime

from sqlalchemy import Connection, delete, insert, select
from sqlalchemy.dialects.sqlite import insert as upsert
from sqlalchemy.engine import RowMapping

from db.documents import decode, encode, instant, instant_text
from db.errors import RecordError
from db.records import BoardRecord, ProcessorRecord
from db.tables import boards, processors


def put(connection: Connection, board: BoardRecord, now: datetime) -> None:
    """Stores a board, or what is new about one that is known by its fingerprint."""
    values = {"name": board.name, "description_json": encode(board.description), "seen_at": instant_text(now)}
    statement = upsert(boards).values(fingerprint=board.fingerprint, **values)
    statement = statement.on_conflict_do_update(index_elements=[boards.c.fingerprint], set_=values)
    board_id = connection.execute(statement.returning(boards.c.id)).scalar_one()
    connection.execute(delete(processors).where(processors.c.board_id == board_id))
    rows = [
        {
            "board_id": board_id,
            "position": position,
            "name": item.name,
            "kind": item.kind,
            "cores": item.cores,
        }
        for position, item in enumerate(board.processors)
    ]
    if rows:
        connection.execute(insert(processors), rows)


def find(connection: Connection, name: str) -> BoardRecord | None:
    """The board of that name, or with that fingerprint, that was seen last."""
    statement = select(boards).where((boards.c.name == name) | (boards.c.fingerprint == name))
    row = (
        connection.execute(statement.order_by(boards.c.seen_at.desc(), boards.c.id.desc())).mappings().first()
    )
    return _record(connection, row) if row else None


def every(connection: Connection) -> tuple[BoardRecord, ...]:
    """All boards, those seen last first."""
    rows = (
        connection.execute(select(boards).order_by(boards.c.seen_at.desc(), boards.c.id.desc()))
        .mappings()
        .all()
    )
    return tuple(_record(connection, row) for row in rows)


def identifier(connection: Connection, fingerprint: str) -> int:
    """The row number of a board.

    Raises:
        RecordError: There is no board with that fingerprint.
    """
    found = connection.execute(select(boards.c.id).where(boards.c.fingerprint == fingerprint)).scalar()
    if found is None:
        raise RecordError(
            f"the database knows no board with the fingerprint {fingerprint}: store the board first"
        )
    return int(found)


def _record(connection: Connection, row: RowMapping) -> BoardRecord:
    statement = select(processors).where(processors.c.board_id == row["id"]).order_by(processors.c.position)
    return BoardRecord(
        name=row["name"],
        fingerprint=row["fingerprint"],
        processors=tuple(
            ProcessorRecord(name=item["name"], kind=item["kind"], cores=item["cores"])
            for item in connection.execute(statement).mappings()
        ),
        description=decode(row["description_json"]),
        seen_at=instant(row["seen_at"]),
    )
