"""MetaSchedule's search for one kernel, driven from outside: it proposes, somebody measures, it learns.

TVM's own task scheduler runs its whole loop in C++ and calls back for building and running. Driven by hand, every step
returns to Python: Ctrl-C ends it at once, and each result is stored before the next proposal.
"""

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from types import ModuleType
from typing import Any

from host.errors import InputError
from host.kernels.tuned import module_of

BATCH = 16
"""Trials between two rounds of learning."""

_NEEDED = ("cloudpickle", "psutil", "xgboost")

POPULATION = 128
"""Candidates that compete in the cost model's eyes before a batch is measured; thinking takes as long as measuring."""

_MIN_SAMPLES = 32
"""The cost model decides from so many measured trials on; before, chance does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """A candidate that is worth a measurement.

    Attributes:
        function: Its TIR function.
        trace: What was done to the definition's loops, as TVM's JSON.
    """

    function: Any
    trace: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """A trace whose latency is known."""

    trace: str
    latency_us: float


def require_packages() -> None:
    """Finds out whether a search can be made.

    Raises:
        InputError: A package that it needs is not installed.
    """
    missing = [name for name in _NEEDED if find_spec(name) is None]
    if missing:
        raise InputError(
            f"--tune needs {', '.join(missing)}, which {'is' if len(missing) == 1 else 'are'} not installed",
            hint="pip install 'stageline[host,tune]'",
        )


def cost_model(threads: int) -> Any:
    """A model of how fast candidates are; one learns from all kernels of a target."""
    from tvm.s_tir.meta_schedule.cost_model import XGBModel

    return XGBModel(num_warmup_samples=_MIN_SAMPLES, num_tuning_cores=threads)


class KernelSearch:
    """The search for one kernel's schedule.

    Args:
        definition: What `host.kernels.tuned.unscheduled` gives.
        target: TVM's target as a dictionary.
        model: What `cost_model` gave.
        known: Measured in earlier searches.
        threads: CPUs of this machine to think with.
        seed: Of the random generator.
    """

    def __init__(
        self,
        definition: Any,
        target: Mapping[str, Any],
        model: Any,
        known: Sequence[Measured] = (),
        *,
        threads: int,
        seed: int = 1,
    ) -> None:
        from tvm.s_tir import meta_schedule
        from tvm.target import Target

        self._model = model
        self._target = Target(
            {"num-cores": 1, **target}
        )  # it wants to know; one core is what it is measured on
        rules = "llvm"  # named, since TVM's choice for some CPUs wants tensor instructions
        with _without_tensor_instructions():
            self._context = meta_schedule.TuneContext(
                mod=module_of(definition),
                target=self._target,
                space_generator=meta_schedule.space_generator.PostOrderApply(
                    sch_rules=rules, postprocs=rules, mutator_probs=rules
                ),
                search_strategy=meta_schedule.search_strategy.EvolutionarySearch(
                    population_size=POPULATION, init_min_unmeasured=POPULATION // 4
                ),
                num_threads=threads,
                rand_state=seed,
            )
        self._database = meta_schedule.database.MemoryDatabase()
        self._workload = self._database.commit_workload(self._context.mod)
        self._remember(known)
        self._context.pre_tuning(
            max_trials=sys.maxsize >> 32,
            num_trials_per_iter=BATCH,
            design_spaces=self._context.generate_design_space(),
            database=self._database,
            cost_model=model,
        )
        self._candidates: list[Any] = []

    def propose(self, most: int) -> list[Proposal]:
        """The next candidates; none when the search finds nothing new."""
        self._candidates = list(self._context.generate_measure_candidates() or ())[:most]
        return [
            Proposal(function=candidate.sch.mod["main"], trace=self._trace_of(candidate))
            for candidate in self._candidates
        ]

    def learn(self, latencies_us: Sequence[float | None]) -> None:
        """Takes in what was measured of the last proposals; None for what failed."""
        from tvm.s_tir.meta_schedule.runner import RunnerResult

        results = [
            RunnerResult(None, "failed") if time is None else RunnerResult([time / 1e6], None)
            for time in latencies_us
        ]
        self._context.notify_runner_results(self._candidates, results)
        self._model.update(self._context, self._candidates, results)
        for candidate, result in zip(self._candidates, results, strict=True):
            if result.run_secs is not None:
                self._commit(candidate.sch.trace, result.run_secs, candidate.args_info)

    def _remember(self, known: Sequence[Measured]) -> None:
        """Begins where earlier searches ended: their results are ancestors of candidates and teach the model."""
        from tvm.s_tir.meta_schedule.database import TuningRecord
        from tvm.s_tir.meta_schedule.runner import RunnerResult

        candidates = []
        for one in known:
            document = [json.loads(one.trace), [one.latency_us / 1e6], None, None]
            record = TuningRecord.from_json(document, self._workload)
            candidates.append(record.as_measure_candidate())
            self._commit(record.trace, [one.latency_us / 1e6], candidates[-1].args_info)
        if candidates:
            results = [RunnerResult([one.latency_us / 1e6], None) for one in known]
            self._model.update(self._context, candidates, results)

    def _commit(self, trace: Any, seconds: Sequence[float], arguments: Any) -> None:
        from tvm.s_tir.meta_schedule.database import TuningRecord

        record = TuningRecord(trace, self._workload, list(seconds), self._target, arguments)
        self._database.commit_tuning_record(record)

    def _trace_of(self, candidate: Any) -> str:
        from tvm.s_tir.meta_schedule.database import TuningRecord

        return json.dumps(TuningRecord(candidate.sch.trace, self._workload).as_json()[0])


@contextmanager
def _without_tensor_instructions() -> Iterator[None]:
    """Spares the 12 s in which TVM's first tuning context parses the tensor instructions of every GPU and DSP."""
    name = "tvm.s_tir.tensor_intrin"
    if name in sys.modules:
        yield
        return
    sys.modules[name] = ModuleType(name)
    try:
        yield
    finally:
        del sys.modules[name]
