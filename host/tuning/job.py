"""`--tune` from end to end: search on each processor, then let what was found compete in the whole network."""

import os
import tempfile
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from host.layers.choice import main_call, text_of
from host.layers.graph import LayerGraph, distinct
from host.placement import Placement, placements_of
from host.profiler import Profiler
from host.report.text import duration_text
from host.trials import Trials, Verdict
from host.tuning.bench import TrialBench
from host.tuning.compiling import CompilerPool
from host.tuning.search import cost_model
from host.tuning.tasks import tasks_of
from host.tuning.tuner import Progress, Site, Tuner

if TYPE_CHECKING:
    from host.network import Network
    from host.remote.tvm_session import TvmSession
    from host.session import Session

WORTH_A_TRIAL = 0.95
"""A tuned kernel that is this fast by itself, against the analytic one, may still win in the network."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TuningCount:
    """What a search came to.

    Attributes:
        trials: Candidates that were measured.
        improved: Profiles whose layer has a faster schedule now.
    """

    trials: int
    improved: int


def tune_network(session: "Session", network: "Network", trials: int) -> TuningCount:
    """Searches for faster schedules of the kernels in which a network spends its time.

    Each CPU processor gets an equal part of the trials, on one of its cores; what is found there is tried on all its
    placements. The network must have been measured.

    Args:
        session: The board and the database.
        network: What to tune.
        trials: How many candidates to measure.
    """
    started = time.monotonic()
    sites = _sites(session, network)
    done, searched = 0, list[Progress]()
    for index, site in enumerate(sites):
        share = trials // len(sites) + (index < trials % len(sites))
        spent, progress = _search(session, network, site, share, done, trials)
        done, searched = done + spent, searched + list(progress)
    session.reporter.step("Tune", _tried(done, searched), time.monotonic() - started)
    improved = _compete(session, network, [site.placement.processor for site in sites], searched)
    if not improved:
        session.reporter.step("Tune", "nothing beat the schedules in use")
    return TuningCount(trials=done, improved=improved)


def _placements(session: "Session") -> list[Placement]:
    """Those of the first operating point: what is fast at one clock is a good candidate at all."""
    return placements_of(session.board, session.points[:1])


def _sites(session: "Session", network: "Network") -> list[Site]:
    """One core of each CPU processor."""
    found: dict[str, Site] = {}
    for placement in _placements(session):
        processor = session.board.processor(placement.processor)
        if processor.kind == "cpu" and placement.cores == 1:
            found.setdefault(
                placement.processor,
                Site(
                    placement=placement,
                    target=processor.target,
                    functions=lambda: network.lowered.functions,
                ),
            )
    return list(found.values())


def _search(
    session: "Session", network: "Network", site: Site, share: int, before: int, total: int
) -> tuple[int, Sequence[Progress]]:
    placement = site.placement
    latencies = {
        name: profile.latency_us
        for name, profile in Profiler(session.store, network.graph).profiles(placement).items()
    }
    choice = session.choice(network.graph, placement)
    tasks = tasks_of(network.graph, choice, latencies, site.target)

    def tell(done: int, progress: Progress) -> None:
        name = progress.task.layers[0]
        state = f"{before + done} of {total} trials on {placement.name}; {name}: {_standing(progress)}"
        session.reporter.progress("Tune", state)

    with (
        CompilerPool(site.target) as compilers,
        TrialBench(session.lease, placement.cpus) as bench,
    ):
        model = cost_model(len(os.sched_getaffinity(0)))
        tuner = Tuner(session.store, bench, compilers, site, tasks, model)
        return tuner.run(share, tell), tuner.progress


def _standing(progress: Progress) -> str:
    if progress.best is None or progress.rival_us is None:
        return "nothing yet"
    best, analytic = map(duration_text, (progress.best.latency_us, progress.rival_us))
    return f"best {best}, analytic {analytic}"


def _tried(done: int, searched: Sequence[Progress]) -> str:
    looked_at = [progress for progress in searched if progress.rival_us]
    failed = sum(progress.failed for progress in searched)
    text = f"{done} trials on {len(looked_at)} {'kernel' if len(looked_at) == 1 else 'kernels'}"
    return text + (f", {failed} failed" if failed else "")


def _compete(
    session: "Session", network: "Network", processors: Sequence[str], searched: Sequence[Progress]
) -> int:
    """Tries what was found on every placement of some processors; gives the number of profiles that got faster."""
    names = {
        progress.task.kernel: progress.tuned
        for progress in searched
        if progress.tuned and (progress.rival_us is None or progress.gain > WORTH_A_TRIAL)
    }
    profiler = Profiler(session.store, network.graph)
    wanted = [placement for placement in _placements(session) if placement.processor in processors]
    found = [(placement, _trials(profiler, network.graph, placement, names)) for placement in wanted]
    todo = [(placement, trials) for placement, trials in found if trials]
    if not todo:
        return 0
    with session.lease.tvm_session() as tvm_session:
        return sum(_challenge(session, tvm_session, network, *one) for one in todo)


def _trials(
    profiler: Profiler, graph: LayerGraph, placement: Placement, tuned: Mapping[str, str]
) -> Trials | None:
    """Every layer as it is, and beside it as a search found it where that was not tried before; None where all was."""
    choice, profiles = profiler.choice(placement), profiler.profiles(placement)
    schedules: dict[str, tuple[tuple[str, ...], ...]] = {name: (choice[name],) for name in choice}
    for name, layer in distinct(graph.layers).items():
        main = main_call(graph, layer)
        variant = tuned.get(layer.calls[main].kernel)
        if variant is None or layer.calls_of(choice[name]) is not layer.calls:
            continue
        new = (*choice[name][:main], variant, *choice[name][main + 1 :])
        if new != choice[name] and text_of(new) not in profiles[name].candidates_us:
            schedules[name] = (choice[name], new)
    return Trials(schedules=schedules) if any(len(some) > 1 for some in schedules.values()) else None


def _challenge(
    session: "Session",
    tvm_session: "TvmSession",
    network: "Network",
    placement: Placement,
    trials: Trials,
) -> int:
    implementations = trials.implementations(network.graph)
    session.build(network, {placement.processor: implementations})
    started = time.monotonic()
    profiler = Profiler(session.store, network.graph)
    before_us = {name: profile.latency_us for name, profile in profiler.profiles(placement).items()}
    with tempfile.TemporaryDirectory(prefix="stageline-") as folder:
        module = Path(folder) / "module.so"
        session.builder(session.board.processor(placement.processor)).link(implementations, module)
        verdict = profiler.challenge(
            tvm_session,
            module,
            placement,
            trials,
            lambda state: session.reporter.progress("Tune", state),
        )
    winners = [name for name, some in trials.schedules.items() if verdict.choice[name] != some[0]]
    if winners:
        text = _gains(network.graph, before_us, trials, verdict, winners)
        session.reporter.step("Tune", f"{placement.name}: {text}", time.monotonic() - started)
    return len(winners)


def _gains(
    graph: LayerGraph,
    before_us: Mapping[str, float],
    trials: Trials,
    verdict: Verdict,
    winners: Sequence[str],
) -> str:
    """What the winners save a frame, by the times that both schedules of each took in turns."""
    counts = Counter(layer.structural_hash for layer in graph.layers)
    old = {name: verdict.candidates_us[name][text_of(trials.schedules[name][0])] for name in winners}
    new = {name: verdict.candidates_us[name][text_of(verdict.choice[name])] for name in winners}
    total = sum(counts[name] * time for name, time in before_us.items())
    saved = sum(counts[name] * (old[name] - new[name]) for name in winners)
    names = {layer.structural_hash: layer.name for layer in reversed(graph.layers)}
    layers = ", ".join(f"{names[name]} {old[name] / new[name]:.2f}" for name in winners)
    return f"{duration_text(total)} -> {duration_text(total - saved)} a frame; times as fast: {layers}"
