"""From a network's file to a measured pipeline, by the command line, as a user does it."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import onnxruntime
import pytest

from db.records import ProfileStatus
from db.store import Store
from device.pipeline import Pipeline
from host.jobs import PlanRequest, plan_model
from host.planner import Constraints
from host.profiler import HANDOVER
from host.requests import ModelRequest

if TYPE_CHECKING:
    from tests.e2e.conftest import Agent, Host, StartAgent

TWO_STAGES = ("--no-replicas", "--cut", "after=conv2")


def test_a_network_is_measured_planned_deployed_and_stored(host: "Host", model: Path, tmp_path: Path) -> None:
    answer = host(
        "plan", "--model", model, "--db", "p.sqlite", *TWO_STAGES, "--deploy", "--frames", 50, "--json"
    )
    assert answer.returncode == 0, answer.stderr
    plan = json.loads(answer.stdout)
    assert [stage["layers"] for stage in plan["stages"]] == [["conv1", "conv2"], ["conv3"]]
    assert plan["measured"]["frames"] == 50
    assert len(plan["measured"]["stages"]) == 2
    assert plan["measured"]["energy_uj_per_frame"] is None
    with Store.open(tmp_path / "p.sqlite", create=False) as store:
        tried = [store.plan(summary.id).document for summary in store.plans()]
        assert plan in tried
        assert 1 <= len(tried) <= 6
        assert store.slowdowns(store.boards()[0].fingerprint, plan["operating_point"])


class Record:
    """A reporter that keeps the titles of what was done."""

    def __init__(self) -> None:
        self.steps: list[str] = []

    def step(self, title: str, detail: str, seconds: float | None = None) -> None:
        self.steps.append(title)

    def progress(self, title: str, detail: str) -> None:
        pass

    def warn(self, text: str, hint: str = "") -> None:
        pass


def test_a_program_plans_and_deploys_without_the_command_line(model: Path, database: Path) -> None:
    request = PlanRequest(
        model=ModelRequest(model=str(model)),
        board=None,
        database=str(database),
        constraints=Constraints(no_replicas=True, cuts=("conv1",)),
        deploy=True,
        frames=20,
        rounds=1,
    )
    record = Record()
    outcome = plan_model(request, record)
    assert [stage.layers for stage in outcome.plan.stages] == [("conv1",), ("conv2", "conv3")]
    assert outcome.plan.measured is not None
    assert outcome.plan.measured.frames == 20
    assert record.steps == ["Board", "Model", "Measure", "Deploy", "Run", "Compare"]
    with Store.open(database) as store:
        assert store.plan(outcome.plan_id).document["measured"]["frames"] == 20


def test_a_known_network_is_planned_without_building_or_measuring(
    host: "Host", model: Path, database: Path
) -> None:
    with Store.open(database) as store:
        before = store.profiles()
    answer = host("plan", "--model", model, "--db", "p.sqlite")
    assert answer.returncode == 0
    assert "nothing: all" in answer.stderr
    assert "Build" not in answer.stderr
    with Store.open(database) as store:
        assert store.profiles() == before
        assert all(row.status is not ProfileStatus.PARTIAL for row in before)


@pytest.mark.usefixtures("database")
def test_two_networks_share_this_machine(host: "Host", model: Path, tmp_path: Path) -> None:
    answer = host("plan", "--model", model, "--model", model, "--fps", "10,20", "--db", "p.sqlite", "--json")
    assert answer.returncode == 0, answer.stderr
    document = json.loads(answer.stdout)
    assert 0 < document["load"] < 1
    assert document["plans"][1]["period_us"] <= 5e4
    with Store.open(tmp_path / "p.sqlite") as store:
        assert len(store.plans()) == 2


@pytest.mark.usefixtures("database")
def test_a_watched_pipeline_runs_and_reports(host: "Host", model: Path) -> None:
    assert host("plan", "--model", model, "--db", "p.sqlite", *TWO_STAGES).returncode == 0
    answer = host("run", 1, "--db", "p.sqlite", "--watch", "--frames", 3000, "--json")
    assert answer.returncode == 0, answer.stderr
    report = json.loads(answer.stdout)
    assert report["frames"] == 3000
    assert isinstance(report["swaps"], list)


@pytest.mark.usefixtures("database")
def test_a_pipeline_computes_what_onnx_runtime_computes_frame_by_frame(
    host: "Host", model: Path, tmp_path: Path
) -> None:
    frames = np.random.default_rng(2).standard_normal((7, 1, 3, 8, 8)).astype("float32")
    np.savez(tmp_path / "in.npz", image=frames)
    assert host("plan", "--model", model, "--db", "p.sqlite", *TWO_STAGES, "-o", "plan.json").returncode == 0
    for plan in ("1", "plan.json"):
        answer = host("run", plan, "--db", "p.sqlite", "--input", "in.npz", "--output", "out.npz")
        assert answer.returncode == 0, answer.stderr
        session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
        with np.load(tmp_path / "out.npz") as outputs:
            for frame, found in zip(frames, outputs["features"], strict=True):
                (expected,) = session.run(None, {"image": frame})
                np.testing.assert_allclose(found, expected, atol=1e-3 * np.abs(expected).max())


@pytest.mark.usefixtures("database")
def test_a_kept_bundle_runs_in_a_users_own_program(host: "Host", model: Path, tmp_path: Path) -> None:
    host("plan", "--model", model, "--db", "p.sqlite", *TWO_STAGES)
    assert host("deploy", 1, "--db", "p.sqlite", "--frames", 5, "--bundle", "bundle").returncode == 0
    frames = [{"image": np.full((1, 3, 8, 8), value, "float32")} for value in (1.0, 2.0, 3.0)]
    with Pipeline.load(tmp_path / "bundle") as pipeline:
        sums = [float(outputs["features"].sum()) for outputs in pipeline.run(frames)]
    assert sums == pytest.approx([sums[0], 2 * sums[0], 3 * sums[0]], rel=1e-4)


def test_another_agent_is_used_by_address_and_by_name(host: "Host", model: Path, agent: "Agent") -> None:
    host("boards", "add", "mine", "--address", agent.address)
    answer = host("plan", "--model", model, "--board", "mine", "--db", "p.sqlite", "--json")
    assert answer.returncode == 0, answer.stderr
    assert json.loads(answer.stdout)["board"] == "board"
    again = host("plan", "--model", model, "--board", agent.address, "--db", "p.sqlite")
    assert "nothing: all" in again.stderr


def test_declared_processors_are_planned_for(
    host: "Host", model: Path, tmp_path: Path, start_agent: "StartAgent"
) -> None:
    (tmp_path / "board.toml").write_text(
        'name = "pair"\n[[processors]]\nname = "big"\ncpus = [0]\nmcpu = "x86-64-v2"\n'
    )
    agent = start_agent("--board", str(tmp_path / "board.toml"))
    answer = host("plan", "--model", model, "--board", agent.address, "--db", "p.sqlite", "--json")
    plan = json.loads(answer.stdout)
    assert plan["board"] == "pair"
    assert {stage["processor"] for stage in plan["stages"]} == {"big"}


@pytest.mark.usefixtures("database")
def test_what_was_measured_can_be_exported_and_solved_elsewhere(
    host: "Host", model: Path, tmp_path: Path
) -> None:
    planned = json.loads(host("plan", "--model", model, "--db", "p.sqlite", "--json").stdout)
    exported = host("profiles", "export", "tiny", "--db", "p.sqlite")
    (tmp_path / "profile.json").write_text(exported.stdout)
    assert json.loads(host("solve", "profile.json", "--json").stdout) == planned


def test_handover_is_measured_once_for_a_board(database: Path) -> None:
    with Store.open(database) as store:
        environment = store.profiles()[0].environment
        (profile,) = store.profiles_for(environment, [HANDOVER])
    assert profile.latency_us > 0
