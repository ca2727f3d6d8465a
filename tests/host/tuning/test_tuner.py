"""Every result is stored before the next proposal, wrong and failed candidates never are, and a later run goes on."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from db.records import BoardRecord, Environment
from db.store import Store
from host.kernels.specs import Convolution, digest
from host.kernels.variants import Direct, name_of, tuned_name
from host.placement import Placement
from host.profiler import best_variants
from host.tuning.bench import Timing
from host.tuning.search import BATCH
from host.tuning.tasks import Task
from host.tuning.tuner import Site, Tuner

RIGHT = (1.0, 2.0)


class StandInBench:
    """Gives each candidate the next latency; a negative one is that of a wrong result, None that of a crash."""

    def __init__(self, *latencies_us: float | None) -> None:
        self._latencies = list(latencies_us)
        self.modules: list[str] = []

    def load(self, module: bytes, name: str) -> None:
        assert module
        self.modules.append(name)

    def time(self, program: Mapping[str, Any], rival_us: float | None = None) -> Timing | None:
        if rival_us is None:
            return Timing(latency_us=100.0, checks=RIGHT)
        latency = self._latencies.pop(0) if self._latencies else 90.0
        if latency is None:
            return None
        return Timing(latency_us=abs(latency), checks=RIGHT if latency > 0 else (5.0, 5.0))


class StandInCompilers:
    """Leaves out the candidates that it is told to; what it gives is code, if not the candidate's."""

    def __init__(self, *broken: str) -> None:
        self._broken = broken

    def compile(self, functions: Mapping[str, Any]) -> dict[str, bytes]:
        return {symbol: b"" for symbol in functions if symbol not in self._broken}


@pytest.fixture
def placement(target: Any) -> Placement:
    environment = Environment(
        tvm="0.27",
        tvm_ffi="0.1",
        target=target,
        board_fingerprint="board-1",
        operating_point="default",
        kernel_version="1",
    )
    return Placement(processor="cpu", cores=1, cpus=(0,), level="default", environment=environment)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "p.sqlite") as opened:
        opened.put_board(BoardRecord(name="board", fingerprint="board-1", processors=(), description={}))
        yield opened


@pytest.fixture
def task(spec: Convolution, base: Direct) -> Task:
    return Task(kernel=digest(spec), spec=spec, base=base, rival=base, layers=("conv1",), time_us=100.0)


@pytest.fixture
def make(
    store: Store, placement: Placement, target: Any, task: Task, model: Any, monkeypatch: pytest.MonkeyPatch
) -> Any:
    """Makes a tuner that links nothing."""
    monkeypatch.setattr("host.tuning.tuner.link", lambda objects, output, mtriple: output.write_bytes(b"so"))
    site = Site(placement=placement, target=target, functions=dict)
    return lambda bench, *broken: Tuner(store, bench, StandInCompilers(*broken), site, [task], model)


def test_results_are_stored_with_what_rebuilds_them(
    make: Any, store: Store, placement: Placement, task: Task
) -> None:
    told: list[int] = []
    tuner = make(StandInBench(80.0, 70.0, 120.0))
    assert tuner.run(3, lambda done, progress: told.append(done)) == 3
    records = store.tuning_records_for(placement.environment.fingerprint, [task.kernel])
    assert [record.latency_us for record in records] == [70.0, 80.0, 120.0]
    assert sorted(record.trial for record in records) == [1, 2, 3]
    assert store.tuning_trace(records[0].digest) == records[0].trace
    (progress,) = tuner.progress
    assert progress.gain == pytest.approx(100.0 / 70.0)
    assert best_variants(store, placement, [task.kernel]) == {task.kernel: progress.tuned}
    assert progress.tuned == tuned_name(records[0].digest, name_of(task.base))
    assert told == [3]


def test_what_failed_or_computed_something_else_is_counted_and_not_stored(
    make: Any, store: Store, placement: Placement, task: Task
) -> None:
    tuner = make(StandInBench(None, -10.0, 95.0), "t1")
    assert tuner.run(4) == 4
    assert tuner.progress[0].failed == 3
    (record,) = store.tuning_records_for(placement.environment.fingerprint, [task.kernel])
    assert record.latency_us == 95.0


def test_trials_come_in_batches_and_end_where_they_should(make: Any) -> None:
    bench = StandInBench()
    told: list[int] = []
    assert make(bench).run(BATCH + 3, lambda done, progress: told.append(done)) == BATCH + 3
    assert told == [BATCH, BATCH + 3]
    assert bench.modules == ["trial0.so", "trial1.so"]


def test_a_later_search_goes_on(make: Any, store: Store, placement: Placement, task: Task) -> None:
    make(StandInBench(60.0, 80.0)).run(2)
    later = make(StandInBench(90.0, 50.0))
    assert later.progress[0].trials == 2
    assert later.progress[0].best.latency_us == 60.0
    later.run(2)
    records = store.tuning_records_for(placement.environment.fingerprint, [task.kernel])
    assert [record.latency_us for record in records[:2]] == [50.0, 60.0]
    assert max(record.trial for record in records) == 4


def test_an_interruption_keeps_what_was_stored(
    make: Any, store: Store, placement: Placement, task: Task
) -> None:
    def interrupt(done: int, progress: Any) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        make(StandInBench()).run(100, interrupt)
    assert len(store.tuning_records_for(placement.environment.fingerprint, [task.kernel])) == BATCH


def test_a_kernel_whose_analytic_variant_cannot_be_measured_is_given_up(make: Any) -> None:
    class Dead(StandInBench):
        def time(self, program: Mapping[str, Any], rival_us: float | None = None) -> Timing | None:
            return None

    tuner = make(Dead())
    assert tuner.run(1000) == BATCH
    assert tuner.progress[0].best is None
