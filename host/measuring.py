"""Everything that a network still lacks on a board: built and measured, operating point after operating point."""

import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from host.handover import measure_handover, stored_handover_us
from host.layers.graph import Implementation
from host.placement import Placement
from host.profiler import Profiler
from host.trials import Trials

if TYPE_CHECKING:
    from host.layers.graph import LayerGraph
    from host.network import Network
    from host.remote import OperatingPoint
    from host.requests import Reporter
    from host.session import Session

_MOST_NAMES = 4


@dataclass(slots=True, kw_only=True)
class MeasureCount:
    """How many profiles are new, how many were known before, and how many of the new ones are unsteady."""

    measured: int = 0
    known: int = 0
    unsteady: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Gap:
    """What is missing on one placement.

    Attributes:
        placement: Where.
        missing: How many profiles.
        trials: The schedules to look at.
    """

    placement: Placement
    missing: int
    trials: Trials = field(repr=False)


def measure_missing(session: "Session", network: "Network", *, again: bool = False) -> MeasureCount:
    """Builds and measures what the database does not hold yet, on every placement at every chosen operating point.

    Args:
        session: The board and the database.
        network: What to measure.
        again: Measure what the database holds, too.
    """
    profiler = Profiler(session.store, network.graph, again=again)
    gaps = {point.name: _gaps(session, profiler, point) for point in session.points}
    missing = sum(gap.missing for some in gaps.values() for gap in some)
    count = MeasureCount(known=profiler.count * len(session.placements()) - missing)
    for point in session.points:
        if gaps[point.name] or stored_handover_us(session) is None:
            _measure_at(session, network, profiler, point, gaps[point.name], count)
    if not count.measured:
        text = f"nothing: all {count.known} profiles are in the database"
        session.reporter.step("Measure", text)
    return count


def _gaps(session: "Session", profiler: Profiler, point: "OperatingPoint") -> list[_Gap]:
    found = [
        (placement, len(profiler.missing(placement)))
        for placement in session.placements()
        if placement.operating_point == point.name
    ]
    return [
        _Gap(
            placement=placement,
            missing=missing,
            trials=profiler.trials(placement, session.board.processor(placement.processor).target),
        )
        for placement, missing in found
        if missing
    ]


def _measure_at(
    session: "Session",
    network: "Network",
    profiler: Profiler,
    point: "OperatingPoint",
    gaps: Sequence[_Gap],
    count: MeasureCount,
) -> None:
    """Measures at one operating point, and says so."""
    wanted: dict[str, list[Implementation]] = defaultdict(list)
    for gap in gaps:
        wanted[gap.placement.processor] += gap.trials.implementations(network.graph)
    session.build(network, wanted)
    session.set_point(point.name)
    started = time.monotonic()
    with session.lease.tvm_session() as tvm_session, TemporaryDirectory(prefix="stageline-") as folder:
        measure_handover(session, tvm_session)
        unsteady = {}
        for gap in gaps:
            module = Path(folder) / f"{gap.placement.name}.so"
            builder = session.builder(session.board.processor(gap.placement.processor))
            builder.link(gap.trials.implementations(network.graph), module)
            unsteady[gap.placement.name] = profiler.measure(
                tvm_session,
                module,
                gap.placement,
                gap.trials,
                lambda state: session.reporter.progress("Measure", session.at_point(state, point)),
            )
    measured, scattering = sum(gap.missing for gap in gaps), sum(map(len, unsteady.values()))
    count.measured += measured
    count.unsteady += scattering
    if gaps:
        places = f"{len(gaps)} placement{'' if len(gaps) == 1 else 's'}"
        text = session.at_point(f"{measured} profiles on {places}", point)
        text += f", {count.known} known" if count.known else ""
        text += f", {scattering} unsteady" if scattering else ", all steady"
        session.reporter.step("Measure", text, time.monotonic() - started)
    _warn_unsteady(session.reporter, network.graph, unsteady)


def _warn_unsteady(reporter: "Reporter", graph: "LayerGraph", unsteady: Mapping[str, Sequence[str]]) -> None:
    names = {layer.structural_hash: layer.name for layer in graph.layers}
    for placement, hashes in unsteady.items():
        if hashes:
            shown = ", ".join(names[name] for name in hashes[:_MOST_NAMES])
            shown += " and others" if len(hashes) > _MOST_NAMES else ""
            reporter.warn(
                f"on {placement} the times of {shown} scatter",
                "stop other programs on the board, then measure again with --again",
            )
