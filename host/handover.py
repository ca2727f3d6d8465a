"""What handing a frame to a stage costs on a board: measured once, stored like a profile."""

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from db.records import Profile, ProfileStatus
from host.placement import placements_of
from host.profiler import HANDOVER, call_bench

if TYPE_CHECKING:
    from host.placement import Placement
    from host.remote.tvm_session import TvmSession
    from host.session import Session

_DEADLINE_S = 60.0


def stored_handover_us(session: "Session") -> float | None:
    """What is known of it, in microseconds."""
    for fingerprint in _placement(session).fingerprints:
        for row in session.store.profiles_for(fingerprint, [HANDOVER]):
            return row.latency_us
    return None


def measure_handover(session: "Session", tvm_session: "TvmSession") -> None:
    """Measures and stores it, unless it is known."""
    if stored_handover_us(session) is not None:
        return
    cpus = json.dumps(session.board.usable_cpus[:2])
    answer = call_bench(tvm_session, "handover", cpus, deadline_s=_DEADLINE_S)
    placement = _placement(session)
    profile = Profile(
        layer_hash=HANDOVER,
        environment=placement.environment,
        processor=placement.processor,
        cores=1,
        level=placement.level,
        latency_us=answer["handover_us"],
        latency_mad_us=0.0,
        samples_us=(answer["handover_us"],),
        status=ProfileStatus.STEADY,
        measured_at=datetime.now(UTC),
    )
    session.store.put_profiles([profile])


def _placement(session: "Session") -> "Placement":
    """It belongs to the board as a whole, and stands with its first processor as the board was found."""
    return placements_of(session.board, session.board.operating_points[:1])[0]
