"""A network on all engines of a board, side by side."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from host.bench.figures import Comparison, Contender, Engine, Entry, Mode, unsteady
from host.errors import UsageError
from host.requests import ModelRequest, Reporter

if TYPE_CHECKING:
    from host.bench.contest import Contest
    from host.network import Network
    from host.session import Session


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchRequest:
    """Measure engines side by side.

    Attributes:
        model: Which network.
        board: A saved name or HOST:PORT; None for this machine.
        database: Path or URL.
        against: The engine to compare with; None for Stageline's own modes only.
        seconds: How long to measure, after everything is ready.
    """

    model: ModelRequest
    board: str | None
    database: str
    against: Engine | None
    seconds: float


def bench_model(request: BenchRequest, reporter: Reporter) -> Comparison:
    """Measures what the planner still needs, deploys every mode, and gives all of them turns.

    Raises:
        UsageError: The other engine is not installed on the board.
        StagelineError: It could not be done, or the engines' outputs differ.
    """
    from host.measuring import measure_missing
    from host.session import open_session, source_of

    source = source_of(request.model)
    with open_session(request.database, request.board, reporter) as session:
        versions = {name: session.board.versions[name] for name in ("stageline", "tvm")}
        if request.against is not None:
            versions[request.against] = _reference_version(session)
        network = session.network(source, request.model)
        measure_missing(session, network)
        contenders = _contenders(session, network, request.against)
        entries, largest_difference = _measured(session, network, contenders, request.seconds)
        return Comparison(
            model=network.graph.name,
            board=session.board.name,
            entries=entries,
            rounds=len(entries[0].turns),
            cores=len(session.board.usable_cpus),
            versions=versions,
            largest_difference=largest_difference,
        )


def _reference_version(session: "Session") -> str:
    """The version of ONNX Runtime on the board, asked before anything takes time."""
    from host.bench.contest import ask

    with session.lease.tvm_session() as tvm_session:
        version = ask(tvm_session, "reference_version")["version"]
    if version is None:
        raise UsageError(
            f"board {session.board.name} has no ONNX Runtime to compare with",
            hint="install it there: pip install 'stageline[bench]'",
        )
    return str(version)


def _contenders(session: "Session", network: "Network", against: Engine | None) -> tuple[Contender, ...]:
    """The other engine's first; ONNX Runtime on one core gets the core that Stageline has."""
    from host.bench.plans import plans_of

    plans = plans_of(session.exchange_document(network.graph), session.board)
    ours = tuple(Contender(engine=Engine.STAGELINE, mode=mode, plan=plan) for mode, plan in plans.items())
    if against is None:
        return ours
    cpus = session.board.usable_cpus
    one = session.board.processor(plans[Mode.SINGLE_CORE].stages[0].processor).usable[:1]
    theirs = {Mode.SINGLE_CORE: one, Mode.ALL_CORES: cpus, Mode.SESSION_PER_CORE: cpus}
    return (*(Contender(engine=against, mode=mode, cpus=cpus) for mode, cpus in theirs.items()), *ours)


def _measured(
    session: "Session", network: "Network", contenders: Sequence[Contender], seconds: float
) -> tuple[tuple[Entry, ...], float | None]:
    from host.bench.contest import Contest
    from host.bench.rounds import play

    with session.lease.tvm_session() as tvm_session:
        contest = Contest(session, tvm_session, network)
        for contender in sorted(contenders, key=lambda one: one.plan is None):
            contest.open(contender)
        difference = _checked(session, contest, contenders)
        started = time.monotonic()
        entries = play(
            contenders,
            contest.take_turn,
            seconds,
            progress=lambda number, one: session.reporter.progress("Bench", f"round {number}: {one.name}"),
        )
    text = f"{len(entries)} entries, {len(entries[0].turns)} rounds in turns"
    session.reporter.step("Bench", text, time.monotonic() - started)
    _warn_unsteady(session, entries)
    return entries, difference


def _checked(session: "Session", contest: "Contest", contenders: Sequence[Contender]) -> float | None:
    if all(contender.engine is Engine.STAGELINE for contender in contenders):
        return None
    difference = contest.require_agreement()
    session.reporter.step("Check", f"outputs agree: {difference:.1e} of the largest value apart")
    return difference


def _warn_unsteady(session: "Session", entries: Sequence[Entry]) -> None:
    if found := unsteady(entries):
        text = ", ".join(f"{entry.contender.name} {100 * entry.scatter:.0f} %" for entry in found)
        session.reporter.warn(
            f"the rounds scatter: {text}",
            "stop other programs on the board, or measure longer with --seconds",
        )
