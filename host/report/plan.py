"""A plan on the terminal: its stages, and what it promises beside what was measured."""

from collections.abc import Iterator, Sequence
from itertools import zip_longest
from typing import TYPE_CHECKING

from rich.console import RenderableType

from host.report.page import Column, facts, paragraph, table
from host.report.text import duration_text, energy_text, percent_text, rate_text

if TYPE_CHECKING:
    from host.planner import Plan, PlanStage

_US = 1e6

_UNNAMED_POINT = "default"
"""What a board calls its only operating point where it knows nothing of its clocks."""


def plan_page(
    plan: "Plan", *, plan_id: int | None = None, fastest: "Plan | None" = None, is_shared: bool = False
) -> Sequence[RenderableType]:
    """Everything about a plan.

    Args:
        plan: The plan.
        plan_id: Its number in the database, where it has one.
        fastest: The fastest plan, to say what this one saves beside it.
        is_shared: Whether other networks have a part of the board.
    """
    parts = [_stages(plan), facts([*_summary(plan), *_savings(plan, fastest)])]
    if len(plan.stages) == 1 and plan.stages[0].replicas == 1 and not is_shared:
        parts.append(
            paragraph(f"A pipeline is not worth it here: {placement(plan.stages[0])} alone is the best.")
        )
    if plan_id is not None:
        parts.append(paragraph(f"Saved as plan {plan_id}. Next: {next_step(plan, plan_id)}"))
    return parts


def next_step(plan: "Plan", plan_id: int) -> str:
    """The command that a user of this plan may want next."""
    return f"host run {plan_id}" if plan.measured else f"host deploy {plan_id}"


def placement(stage: "PlanStage") -> str:
    """Where a stage runs: `a57x2`, `gpu`, `cpux1 *2` for two replicas."""
    name = placement_name(stage.processor, stage.cores)
    return f"{name} *{stage.replicas}" if stage.replicas > 1 else name


def placement_name(processor: str, cores: int) -> str:
    """A processor and how many of its cores; a GPU stands alone."""
    return processor if cores == 1 and "gpu" in processor.lower() else f"{processor}x{cores}"


def _stages(plan: "Plan") -> RenderableType:
    measured = plan.measured.stages if plan.measured else ()
    columns = [
        Column(title="stage"),
        Column(title="layers", is_folding=True),
        Column(title="placement"),
        Column(title="predicted", is_number=True),
        *([Column(title="measured", is_number=True)] if measured else []),
    ]
    rows = []
    for number, (stage, found) in enumerate(zip_longest(plan.stages, measured), start=1):
        row = [str(number), _layers(stage.layers), placement(stage), duration_text(stage.time_us)]
        rows.append(row + ([duration_text(found.time_us)] if measured else []))
    return table(columns, rows)


def _layers(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{names[0]} .. {names[-1]}"


def _summary(plan: "Plan") -> Iterator[tuple[str, str]]:
    if plan.operating_point != _UNNAMED_POINT:
        yield "Clocks", plan.operating_point
    yield "Throughput", _throughput(plan)
    measured = duration_text(plan.measured.latency_us) if plan.measured else None
    yield "Latency", _pair(duration_text(plan.latency_us), measured)
    yield "Energy", _energy(plan)


def _savings(plan: "Plan", fastest: "Plan | None") -> Iterator[tuple[str, str]]:
    if fastest is None or plan.energy_uj_per_frame is None or fastest.energy_uj_per_frame is None:
        return
    share = 1 - plan.energy_uj_per_frame / fastest.energy_uj_per_frame
    other = f"{energy_text(fastest.energy_uj_per_frame)} at {fastest.operating_point}"
    yield (
        "Saved",
        f"{100 * share:.0f} % of the energy that the fastest plan takes a frame ({other}, "
        + (f"{rate_text(fastest.throughput_fps)})"),
    )


def _throughput(plan: "Plan") -> str:
    predicted = rate_text(plan.throughput_fps)
    text = f"{predicted} predicted"
    if plan.measured:
        off = plan.measured.throughput_fps / plan.throughput_fps - 1
        text += f", {rate_text(plan.measured.throughput_fps)} measured ({percent_text(off)})"
    remarks = []
    if plan.baseline and plan.gain:
        single = placement_name(plan.baseline.processor, plan.baseline.cores)
        alone = rate_text(_US / plan.baseline.period_us)
        remarks.append(f"{plan.gain:.2f} times the best single placement ({single}, {alone})")
    if plan.bound_us and plan.period_us:
        remarks.append(f"{100 * plan.bound_us / plan.period_us:.0f} % of the bound")
    return f"{text}: {', '.join(remarks)}" if remarks else text


def _energy(plan: "Plan") -> str:
    measured = plan.measured.energy_uj_per_frame if plan.measured else None
    if plan.energy_uj_per_frame is None:
        return "no sensor" if measured is None else f"{energy_text(measured)} a frame measured"
    return _pair(
        f"{energy_text(plan.energy_uj_per_frame)} a frame",
        energy_text(measured) if measured is not None else None,
    )


def _pair(predicted: str, measured: str | None) -> str:
    return f"{predicted} predicted" + (f", {measured} measured" if measured else "")
