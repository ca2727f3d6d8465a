"""A plan onto the board: bundle, transfer, start, and what was measured beside what was predicted."""

import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from host.bundle import StageSite, assign_cpus, write_bundle
from host.errors import InputError
from host.network import Network
from host.placement import cpus_at, placements_of
from host.planner import Measured, MeasuredStage, Plan
from host.report.text import energy_text
from host.session import Session

_MEASURED_US = 2e6
_FEWEST_FRAMES = 20

_UNTIL_STOPPED = 1_000_000_000
"""More frames than anybody waits for."""


ReplicaCpus = Sequence[tuple[tuple[int, ...], ...]]
"""For each stage, for each replica, the ids of its CPUs; none for stages on other processors."""


def deploy(
    session: Session,
    network: Network,
    plan: Plan,
    *,
    replica_cpus: ReplicaCpus | None = None,
    keep: Path | None = None,
) -> None:
    """Builds a plan's stages and copies them to the board; the pipeline is not started yet.

    Args:
        session: The board.
        network: The plan's network.
        plan: What to deploy.
        replica_cpus: Where; by default on the processors' first CPUs.
        keep: A folder to leave the bundle in on this machine, too; new or empty.

    Raises:
        InputError: The plan is for another network or another board, or the folder cannot take a bundle.
    """
    _require_fit(session, network, plan)
    point = session.point(plan.operating_point)
    processors = {stage.processor: session.board.processor(stage.processor) for stage in plan.stages}
    replica_cpus = replica_cpus or assign_cpus(plan.stages, cpus_of(session, plan))
    placements = {(one.processor, one.cores): one for one in placements_of(session.board, [point])}
    choices = [
        session.choice(network.graph, placements[stage.processor, stage.cores]) for stage in plan.stages
    ]
    for stage, choice in zip(plan.stages, choices, strict=True):
        wanted = network.graph.implementations(choice, stage.first, stage.last)
        session.build(network, {stage.processor: wanted})
    started = time.monotonic()
    sites = [
        StageSite(
            device=placements[stage.processor, stage.cores].device,
            replica_cpus=replicas,
            builder=session.builder(processors[stage.processor]),
            choice=choice,
        )
        for stage, replicas, choice in zip(plan.stages, replica_cpus, choices, strict=True)
    ]
    with _bundle_folder(keep) as root:
        try:
            write_bundle(
                root, plan=plan.to_document(), stages=plan.stages, sites=sites, model=network.lowered
            )
        except OSError as error:
            raise InputError(f"cannot write the bundle to {root}: {error.strerror or error}") from error
        size = sum(path.stat().st_size for path in root.rglob("*") if path.is_file())
        session.reporter.progress("Deploy", f"copying {size / 1e6:.1f} MB")
        session.set_point(point.name)
        session.lease.deploy(root)
    text = f"{len(plan.stages)} {'stage' if len(plan.stages) == 1 else 'stages'}, {size / 1e6:.1f} MB"
    session.reporter.step("Deploy", text, time.monotonic() - started)


def cpus_of(session: Session, plan: Plan) -> dict[str, tuple[int, ...]]:
    """The CPUs of the board's processors, as far as stages can be given them at a plan's operating point."""
    point = session.point(plan.operating_point)
    return {one.name: tuple(cpus_at(one, point)) for one in session.board.processors if one.kind == "cpu"}


@contextmanager
def _bundle_folder(keep: Path | None) -> Iterator[Path]:
    if keep is None:
        with tempfile.TemporaryDirectory(prefix="stageline-bundle-") as folder:
            yield Path(folder)
        return
    try:
        keep.mkdir(parents=True, exist_ok=True)
        is_empty = not any(keep.iterdir())
    except OSError as error:
        raise InputError(f"cannot write a bundle to {keep}: {error.strerror}") from error
    if not is_empty:
        raise InputError(f"the folder {keep} is not empty", hint="name a new one for the bundle")
    yield keep


def measure(
    session: Session,
    frames: int | None,
    *,
    queue_depth: int = 0,
    watch: Callable[[Mapping[str, Any]], None] = lambda metrics: None,
) -> dict[str, Any]:
    """Runs the deployed pipeline on frames of the board's own.

    Args:
        session: The board.
        frames: How many to measure; None to go on until Ctrl-C, which then is the end and not an interruption.
        queue_depth: Frames that may wait between two stages; 0 for the runtime's default.
        watch: Told what the pipeline's counters say meanwhile.

    Returns:
        The runtime's report.
    """
    started = time.monotonic()
    session.lease.start_pipeline(frames=frames or _UNTIL_STOPPED, queue_depth=queue_depth)
    try:
        report = session.lease.wait_for_report(
            lambda count: session.reporter.progress("Run", f"{count} frames"), watch
        )
    except KeyboardInterrupt:
        if frames is not None:
            raise
        report = session.lease.stop_pipeline()
    text = f"{report['frames']} frames measured"
    if (energy_uj := report["energy_uj_per_frame"]) is not None:
        text += f", {energy_text(energy_uj, report['energy_error_uj_per_frame'])} a frame"
    session.reporter.step("Run", text, time.monotonic() - started)
    return report


def enough_frames(plan: Plan) -> int:
    """So many that measuring a plan takes two seconds."""
    return max(int(_MEASURED_US / plan.period_us), _FEWEST_FRAMES)


def with_measured(plan: Plan, report: Mapping[str, Any]) -> Plan:
    """A plan beside what the runtime reported of it."""
    latency_us = report["unloaded_latency_us"]
    return replace(
        plan,
        measured=Measured(
            period_us=report["period_us"],
            throughput_fps=report["throughput_fps"],
            latency_us=report["latency_us"] if latency_us is None else latency_us,
            energy_uj_per_frame=report["energy_uj_per_frame"],
            stages=tuple(
                MeasuredStage(time_us=stage["time_us"] + stage["handover_us"]) for stage in report["stages"]
            ),
            frames=report["frames"],
            power=tuple((time_s, power_mw) for time_s, power_mw in report.get("power", ())),
        ),
    )


def _require_fit(session: Session, network: Network, plan: Plan) -> None:
    names = [layer.name for layer in network.graph.layers]
    planned = [name for stage in plan.stages for name in stage.layers]
    if names != planned:
        raise InputError(
            f"the plan is for {len(planned)} layers of {plan.model}, and {network.graph.name} has {len(names)} others",
            hint="plan the network again",
        )
    for stage in plan.stages:
        session.board.processor(stage.processor)
