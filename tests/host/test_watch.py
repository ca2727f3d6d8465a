"""A board whose cores get slower and faster, and what the watch does about it."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from host import watch as watching
from host.bundle import assign_cpus
from host.errors import InputError
from host.planner import Constraints, CostTable, Plan, parse_profile, solve
from host.watch import Watch

LAYERS = [f"layer{number}" for number in range(8)]
CPUS = {"cpu": (0, 1)}
LOOK_S = 0.5

Fair = Callable[[float, float, float], float]


def table() -> CostTable:
    """Eight equal layers, two cores."""
    return parse_profile(
        {
            "schema": "stageline.profile/1",
            "model": "tinynet",
            "board": "bench",
            "layers": [
                {"name": name, "inputs": [before], "output_bytes": 100}
                for before, name in zip(("input", *LAYERS), LAYERS, strict=False)
            ],
            "input_bytes": 100,
            "processors": [{"name": "cpu", "cores": 2}],
            "operating_points": [
                {"name": "default", "idle_power_mw": None, "levels": {"cpu": "default"}},
                {"name": "slow", "idle_power_mw": None, "levels": {"cpu": "slow"}},
            ],
            "costs": [
                {"layer": name, "processor": "cpu", "cores": 1, "level": level, "latency_us": latency_us}
                for name in LAYERS
                for level, latency_us in (("default", 1000.0), ("slow", 2000.0))
            ],
            "handover_us": 0.0,
        }
    )


class Board:
    """A running pipeline on a clock of its own.

    `share` is what each CPU has left for the pipeline; a stage that needs less than that does not notice.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *, is_throttled: bool = False, **limits: Any) -> None:
        self.now_s = 0.0
        self.share = {0: 1.0, 1: 1.0}
        self.is_throttled = is_throttled
        self.plan = solve(table(), Constraints(**limits))
        self.replica_cpus = assign_cpus(self.plan.stages, CPUS)
        self.deployed: tuple[Plan, Any] | None = None
        self.generation = 0
        self.frames = 0.0
        self.counts: list[list[dict[str, float]]] = []
        self.said: list[str] = []
        self._reset()
        monkeypatch.setattr(watching, "cpus_of", lambda *_: CPUS)
        monkeypatch.setattr(watching, "deploy", self.deploy)
        reporter = SimpleNamespace(
            progress=lambda *_: None,
            step=lambda title, text, *_: self.said.append(text),
            warn=self.said.append,
        )
        session: Any = SimpleNamespace(
            lease=SimpleNamespace(swap_pipeline=self.swap),
            reporter=reporter,
            store=SimpleNamespace(slowdowns=lambda *_: ()),
            board=SimpleNamespace(fingerprint="board-1"),
        )
        network: Any = SimpleNamespace(fingerprint="model-1")
        self.watch = Watch(session, network, table(), self.plan, clock=lambda: self.now_s)

    def deploy(self, session: Any, network: Any, plan: Plan, *, replica_cpus: Any) -> None:
        self.deployed = (plan, replica_cpus)

    def swap(self) -> None:
        assert self.deployed is not None
        self.plan, self.replica_cpus = self.deployed
        self.generation += 1
        self._reset()

    def _reset(self) -> None:
        self.counts = [
            [{"frames": 0, "busy_us": 0.0} for _ in range(stage.replicas)] for stage in self.plan.stages
        ]

    def _work_us(self, stage: int) -> float:
        return 1000.0 * len(self.plan.stages[stage].layers)

    def period_us(self) -> float:
        return max(
            max(self._work_us(number) / self.share[cpus[0]] for cpus in replicas) / len(replicas)
            for number, replicas in enumerate(self.replica_cpus)
        )

    def run(self, seconds: float) -> None:
        """Lets time pass, with a look twice a second."""
        for _ in range(int(seconds / LOOK_S)):
            self.now_s += LOOK_S
            period_us = self.period_us()
            idle = {str(cpu): 1.0 for cpu in self.share}
            frames = LOOK_S * 1e6 / period_us
            self.frames += frames
            for number, replicas in enumerate(self.replica_cpus):
                for counts, cpus in zip(self.counts[number], replicas, strict=True):
                    work_us, share = self._work_us(number), self.share[cpus[0]]
                    use = work_us / (period_us * len(replicas))
                    is_free = use < 0.999 * share and not self.is_throttled
                    counts["frames"] += frames / len(replicas)
                    counts["busy_us"] += frames / len(replicas) * (work_us if is_free else work_us / share)
                    idle[str(cpus[0])] = max(0.0, 1.0 - use) if share == 1.0 or self.is_throttled else 0.0
            for cpu, share in self.share.items():
                if share < 1.0 and not self.is_throttled:
                    idle[str(cpu)] = 0.0
            stages = [{"replicas": replicas} for replicas in self.counts]
            metrics = {"stages": stages, "period_us": period_us}
            generation = {"generation": self.generation, "frames": int(self.frames), "idle": idle}
            self.watch.see({**generation, "metrics": metrics})


@pytest.fixture
def board(monkeypatch: pytest.MonkeyPatch) -> Board:
    return Board(monkeypatch, no_replicas=True)


def test_a_steady_pipeline_is_left_alone(board: Board) -> None:
    board.run(60)
    assert not board.watch.swaps


@pytest.mark.parametrize("is_throttled", [False, True])
def test_a_slow_core_gets_less_to_do_within_ten_seconds_and_everything_back_afterwards(
    monkeypatch: pytest.MonkeyPatch, *, is_throttled: bool
) -> None:
    board = Board(monkeypatch, is_throttled=is_throttled, no_replicas=True)
    first = board.plan.stages
    assert [len(stage.layers) for stage in first] == [4, 4]
    board.run(10)
    board.share[1] = 0.5
    slow_us = board.period_us()
    board.run(10)
    assert board.watch.swaps
    assert board.period_us() < 0.8 * slow_us
    board.run(60)
    assert board.period_us() < 0.8 * slow_us
    assert len(board.watch.swaps) <= 3
    board.share[1] = 1.0
    board.run(30)
    assert board.plan.stages == first


def test_a_slow_core_that_nothing_runs_on_returns_when_it_is_idle(board: Board) -> None:
    board.run(10)
    board.share[1] = 0.05
    board.run(20)
    assert len(board.plan.stages) == 1
    board.run(60)
    assert len(board.plan.stages) == 1
    board.share[1] = 1.0
    board.run(30)
    assert len(board.plan.stages) == 2


def test_only_the_slow_replica_is_blamed(monkeypatch: pytest.MonkeyPatch) -> None:
    board = Board(monkeypatch, use=("cpu",), max_stages=1)
    assert [stage.replicas for stage in board.plan.stages] == [2]
    board.run(10)
    board.share[1] = 0.25
    slow_us = board.period_us()
    board.run(10)
    assert board.period_us() < 0.6 * slow_us


def test_all_cores_equally_slow_are_no_reason_to_swap(board: Board) -> None:
    board.run(10)
    board.share = {0: 0.5, 1: 0.5}
    board.run(30)
    assert not board.watch.swaps
    assert "no other plan is better" in board.said[0]


def test_a_short_hiccup_is_forgiven(board: Board) -> None:
    board.run(10)
    board.share[1] = 0.5
    board.run(1)
    board.share[1] = 1.0
    board.run(20)
    assert not board.watch.swaps


def test_a_plan_stays_at_its_operating_point(monkeypatch: pytest.MonkeyPatch, board: Board) -> None:
    board.run(10)
    board.share[1] = 0.5
    board.run(10)
    assert {swap.plan.operating_point for swap in board.watch.swaps} == {board.plan.operating_point}


def test_swaps_say_when_why_and_what(board: Board) -> None:
    board.run(10)
    board.share[1] = 0.5
    board.run(10)
    document = board.watch.swaps[0].to_document()
    assert document["plan"]["schema"] == "stageline.plan/1"
    assert document["reason"].startswith("stage 2 takes")
    assert 0 < document["after_frames"] <= board.frames
    assert document["seconds"] < 10


def test_a_swap_that_fails_ends_the_watch_beside_frames_and_not_the_frames(board: Board) -> None:
    def wait(watch: Callable[[Any], None]) -> None:
        raise InputError("the bundle is broken")

    lease: Any = SimpleNamespace(wait_for_report=wait)
    with board.watch.beside(lease):
        pass
    assert any("the bundle is broken" in text for text in board.said)
