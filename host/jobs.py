"""What the command line asks for, and what it gets back to show."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from host.errors import InputError
from host.points import PRESENT_POINT, PointChoice
from host.requests import ModelRequest, Reporter

if TYPE_CHECKING:
    from host.frames import Arrays
    from host.network import Network
    from host.planner import Constraints, Plan, Shared
    from host.session import Session
    from host.watch import Swap, Watch


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanRequest:
    """Plan a network for a board.

    Attributes:
        model: Which network.
        board: A saved name or HOST:PORT; None for this machine.
        database: Path or URL.
        constraints: Which plans are acceptable.
        deploy: Run the best plans and choose by what is measured.
        again: Measure layers that have profiles, too.
        frames: How many frames to measure a deployment with; None for two seconds' worth.
        rounds: Most deployments.
        tune: How many schedules of its kernels to try beyond the analytic ones; 0 for none.
        energy: Measure the layers' energy, too, where the board has power rails.
        objective: What to look for, `throughput`, `latency` or `energy`, for which energies are measured in any case.
        pareto: Also find all plans that none beats.
        points: At which operating points to measure and plan.
    """

    model: ModelRequest
    board: str | None
    database: str
    constraints: "Constraints"
    deploy: bool
    frames: int | None
    rounds: int = 6
    objective: str = "throughput"
    pareto: bool = False
    again: bool = False
    tune: int = 0
    energy: bool = False
    points: PointChoice = PRESENT_POINT


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedRequest:
    """Plan several networks for one board.

    Attributes:
        models: Which networks.
        rates_fps: Frames a second of each; None for the highest rate that all of them can have.
        board: A saved name or HOST:PORT; None for this machine.
        database: Path or URL.
        constraints: Which plans are acceptable.
        again: Measure layers that have profiles, too.
        tune: How many schedules of kernels to try beyond the analytic ones; 0 for none.
        points: At which operating points to measure and plan.
    """

    models: tuple[ModelRequest, ...]
    rates_fps: Sequence[float] | None
    board: str | None
    database: str
    constraints: "Constraints"
    again: bool = False
    tune: int = 0
    points: PointChoice = PRESENT_POINT


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfileRequest:
    """Measure what is missing of a network on a board.

    Attributes:
        model: Which network.
        board: A saved name or HOST:PORT; None for this machine.
        database: Path or URL.
        again: Measure layers that have profiles, too.
        tune: How many schedules of its kernels to try beyond the analytic ones; 0 for none.
        energy: Measure the layers' energy, too, where the board has power rails.
        points: At which operating points to measure.
    """

    model: ModelRequest
    board: str | None
    database: str
    again: bool = False
    tune: int = 0
    energy: bool = False
    points: PointChoice = PRESENT_POINT


@dataclass(frozen=True, slots=True, kw_only=True)
class DeployRequest:
    """Put a stored plan on its board and measure it.

    Attributes:
        plan: Its number in the database, or a file.
        board: A saved name or HOST:PORT; None for this machine.
        database: Path or URL.
        frames: How many frames to measure with; None for two seconds' worth.
        bundle: A folder to leave the bundle in, for `Pipeline.load` in a user's own program; None for none.
    """

    plan: str
    board: str | None
    database: str
    frames: int | None
    bundle: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRequest:
    """Run frames through a stored plan's pipeline.

    Attributes:
        plan: Its number in the database, or a file.
        board: A saved name or HOST:PORT; None for this machine.
        database: Path or URL.
        frames: How many of the board's own frames to run; None to run until the user stops it, or with
            `inputs`.
        inputs: A .npy or .npz file with one frame or many; None for the board's own.
        outputs: Where to write the outputs as .npz, frames along the first axis; only with `inputs`.
        queue_depth: Frames that may wait between two stages; None for the runtime's default.
        drop_on_overload: Drop the oldest waiting frame instead of letting the source wait.
        watch: Plan again when cores get slower or faster, and replace the pipeline while it runs.
    """

    plan: str
    board: str | None
    database: str
    frames: int | None
    inputs: Path | None
    outputs: Path | None
    queue_depth: int | None
    drop_on_overload: bool
    watch: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanOutcome:
    """A stored plan, measured where it was deployed.

    Attributes:
        plan_id: Its number in the database.
        plan: The plan; `measured` is set after a deployment.
        fastest: The fastest plan, where the least energy was asked for.
        front: All plans that none beats, where they were asked for.
    """

    plan_id: int
    plan: "Plan"
    fastest: "Plan | None" = None
    front: "Sequence[Plan]" = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfileOutcome:
    """What the database now knows about a network on a board.

    Attributes:
        model: Name of the network, as the database has it.
        board: Name of the board.
        measured: How many profiles are new.
        known: How many were there already.
        unsteady: How many stayed unsteady.
    """

    model: str
    board: str
    measured: int
    known: int
    unsteady: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOutcome:
    """How a run went.

    Attributes:
        plan_id: Its number in the database; None for a plan from a file.
        plan: The plan; `measured` is what this run measured.
        report: The runtime's own report as JSON.
        swaps: Where another pipeline took over, while it was watched.
    """

    plan_id: int | None
    plan: "Plan"
    report: Mapping[str, Any]
    swaps: "Sequence[Swap]" = ()


def plan_model(request: PlanRequest, reporter: Reporter) -> PlanOutcome:
    """Measures what is missing, solves, stores the plan and, when asked to, deploys it.

    Raises:
        StagelineError: It could not be done; what was measured is stored.
    """
    from host.agreement import Agreement
    from host.measuring import measure_missing
    from host.planner import Objective, pareto_front, parse_profile
    from host.session import open_session, source_of

    source, objective = source_of(request.model), Objective(request.objective)
    _require_packages(request.tune)
    with open_session(request.database, request.board, reporter, request.points) as session:
        network = session.network(source, request.model)
        measure_missing(session, network, again=request.again)
        _tune(session, network, request.tune)
        _measure_energies(session, network, wanted=request.energy or objective is Objective.ENERGY)
        table = parse_profile(session.exchange_document(network.graph))
        agreement = Agreement(session, network, table, request.constraints, objective)
        if request.deploy:
            plan_id, plan = agreement.reach(request.rounds, request.frames)
        else:
            plan = agreement.best()
            plan_id = agreement.store(plan)
        fastest = agreement.fastest() if objective is Objective.ENERGY else None
        front = pareto_front(agreement.table(), request.constraints) if request.pareto else ()
    return PlanOutcome(plan_id=plan_id, plan=plan, fastest=fastest, front=front)


def plan_together(request: SharedRequest, reporter: Reporter) -> "Shared":
    """Measures what is missing of several networks, finds pipelines that share the board, and stores them.

    Raises:
        StagelineError: It could not be done; what was measured is stored.
    """
    from host.agreement import Agreement
    from host.measuring import measure_missing
    from host.planner import Constraints, Objective, parse_profile, solve_together
    from host.session import open_session, source_of

    sources = [source_of(model) for model in request.models]
    _require_packages(request.tune)
    with open_session(request.database, request.board, reporter, request.points) as session:
        known = []
        for source, model in zip(sources, request.models, strict=True):
            network = session.network(source, model)
            measure_missing(session, network, again=request.again)
            _tune(session, network, request.tune)
            table = parse_profile(session.exchange_document(network.graph))
            known.append(Agreement(session, network, table, Constraints(), Objective.THROUGHPUT))
        tables = [agreement.table() for agreement in known]
        shared = solve_together(tables, request.rates_fps, request.constraints)
        for agreement, plan in zip(known, shared.plans, strict=True):
            agreement.store(plan)
    return shared


def _require_packages(trials: int) -> None:
    """Finds out before anything is measured whether a search can be made at all."""
    if trials:
        from host.tuning import require_packages

        require_packages()


def _tune(session: "Session", network: "Network", trials: int) -> None:
    if trials:
        from host.tuning import tune_network

        tune_network(session, network, trials)


def _measure_energies(session: "Session", network: "Network", *, wanted: bool) -> None:
    if wanted:
        from host.energy import measure_energies

        measure_energies(session, network)


def profile_model(request: ProfileRequest, reporter: Reporter) -> ProfileOutcome:
    """Measures what is missing.

    Raises:
        StagelineError: It could not be done; what was measured is stored.
    """
    from host.measuring import measure_missing
    from host.session import open_session, source_of

    source = source_of(request.model)
    _require_packages(request.tune)
    with open_session(request.database, request.board, reporter, request.points) as session:
        network = session.network(source, request.model)
        count = measure_missing(session, network, again=request.again)
        _tune(session, network, request.tune)
        _measure_energies(session, network, wanted=request.energy)
        return ProfileOutcome(
            model=network.graph.name,
            board=session.board.name,
            measured=count.measured,
            known=count.known,
            unsteady=count.unsteady,
        )


def deploy_plan(request: DeployRequest, reporter: Reporter) -> PlanOutcome:
    """Runs a stored plan on its board and stores what was measured.

    Raises:
        StagelineError: It could not be done.
    """
    from host.deploy import deploy, enough_frames, measure, with_measured
    from host.session import open_session

    with open_session(request.database, request.board, reporter) as session:
        chosen = _chosen(session, request.plan)
        deploy(session, chosen.network, chosen.plan, keep=request.bundle)
        report = measure(session, request.frames or enough_frames(chosen.plan))
        plan = with_measured(chosen.plan, report)
        plan_id = _store_measured(session, chosen.plan_id, plan)
    return PlanOutcome(plan_id=plan_id, plan=plan)


def run_plan(request: RunRequest, reporter: Reporter) -> RunOutcome:
    """Runs frames through a stored plan's pipeline.

    Raises:
        StagelineError: It could not be done.
    """
    from host.deploy import deploy, measure, with_measured
    from host.frames import read_frames, write_outputs
    from host.session import open_session

    with open_session(request.database, request.board, reporter) as session:
        chosen = _chosen(session, request.plan)
        graph = chosen.network.graph
        frames = read_frames(request.inputs, graph) if request.inputs else None
        deploy(session, chosen.network, chosen.plan)
        depth = request.queue_depth or 0
        watch = _watch(session, chosen) if request.watch else None
        if frames is None:
            report = measure(
                session, request.frames, queue_depth=depth, watch=watch.see if watch else lambda metrics: None
            )
        else:
            session.lease.start_pipeline(queue_depth=depth, drop_on_overload=request.drop_on_overload)
            with watch.beside(session.lease) if watch else nullcontext():
                write_outputs(request.outputs, _counted(session.lease.infer(frames), reporter))
            report = session.lease.stop_pipeline()
            reporter.step("Run", f"{report['frames']} frames")
        swaps = watch.swaps if watch else ()
        last = swaps[-1].plan if swaps else chosen.plan
        plan = with_measured(last, report) if "period_us" in report else last
        if frames is None and not swaps:
            _store_measured(session, chosen.plan_id, plan)
    return RunOutcome(plan_id=chosen.plan_id, plan=plan, report=report, swaps=swaps)


def _watch(session: "Session", chosen: "_Chosen") -> "Watch":
    from host.planner import parse_profile
    from host.watch import Watch

    table = parse_profile(session.exchange_document(chosen.network.graph))
    return Watch(session, chosen.network, table, chosen.plan)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Chosen:
    """A plan and the network that it is for."""

    plan_id: int | None
    plan: "Plan"
    network: "Network"


def _chosen(session: "Session", name: str) -> _Chosen:
    """Finds a plan by its number in the database or in a file, and its network in the database.

    Raises:
        InputError: There is no such plan, or its network was never seen here or has changed since.
    """
    from host.planner import Plan
    from host.session import source_of

    if name.isdigit():
        record = session.store.plan(int(name))
        plan, plan_id = Plan.from_document(record.document), int(name)
        model = session.store.find_model(record.model_fingerprint) if record.model_fingerprint else None
    else:
        plan, plan_id = _read_plan(Path(name)), None
        model = session.store.find_model_by_name(plan.model)
    if model is None or "source" not in model.graph:
        raise InputError(
            f"{session.store.path} does not know the network {plan.model} of plan {name}",
            hint=f"host plan --model {plan.model}",
        )
    wanted = ModelRequest.from_document(model.graph["source"])
    network = session.network(source_of(wanted), wanted)
    if plan_id is not None and network.fingerprint != model.fingerprint:
        raise InputError(
            f"the network {plan.model} has changed since plan {name} was made", hint="plan it again"
        )
    return _Chosen(plan_id=plan_id, plan=plan, network=network)


def _read_plan(path: Path) -> "Plan":
    from host.planner import Plan, parse_json

    try:
        text = path.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            f"cannot read the plan {path}: {getattr(error, 'strerror', None) or error}"
        ) from error
    return Plan.from_document(parse_json(text))


def _store_measured(session: "Session", plan_id: int | None, plan: "Plan") -> int:
    """Stores what was measured, with the plan itself if it came from a file."""
    if plan_id is None:
        plan_id = session.store.add_plan(plan.to_document(), board_fingerprint=session.board.fingerprint)
    measured = plan.to_document()["measured"]
    session.store.add_deployment(plan_id, measured)
    return plan_id


def _counted(outputs: "Iterator[Arrays]", reporter: Reporter) -> "Iterator[Arrays]":
    for count, arrays in enumerate(outputs, start=1):
        reporter.progress("Run", f"{count} frames")
        yield arrays
