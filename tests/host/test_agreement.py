"""Where pipelines are slower than profiles promise, the loop finds what is best, and says how fast it is."""

from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from db.records import BoardRecord, LayerRecord, ModelRecord, ProcessorRecord
from db.store import Store
from host import agreement
from host.agreement import Agreement
from host.errors import InfeasibleError
from host.planner import Constraints, Objective, Plan, parse_profile, predict

LAYERS = {"conv1": 40.0, "conv2": 30.0, "conv3": 30.0, "conv4": 30.0, "fc": 30.0}
POINT = {"name": "default", "idle_power_mw": None, "levels": {"cpu": "default"}}


class Board:
    """Two cores; what each stage really takes is its cost times a factor of its own."""

    def __init__(self, slowdown: Callable[[Plan, int], float]) -> None:
        self.slowdown = slowdown
        self.deployed: list[Plan] = []
        self.table = parse_profile(
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
                "operating_points": [POINT],
                "costs": [
                    {"layer": name, "processor": "cpu", "cores": cores, "level": "default"}
                    | {"latency_us": latency_us / (1.4 if cores == 2 else 1.0)}
                    for name, latency_us in LAYERS.items()
                    for cores in (1, 2)
                ],
                "handover_us": 1.0,
            }
        )

    def times_us(self, plan: Plan) -> list[float]:
        stages = predict(self.table, plan).stages
        return [stage.time_us * self.slowdown(plan, number) for number, stage in enumerate(stages)]

    def period_us(self, plan: Plan) -> float:
        times = zip(plan.stages, self.times_us(plan), strict=True)
        return max(time / stage.replicas for stage, time in times)

    def deploy(self, session: Any, network: Any, plan: Plan) -> None:
        self.deployed.append(plan)

    def measure(self, session: Any, frames: int) -> dict[str, Any]:
        plan = self.deployed[-1]
        stages = [
            {"time_us": time, "handover_us": 0.0, "busy_us": frames * time, "frames": frames}
            for time in self.times_us(plan)
        ]
        period_us = self.period_us(plan)
        return {
            "frames": frames,
            "period_us": period_us,
            "throughput_fps": 1e6 / period_us,
            "latency_us": sum(self.times_us(plan)),
            "unloaded_latency_us": None,
            "energy_uj_per_frame": None,
            "stages": stages,
        }


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "p.sqlite") as store:
        store.put_board(
            BoardRecord(
                name="bench",
                fingerprint="board-1",
                processors=(ProcessorRecord(name="cpu", kind="cpu", cores=2),),
                description={},
            )
        )
        for fingerprint in ("model-1", "model-2"):
            layers = tuple(
                LayerRecord(name=name, structural_hash=name, flops=1.0, output_bytes=100) for name in LAYERS
            )
            store.put_model(
                ModelRecord(
                    name="tinynet", fingerprint=fingerprint, weight_bytes=1, layers=layers, graph={"x": 1}
                )
            )
        yield store


@pytest.fixture
def agree(store: Store, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Agreement]:
    """Makes the loop over a board, for a network that is known by its fingerprint."""

    def make(
        board: Board, *, model: str = "model-1", objective: Objective = Objective.THROUGHPUT, **limits: Any
    ) -> Agreement:
        monkeypatch.setattr(agreement, "deploy", board.deploy)
        monkeypatch.setattr(agreement, "measure", board.measure)
        reporter = SimpleNamespace(step=lambda *_: None)
        session: Any = SimpleNamespace(
            store=store, board=SimpleNamespace(fingerprint="board-1"), reporter=reporter
        )
        network: Any = SimpleNamespace(fingerprint=model)
        return Agreement(session, network, board.table, Constraints(**limits), objective)

    return make


def slow_replicas(plan: Plan, number: int) -> float:
    """Replicas get into each other's way."""
    return 1.3 if any(stage.replicas > 1 for stage in plan.stages) else 1.0


def slow_ends(plan: Plan, number: int) -> float:
    """The later layers are slower than they seemed."""
    if len(plan.stages) == 1:
        return 1.0
    return 1.0 if number == 0 else 1.25


def test_an_honest_board_needs_a_round_for_each_kind_of_plan_at_most(agree: Callable[..., Agreement]) -> None:
    board = Board(lambda *_: 1.0)
    _, plan = agree(board).reach(10, None)
    assert plan.period_us == pytest.approx(min(map(board.period_us, board.deployed)))
    assert len(board.deployed) <= 3


def test_a_kind_of_plan_that_disappoints_is_left(agree: Callable[..., Agreement]) -> None:
    board = Board(slow_replicas)
    _, plan = agree(board).reach(10, None)
    assert [stage.replicas for stage in board.deployed[0].stages] == [2]
    assert [stage.replicas for stage in plan.stages] == [1, 1]
    assert plan.measured is not None
    assert plan.measured.period_us == pytest.approx(plan.period_us)


def test_cuts_move_to_where_measured_stages_balance(agree: Callable[..., Agreement]) -> None:
    board = Board(slow_ends)
    loop = agree(board, no_replicas=True)
    assert loop.best().stages[0].last == 1
    _, plan = loop.reach(10, None)
    assert plan.stages[0].last == 2
    assert plan.measured is not None
    assert plan.measured.period_us == pytest.approx(plan.period_us, rel=0.03)


def test_the_user_bounds_the_rounds_and_the_best_of_what_was_measured_counts(
    agree: Callable[..., Agreement], store: Store
) -> None:
    board = Board(slow_ends)
    plan_id, plan = agree(board).reach(1, None)
    assert len(board.deployed) == len(store.deployments()) == 1
    assert store.plan(plan_id).document["measured"]["period_us"] == board.period_us(plan)


def test_the_next_plan_knows_what_deployments_showed(agree: Callable[..., Agreement]) -> None:
    board = Board(slow_ends)
    _, chosen = agree(board, no_replicas=True).reach(10, None)
    assert agree(board, no_replicas=True).best().stages[0].last == chosen.stages[0].last
    other = agree(board, model="model-2", no_replicas=True).best()
    assert other.period_us > predict(board.table, other).period_us


def test_a_measurement_that_is_never_the_same_ends_with_the_rounds(agree: Callable[..., Agreement]) -> None:
    board = Board(lambda *_: 1.5 if len(board.deployed) % 2 else 1.0)
    agree(board, max_stages=1, no_replicas=True).reach(5, None)
    assert len(board.deployed) == 5


def test_a_camera_that_is_slower_than_the_board_is_no_disagreement(agree: Callable[..., Agreement]) -> None:
    board = Board(lambda *_: 1.0)
    _, plan = agree(board, source_fps=1000.0, no_replicas=True).reach(10, None)
    assert plan.period_us == 1000.0
    assert len(board.deployed) <= 3


def test_limits_that_nothing_meets_are_infeasible(agree: Callable[..., Agreement]) -> None:
    board = Board(lambda *_: 1.0)
    with pytest.raises(InfeasibleError):
        agree(board, min_fps=1e9).reach(3, None)
    assert not board.deployed


@pytest.mark.parametrize("objective", [Objective.THROUGHPUT, Objective.LATENCY])
def test_every_candidate_keeps_the_limits(agree: Callable[..., Agreement], objective: Objective) -> None:
    board = Board(slow_ends)
    agree(board, objective=objective, cuts=("conv1",)).reach(10, None)
    assert all(plan.stages[0].last == 0 for plan in board.deployed)
