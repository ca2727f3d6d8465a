"""The verbs that work on a board, with the work itself replaced."""

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from host import jobs
from host.errors import BoardBusyError, InfeasibleError, InputError, UsageError
from host.locations import default_database
from host.planner import Constraints, Shared
from host.planner.plan import Baseline, Measured, MeasuredStage, Plan, PlanStage

if TYPE_CHECKING:
    from host.requests import Reporter
    from tests.host.cli.conftest import Cli

STAGE = PlanStage(
    first=0, last=1, layers=("conv1", "fc"), processor="cpu", cores=2, replicas=1, time_us=5e3, energy_uj=None
)
PLAN = Plan(
    model="mobilenet",
    board="local",
    operating_point="default",
    objective="throughput",
    stages=(STAGE,),
    period_us=5e3,
    throughput_fps=200.0,
    latency_us=5e3,
    energy_uj_per_frame=None,
    baseline=Baseline(processor="cpu", cores=2, period_us=5e3),
    gain=1.0,
    bound_us=5e3,
)
MEASURED = Measured(
    period_us=5.1e3,
    throughput_fps=196.1,
    latency_us=5.2e3,
    energy_uj_per_frame=None,
    stages=(MeasuredStage(time_us=5.1e3),),
    frames=200,
)


class StandInJobs:
    """Notes what was asked for, tells of one step, and answers with the plan above or fails."""

    def __init__(self) -> None:
        self.requests: list[Any] = []
        self.failure: Exception | None = None

    def _note(self, request: Any, reporter: "Reporter") -> None:
        self.requests.append(request)
        reporter.step("Board", "local")
        if self.failure is not None:
            raise self.failure

    def plan(self, request: jobs.PlanRequest, reporter: "Reporter") -> jobs.PlanOutcome:
        self._note(request, reporter)
        return jobs.PlanOutcome(plan_id=17, plan=replace(PLAN, measured=MEASURED if request.deploy else None))

    def together(self, request: jobs.SharedRequest, reporter: "Reporter") -> Shared:
        self.shared = request
        plans = tuple(PLAN for _ in request.models)
        return Shared(plans=plans, rates_fps=tuple(request.rates_fps or (50.0, 50.0)), load=0.83)

    def deploy(self, request: jobs.DeployRequest, reporter: "Reporter") -> jobs.PlanOutcome:
        self._note(request, reporter)
        return jobs.PlanOutcome(plan_id=int(request.plan), plan=replace(PLAN, measured=MEASURED))

    def run(self, request: jobs.RunRequest, reporter: "Reporter") -> jobs.RunOutcome:
        self._note(request, reporter)
        plan = replace(PLAN, measured=MEASURED)
        return jobs.RunOutcome(plan_id=int(request.plan), plan=plan, report={"frames": 200})


@pytest.fixture
def stand_in(monkeypatch: pytest.MonkeyPatch) -> StandInJobs:
    work = StandInJobs()
    monkeypatch.setattr(jobs, "plan_model", work.plan)
    monkeypatch.setattr(jobs, "plan_together", work.together)
    monkeypatch.setattr(jobs, "deploy_plan", work.deploy)
    monkeypatch.setattr(jobs, "run_plan", work.run)
    return work


def test_plan_prints_the_result_on_standard_output_and_the_steps_elsewhere(
    cli: "Cli", stand_in: StandInJobs
) -> None:
    answer = cli("plan", "--model", "mobilenet")
    assert answer.code == 0
    assert answer.err == "Board    local\n"
    assert "Throughput" in answer.out
    assert "Saved as plan 17" in answer.out


def test_plan_under_json_is_exactly_the_plans_document(cli: "Cli", stand_in: StandInJobs) -> None:
    answer = cli("plan", "--model", "mobilenet", "--deploy", "--json")
    assert answer.document == replace(PLAN, measured=MEASURED).to_document()
    assert "Saved as plan 17" in answer.err


def test_plan_without_options_asks_for_this_machine_and_the_default_database(
    cli: "Cli", stand_in: StandInJobs
) -> None:
    cli("plan", "--model", "mobilenet")
    (request,) = stand_in.requests
    assert request.board is None
    assert request.database == str(default_database())
    assert request.constraints == Constraints()
    assert not request.deploy
    assert request.tune == 0


@pytest.mark.parametrize("trials", ["0", "-1", "many"])
def test_plan_refuses_a_number_of_trials_that_is_none(cli: "Cli", stand_in: StandInJobs, trials: str) -> None:
    answer = cli("plan", "--model", "mobilenet", "--tune", trials)
    assert answer.code == UsageError.exit_code
    assert "'--tune'" in answer.err
    assert not stand_in.requests


def test_plan_says_what_a_search_lacks_before_any_work(
    cli: "Cli", monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("host.tuning.search.find_spec", lambda name: None)
    answer = cli("plan", "--model", "mobilenet", "--tune", "8", "--db", tmp_path / "p.sqlite")
    assert answer.code == InputError.exit_code
    assert "--tune needs cloudpickle, psutil, xgboost, which are not installed" in answer.err
    assert "pip install 'stageline[host,tune]'" in answer.err
    assert not (tmp_path / "p.sqlite").exists()


def test_plan_hands_every_option_on(cli: "Cli", stand_in: StandInJobs) -> None:
    options = "--shape x=1x3x8x8 --weights w.npz --board tx2 --max-stages 3 --no-replicas --min-fps 30 "
    options += (
        "--max-latency-ms 50 --source-fps 60 --use gpu --avoid a57 --cut after=conv1 --deploy --frames 50 "
        "--tune 200"
    )
    assert cli("plan", "--model", "net.onnx", *options.split()).code == 0
    (request,) = stand_in.requests
    assert request.model.shapes == {"x": (1, 3, 8, 8)}
    assert request.model.weights == Path("w.npz")
    assert (request.board, request.deploy, request.frames, request.tune) == ("tx2", True, 50, 200)
    assert request.constraints == Constraints(
        max_stages=3,
        no_replicas=True,
        min_fps=30.0,
        max_latency_ms=50.0,
        source_fps=60.0,
        use=("gpu",),
        avoid=("a57",),
        cuts=("conv1",),
    )


def test_plan_writes_its_document_to_a_file(cli: "Cli", stand_in: StandInJobs, tmp_path: Path) -> None:
    path = tmp_path / "plan.json"
    path.write_text("something older")
    assert cli("plan", "--model", "mobilenet", "-o", path).code == 0
    assert json.loads(path.read_text()) == PLAN.to_document()
    assert list(tmp_path.iterdir()) == [path]


def test_plan_refuses_an_output_that_cannot_be_written_before_any_work(
    cli: "Cli", stand_in: StandInJobs, tmp_path: Path
) -> None:
    answer = cli("plan", "--model", "mobilenet", "-o", tmp_path)
    assert answer.code == 2
    assert not stand_in.requests


@pytest.mark.parametrize(
    ("failure", "code"), [(BoardBusyError("ann holds tx2"), 5), (InfeasibleError("30 fps is too much"), 7)]
)
def test_a_failed_job_ends_with_its_exit_code(
    cli: "Cli", stand_in: StandInJobs, failure: Exception, code: int
) -> None:
    stand_in.failure = failure
    answer = cli("plan", "--model", "mobilenet", "--json")
    assert answer.code == code
    assert answer.document["error"]["message"] == str(failure)


def test_deploy_shows_the_stored_plan_measured(cli: "Cli", stand_in: StandInJobs) -> None:
    answer = cli("deploy", "17", "--frames", "50")
    assert stand_in.requests[0].frames == 50
    assert "196.1 fps measured (-2.0 %)" in answer.out


def test_run_of_the_boards_own_frames_goes_on_until_told_otherwise(cli: "Cli", stand_in: StandInJobs) -> None:
    cli("run", "17")
    cli("run", "17", "--frames", "5", "--queue-depth", "4")
    endless, short = stand_in.requests
    assert (endless.frames, endless.queue_depth, endless.drop_on_overload) == (None, None, False)
    assert (short.frames, short.queue_depth, short.drop_on_overload) == (5, 4, False)


def test_run_drops_only_frames_that_come_from_outside(
    cli: "Cli", stand_in: StandInJobs, tmp_path: Path
) -> None:
    assert cli("run", "17", "--on-overload", "drop").code == UsageError.exit_code
    cli("run", "17", "--on-overload", "drop", "--input", tmp_path / "in.npz")
    (request,) = stand_in.requests
    assert request.drop_on_overload


def test_run_sends_frames_from_a_file(cli: "Cli", stand_in: StandInJobs, tmp_path: Path) -> None:
    answer = cli("run", "17", "--input", tmp_path / "in.npz", "-o", tmp_path / "out.npz", "--json")
    assert answer.document == {"frames": 200}
    (request,) = stand_in.requests
    assert (request.inputs, request.outputs) == (tmp_path / "in.npz", tmp_path / "out.npz")


def test_several_networks_share_the_board(cli: "Cli", stand_in: StandInJobs) -> None:
    models = ("--model", "mobilenet", "--model", "resnet18")
    document = cli("plan", *models, "--fps", "15,30", "--max-stages", "3", "--json").document
    assert document["schema"] == "stageline.shared/1"
    assert document["rates_fps"] == [15.0, 30.0]
    request = stand_in.shared
    assert [model.model for model in request.models] == ["mobilenet", "resnet18"]
    assert request.constraints == Constraints(max_stages=3)
    assert "the busiest stage works 83 % of the time" in cli("plan", *models).out


def test_what_one_network_only_can_have_is_refused_for_several(cli: "Cli", stand_in: StandInJobs) -> None:
    models = ("--model", "mobilenet", "--model", "resnet18")
    for option in ("--deploy", "--pareto", "--energy"):
        assert cli("plan", *models, option).code == UsageError.exit_code
    assert cli("plan", "--model", "mobilenet", "--fps", "15").code == UsageError.exit_code
    assert not stand_in.requests


def test_a_watched_run_tells_of_its_swaps(cli: "Cli", stand_in: StandInJobs) -> None:
    assert cli("run", "17", "--watch", "--json").document == {"frames": 200, "swaps": []}
    assert stand_in.requests[-1].watch
    assert cli("run", "17", "--json").document == {"frames": 200}
