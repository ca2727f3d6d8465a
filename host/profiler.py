"""Which layers have no profile yet on which placement; measures those on the board and stores them at once."""

import itertools
import json
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from db.records import Profile, ProfileStatus
from db.store import Store
from host.kernels.variants import tuned_name
from host.layers.choice import schedule_of, schedules, text_of
from host.layers.graph import Choice, LayerGraph, distinct
from host.placement import Placement
from host.transfers import transfer_profiles
from host.trials import Trials, Verdict

if TYPE_CHECKING:
    from host.remote.tvm_session import TvmSession

HANDOVER = "handover"
"""Stands where a profile has the hash of its layer: what handing a frame to a stage costs."""

WARM_UP_S = 0.5
"""Long enough for clocks to rise and caches to fill."""

TRIAL_S = 2.0
"""Schedules are tried on a placement at least this long, and each once: no longer than the measurement takes."""

CHUNK_S = 0.4
"""Samples are fetched and stored this often, so that an interruption loses no more than this."""

CONTENTION_S = 2.4
"""How long to compare layers with and without work on the board's other cores."""

LEAST_S = 2.0
"""A placement is measured at least this long: a shorter look may catch a machine in an unusual mood."""

PATIENCE_S = 12.0
"""A placement on which some layer is not steady after this time is stored as unsteady, after `MIN_PASSES` passes."""

MIN_PASSES = 8

LEAST_GAIN = 1.02
"""A new schedule has to be this many times as fast to replace one that has a finished profile."""

BENCH_DEADLINE_S = 300.0
"""No pass of a network takes longer; a kernel that hangs is given up after this time."""


@dataclass(slots=True, kw_only=True)
class _Readings:
    """The samples of one network's different layers on one placement, growing chunk by chunk.

    Attributes:
        hashes: Structural hash of each different layer, in network order.
        missing: Those that have no finished profile.
        samples_us: For each of `hashes` its samples, earlier runs' included.
        steady: For each of `hashes` the board's last verdict.
        slowdown: For each of `hashes` what work on the other cores costs it; empty where that is not known.
    """

    hashes: tuple[str, ...]
    missing: frozenset[str]
    samples_us: list[list[float]]
    steady: list[bool] = field(default_factory=list)
    slowdown: list[float] = field(default_factory=list)

    def add(self, chunk: Mapping[str, Any]) -> None:
        for samples, new in zip(self.samples_us, chunk["samples_us"][0], strict=True):
            samples.extend(new)
        self.steady = list(chunk["steady"])

    @property
    def is_steady(self) -> bool:
        return all(
            steady for name, steady in zip(self.hashes, self.steady, strict=True) if name in self.missing
        )


class Profiler:
    """Fills the database with what a network still lacks.

    Args:
        store: The profile database.
        graph: The network's layers.
        again: Measure what has a finished profile, too; it is replaced when the new one is finished. True for all
            layers, or the structural hashes of some.
    """

    def __init__(self, store: Store, graph: LayerGraph, *, again: bool | Collection[str] = False) -> None:
        self._store = store
        self._graph = graph
        self._hashes = tuple(dict.fromkeys(layer.structural_hash for layer in graph.layers))
        every = frozenset(self._hashes if again is True else ())
        self._again = every if isinstance(again, bool) else frozenset(again)

    @property
    def count(self) -> int:
        """How many different layers the network has."""
        return len(self._hashes)

    def profiles(self, placement: Placement) -> dict[str, Profile]:
        """The finished profiles of the network's layers on a placement, by structural hash."""
        return {
            name: profile
            for name, profile in self._stored(placement).items()
            if profile.status is not ProfileStatus.PARTIAL
        }

    def missing(self, placement: Placement) -> frozenset[str]:
        """Structural hashes that are to be measured on a placement."""
        return frozenset(self._hashes) - (self.profiles(placement).keys() - self._again)

    def choice(self, placement: Placement) -> Choice:
        """How the layers that have a profile were scheduled when they were measured."""
        return {
            name: schedule_of(row.schedule) for name, row in self._stored(placement).items() if row.schedule
        }

    def trials(self, placement: Placement, target: Mapping[str, Any]) -> Trials:
        """The schedules that a measurement has to look at; what has samples already keeps its own.

        Args:
            placement: Where it is going to measure.
            target: TVM's target of the placement's processor.
        """
        known = {name: one for name, one in self.choice(placement).items() if name not in self._again}
        tuned = best_variants(self._store, placement, self._graph.kernels)
        return Trials(
            schedules={
                name: (known[name],) if name in known else schedules(self._graph, layer, target, tuned)
                for name, layer in distinct(self._graph.layers).items()
            }
        )

    def measure(
        self,
        session: "TvmSession",
        module: Path,
        placement: Placement,
        trials: Trials,
        progress: Callable[[str], None] = lambda state: None,
    ) -> list[str]:
        """Measures the missing layers of the network on a placement and stores them chunk by chunk.

        The whole network runs, in its own order, since a layer's latency depends on what the layer before left in the
        caches; only what is missing is stored. Where several schedules are to be tried, they run in turns first.

        Args:
            session: A TVM RPC session with the board.
            module: The kernels of all trials linked for the placement's processor.
            placement: Where to measure.
            trials: How the layers may be scheduled.
            progress: Told how far the measurement is.

        Returns:
            Structural hashes that stayed unsteady.
        """
        readings = self._readings(placement)
        if not readings.missing:
            return []
        uploaded = upload_module(session, module, placement)
        verdict = self._try(session, uploaded, placement, trials, progress)
        return self._measure(session, uploaded, placement, verdict, progress)

    def challenge(
        self,
        session: "TvmSession",
        module: Path,
        placement: Placement,
        trials: Trials,
        progress: Callable[[str], None] = lambda state: None,
    ) -> Verdict:
        """Tries new schedules beside those of finished profiles, and measures the layers anew that have got faster.

        Every number stays with the profile. Nothing gets slower by it: a schedule that does not win its trial in
        network order changes nothing but the list of what was tried.

        Args:
            session: A TVM RPC session with the board.
            module: The kernels of all trials linked for the placement's processor.
            placement: Where to measure.
            trials: For each layer its present schedule first.
            progress: Told how far the measurement is.

        Returns:
            What the trial showed.
        """
        uploaded = upload_module(session, module, placement)
        verdict = self._try(session, uploaded, placement, trials, progress)
        verdict = replace(
            verdict,
            choice={
                name: _winner(some, verdict.candidates_us[name]) for name, some in trials.schedules.items()
            },
        )
        known = self.profiles(placement)
        self._store.put_profiles(
            replace(known[name], candidates_us={**known[name].candidates_us, **times})
            for name, times in verdict.candidates_us.items()
            if times
        )
        winners = [name for name in self._hashes if verdict.choice[name] != trials.schedules[name][0]]
        if winners:
            Profiler(self._store, self._graph, again=winners)._measure(
                session, uploaded, placement, verdict, progress
            )
        return verdict

    def _measure(
        self,
        session: "TvmSession",
        uploaded: str,
        placement: Placement,
        verdict: Verdict,
        progress: Callable[[str], None],
    ) -> list[str]:
        """Measures the missing layers, scheduled as a verdict says, until they are steady."""
        readings = self._readings(placement)
        with open_bench(
            session, self._graph, uploaded, placement, [verdict.choice], readings.samples_us
        ) as sample:
            spent_s, passes = 0.0, 0
            while spent_s < LEAST_S or not (readings.is_steady or _is_enough(spent_s, passes)):
                chunk = sample(CHUNK_S)
                readings.add(chunk)
                spent_s, passes = spent_s + chunk["seconds"], passes + chunk["passes"]
                self._put(readings, placement, verdict, is_last=False)
                progress(
                    f"{placement.name}: {sum(readings.steady)} of {len(readings.steady)} layers steady, {passes} passes"
                )
            if placement.neighbours:
                progress(f"{placement.name}: beside work on the other cores")
                readings.slowdown = call_bench(session, "slowdown", CONTENTION_S)["slowdown"]
            if placement.device != "cpu":
                progress(f"{placement.name}: copies to it and back")
                samples_us = call_bench(session, "transfers")["samples_us"]
                self._store.put_profiles(transfer_profiles(placement, samples_us))
        self._put(readings, placement, verdict, is_last=True)
        verdicts = zip(readings.hashes, readings.steady, strict=True)
        return [name for name, steady in verdicts if name in readings.missing and not steady]

    def _try(
        self,
        session: "TvmSession",
        uploaded: str,
        placement: Placement,
        trials: Trials,
        progress: Callable[[str], None],
    ) -> Verdict:
        """Runs the network scheduled in several ways in turns, where there are several."""
        rounds = trials.rounds
        samples: list[list[list[float]]] = [[[0.0] for _ in self._hashes]]
        if len(rounds) > 1:
            samples = [[[] for _ in self._hashes] for _ in rounds]
            with open_bench(session, self._graph, uploaded, placement, rounds) as sample:
                spent_s, passes = 0.0, 0
                while spent_s < TRIAL_S or not passes:
                    chunk = sample(CHUNK_S)
                    spent_s, passes = spent_s + chunk["seconds"], passes + chunk["passes"]
                    for known, new in zip(samples, chunk["samples_us"], strict=True):
                        for group, added in zip(known, new, strict=True):
                            group.extend(added)
                    progress(f"{placement.name}: {passes} passes over {len(rounds)} schedules")
        return trials.verdict(self._hashes, samples)

    def _stored(self, placement: Placement) -> dict[str, Profile]:
        """The profiles that count; of several, measured at points of equal clocks, the newest finished one."""
        rows = (
            row
            for fingerprint in placement.fingerprints
            for row in self._store.profiles_for(fingerprint, self._hashes)
            if (row.processor, row.cores, row.level) == placement.key
        )
        found: dict[str, Profile] = {}
        for row in sorted(rows, key=lambda row: (row.status is not ProfileStatus.PARTIAL, row.measured_at)):
            found[row.layer_hash] = row
        return found

    def _readings(self, placement: Placement) -> _Readings:
        stored = self._stored(placement)
        partial = {name: row for name, row in stored.items() if row.status is ProfileStatus.PARTIAL}
        return _Readings(
            hashes=self._hashes,
            missing=self.missing(placement),
            samples_us=[list(partial[name].samples_us) if name in partial else [] for name in self._hashes],
        )

    def _put(self, readings: _Readings, placement: Placement, verdict: Verdict, *, is_last: bool) -> None:
        rows = zip(readings.hashes, readings.samples_us, readings.steady, strict=True)
        tried = {name: row.candidates_us for name, row in self._stored(placement).items()}
        slowdown = dict(zip(readings.hashes, readings.slowdown, strict=False))
        self._store.put_profiles(
            [
                replace(
                    _profile(name, placement, verdict, samples),
                    status=_status(steady=steady, is_last=is_last),
                    candidates_us={**tried.get(name, {}), **verdict.candidates_us[name]},
                    slowdown=slowdown.get(name),
                )
                for name, samples, steady in rows
                if name in readings.missing
            ]
        )


def _winner(schedules: Sequence[tuple[str, ...]], times_us: Mapping[str, float]) -> tuple[str, ...]:
    """The fastest schedule, the first one unless another gains enough."""
    best = min(schedules, key=lambda one: times_us.get(text_of(one), 0.0))
    present = schedules[0]
    if best == present or times_us[text_of(present)] < LEAST_GAIN * times_us[text_of(best)]:
        return present
    return best


def _is_enough(spent_s: float, passes: int) -> bool:
    return spent_s >= PATIENCE_S and passes >= MIN_PASSES


def _status(*, steady: bool, is_last: bool) -> ProfileStatus:
    if not is_last:
        return ProfileStatus.PARTIAL
    return ProfileStatus.STEADY if steady else ProfileStatus.UNSTEADY


def _profile(name: str, placement: Placement, verdict: Verdict, samples: Sequence[float]) -> Profile:
    array = np.asarray(samples)
    median = float(np.median(array))
    return Profile(
        layer_hash=name,
        environment=placement.environment,
        processor=placement.processor,
        cores=placement.cores,
        level=placement.level,
        latency_us=median,
        latency_mad_us=float(np.median(np.abs(array - median))),
        samples_us=tuple(samples),
        status=ProfileStatus.PARTIAL,
        measured_at=datetime.now(UTC),
        schedule=text_of(verdict.choice[name]),
    )


def best_variants(store: Store, placement: Placement, kernels: Collection[str]) -> dict[str, str]:
    """For kernels that a search was spent on, on a placement's processor, the fastest variant that it found."""
    found: dict[str, str] = {}
    for fingerprint in placement.fingerprints:
        for record in store.tuning_records_for(fingerprint, kernels):
            if record.processor == placement.processor:
                found.setdefault(record.kernel, tuned_name(record.digest, record.variant))
    return found


_uploads = itertools.count()


def upload_module(session: "TvmSession", module: Path, placement: Placement) -> str:
    """Copies a module to the board, under a name of its own: the one before may still be mapped."""
    name = f"{placement.name}-{next(_uploads)}.so"
    session.upload(module.read_bytes(), name)
    return name


@contextmanager
def open_bench(
    session: "TvmSession",
    graph: LayerGraph,
    uploaded: str,
    placement: Placement,
    choices: Sequence[Choice],
    prior_us: Sequence[Sequence[float]] = (),
) -> Iterator[Callable[[float], dict[str, Any]]]:
    """Loads a network, scheduled in one or several ways, on the board and gives the function that samples it."""
    programs = [f"program{index}.json" for index in range(len(choices))]
    for choice, name in zip(choices, programs, strict=True):
        session.upload(json.dumps(graph.program(choice)).encode(), name)
    group = {name: index for index, name in enumerate(distinct(graph.layers))}
    request = {
        "programs": programs,
        "module": uploaded,
        "device": placement.device,
        "cpus": placement.cpus,
        "neighbours": placement.neighbours,
        "groups": [group[layer.structural_hash] for layer in graph.layers],
        "prior_us": prior_us or [[] for _ in group],
        "warm_up_s": WARM_UP_S,
    }
    call_bench(session, "open", json.dumps(request))
    yield lambda seconds: call_bench(session, "sample", seconds)
    call_bench(session, "close")


def call_bench(
    session: "TvmSession", function: str, *arguments: str | float, deadline_s: float = BENCH_DEADLINE_S
) -> dict[str, Any]:
    """Calls one of the board's measuring functions.

    Raises:
        StagelineError: It failed there.
    """
    return session.ask(f"stageline.measure.{function}", *arguments, deadline_s=deadline_s)
