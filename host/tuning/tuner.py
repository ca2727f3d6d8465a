"""The search on one placement: trials shared out over kernels, every result stored before the next is asked for."""

import os
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

from db.records import TuningRecord
from db.store import Store
from host.build import compile_function
from host.kernels.variants import Variant, analytic_of, name_of, tuned_name, variant_of
from host.linker import link
from host.placement import Placement
from host.tuning.bench import Timing
from host.tuning.programs import program_of
from host.tuning.search import BATCH, KernelSearch, Measured, Proposal
from host.tuning.tasks import Task, next_task

_BASE, _RIVAL = "base", "rival"


@dataclass(slots=True, kw_only=True)
class Progress:
    """How far the search for one kernel is.

    Attributes:
        task: The kernel.
        rival_us: Latency of the analytic variant to beat, on the same bench; None before its turn.
        best: The fastest record, earlier searches' included.
        trials: How many schedules were measured, earlier searches' included.
        failed: How many of this search's did not compile, crashed, hung or computed something else.
        is_exhausted: Whether there is nothing left to try.
    """

    task: Task
    rival_us: float | None = None
    best: TuningRecord | None = None
    trials: int = 0
    failed: int = 0
    is_exhausted: bool = False

    @property
    def gain(self) -> float:
        """How many times as fast as the analytic variant the best record is; 1 where nothing is known."""
        if self.rival_us is None or self.best is None:
            return 1.0
        return self.rival_us / self.best.latency_us

    @property
    def time_us(self) -> float:
        """What the network would spend in the kernel now."""
        return 0.0 if self.is_exhausted else self.task.time_us / max(self.gain, 1.0)

    @property
    def tuned(self) -> str | None:
        """Name of the tuned variant, where there is one."""
        return tuned_name(self.best.digest, self.best.variant) if self.best else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """Where a search measures.

    Attributes:
        placement: The placement.
        target: TVM's target of its processor.
        functions: Gives the TIR functions of generic kernels by digest.
    """

    placement: Placement
    target: Mapping[str, Any]
    functions: Callable[[], Mapping[str, Any]]


class Bench(Protocol):
    """Measures kernels of a module: a `host.tuning.bench.TrialBench`."""

    def load(self, module: bytes, name: str) -> None:
        """Takes the module whose kernels are measured next."""

    def time(self, program: Mapping[str, Any], rival_us: float | None = None) -> Timing | None:
        """Measures one of them; None for one that failed."""


class Compilers(Protocol):
    """Compile candidates: a `host.tuning.compiling.CompilerPool`."""

    def compile(self, functions: Mapping[str, Any]) -> dict[str, bytes]:
        """Object files by symbol, without those that could not be compiled."""


class Tuner:
    """Searches on one placement.

    Args:
        store: Keeps what is found.
        bench: Measures.
        compilers: Compile.
        site: Where.
        tasks: What may be worth a search.
        model: What all searches learn into, as `host.tuning.search.cost_model` gives it.
    """

    def __init__(
        self,
        store: Store,
        bench: Bench,
        compilers: Compilers,
        site: Site,
        tasks: Sequence[Task],
        model: Any,
    ) -> None:
        self._store = store
        self._bench = bench
        self._compilers = compilers
        self._site = site
        self._threads = len(os.sched_getaffinity(0))
        self._model = model
        self._searches: dict[str, KernelSearch] = {}
        self._definitions: dict[str, Any] = {}
        self._modules = 0
        known = self._known([task.kernel for task in tasks])
        self.progress = tuple(_begin(task, known.get(task.kernel, [])) for task in tasks)

    def run(self, trials: int, tell: Callable[[int, Progress], None] = lambda done, progress: None) -> int:
        """Spends trials.

        Args:
            trials: How many candidates to measure at most.
            tell: Told how many are done, and what was looked at last.

        Returns:
            How many candidates were measured.
        """
        done = 0
        while done < trials and any(one.time_us > 0 for one in self.progress):
            times = [one.time_us for one in self.progress]
            chosen = self.progress[next_task(times, [one.trials for one in self.progress])]
            done += self._turn(chosen, min(BATCH, trials - done))
            tell(done, chosen)
        return done

    def _turn(self, progress: Progress, most: int) -> int:
        """Measures one batch of candidates of one kernel."""
        search = self._search(progress.task)
        proposals = search.propose(most)
        if not proposals:
            progress.is_exhausted = True
            return 0
        timings = self._measure(progress, proposals)
        search.learn([timing.latency_us if timing else None for timing in timings])
        self._keep(progress, proposals, timings)
        return len(proposals)

    def _search(self, task: Task) -> KernelSearch:
        if task.kernel not in self._searches:
            from host.kernels.tuned import unscheduled

            definition = unscheduled(task.spec, task.base, self._code(task))
            known = [
                Measured(trace=record.trace, latency_us=record.latency_us)
                for record in self._known([task.kernel]).get(task.kernel, [])
                if record.variant == name_of(task.base)
            ]
            self._definitions[task.kernel] = definition
            self._searches[task.kernel] = KernelSearch(
                definition, self._site.target, self._model, known, threads=self._threads, seed=1 + len(known)
            )
        return self._searches[task.kernel]

    def _code(self, task: Task) -> Any:
        """A generic kernel's own code."""
        from host.kernels.specs import Generic

        return self._site.functions()[task.kernel] if isinstance(task.spec, Generic) else None

    def _measure(self, progress: Progress, proposals: Sequence[Proposal]) -> list[Timing | None]:
        """Times candidates beside the analytic kernel; None for what failed or computed something else."""
        task = progress.task
        symbols = [f"t{index}" for index in range(len(proposals))]
        written = {_BASE: self._written(task, task.base), _RIVAL: self._written(task, task.rival)}
        objects = self._compilers.compile(
            {symbol: proposal.function for symbol, proposal in zip(symbols, proposals, strict=True)}
        )
        own = {name: compile_function(written[name], name, self._site.target)[0] for name in written}
        self._load({**objects, **own})
        base = self._bench.time(program_of(written[_BASE], task.spec, task.base, _BASE))
        rival = self._bench.time(program_of(written[_RIVAL], task.spec, task.rival, _RIVAL))
        if base is None or rival is None:
            progress.is_exhausted = True
            return [None] * len(proposals)
        progress.rival_us = min(rival.latency_us, progress.rival_us or rival.latency_us)
        return [
            self._candidate(task, symbol, base, rival.latency_us) if symbol in objects else None
            for symbol in symbols
        ]

    def _candidate(self, task: Task, symbol: str, base: Timing, rival_us: float) -> Timing | None:
        program = program_of(self._definitions[task.kernel], task.spec, task.base, symbol)
        timing = self._bench.time(program, rival_us)
        return timing if timing and timing.agrees_with(base) else None

    def _written(self, task: Task, variant: Variant) -> Any:
        """The kernel as it is written without any search."""
        from host.kernels import emit

        return emit(task.spec, variant, self._site.target, self._code(task))

    def _load(self, objects: Mapping[str, bytes]) -> None:
        """Links a batch of object files into one module and gives it to the bench."""
        with tempfile.TemporaryDirectory(prefix="stageline-") as name:
            folder = Path(name)
            for symbol, data in objects.items():
                (folder / f"{symbol}.o").write_bytes(data)
            module = folder / "module.so"
            link([folder / f"{symbol}.o" for symbol in objects], module, self._site.target["mtriple"])
            self._bench.load(module.read_bytes(), f"trial{self._modules}.so")
        self._modules += 1

    def _keep(
        self, progress: Progress, proposals: Sequence[Proposal], timings: Sequence[Timing | None]
    ) -> None:
        placement, records = self._site.placement, []
        for proposal, timing in zip(proposals, timings, strict=True):
            progress.trials += 1
            if timing is None:
                progress.failed += 1
                continue
            records.append(
                TuningRecord(
                    kernel=progress.task.kernel,
                    variant=name_of(progress.task.base),
                    environment=placement.environment,
                    processor=placement.processor,
                    cores=placement.cores,
                    trace=proposal.trace,
                    latency_us=timing.latency_us,
                    trial=progress.trials,
                    measured_at=datetime.now(UTC),
                )
            )
        self._store.put_tuning_records(records)
        known = [progress.best] if progress.best else []
        progress.best = min([*known, *records], key=lambda record: record.latency_us, default=None)

    def _known(self, kernels: Sequence[str]) -> dict[str, list[TuningRecord]]:
        return records_by_kernel(self._store, self._site.placement, kernels)


def _begin(task: Task, known: Sequence[TuningRecord]) -> Progress:
    """Goes on where an earlier search ended, with the order of the weights that it had."""
    if not known:
        return Progress(task=task)
    base = analytic_of(variant_of(known[0].variant))
    return Progress(
        task=replace(task, base=base), best=known[0], trials=max(record.trial for record in known)
    )


def records_by_kernel(
    store: Store, placement: Placement, kernels: Sequence[str]
) -> dict[str, list[TuningRecord]]:
    """What earlier searches found on a placement's processor, the fastest first."""
    found: dict[str, list[TuningRecord]] = {}
    for record in store.tuning_records_for(placement.environment.fingerprint, kernels):
        if record.processor == placement.processor:
            found.setdefault(record.kernel, []).append(record)
    return found
