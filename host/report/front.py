"""Plans of which none beats another, on the terminal: what each gives and what it takes."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.console import RenderableType

from host.report.page import Column, paragraph, table
from host.report.plan import placement
from host.report.text import duration_text, energy_text, rate_text

if TYPE_CHECKING:
    from host.planner import Plan

_MOST_ROWS = 24


def front_page(plans: "Sequence[Plan]") -> Sequence[RenderableType]:
    """A line a plan, from the fastest to the slowest; of many, some that are spread evenly.

    Args:
        plans: By their period.
    """
    shown = _spread(plans)
    columns = [
        Column(title="throughput", is_number=True),
        Column(title="latency", is_number=True),
        Column(title="energy a frame", is_number=True),
        Column(title="power", is_number=True),
        Column(title="clocks", is_folding=True),
        Column(title="stages", is_folding=True),
    ]
    rows = [
        (
            rate_text(plan.throughput_fps),
            duration_text(plan.latency_us),
            energy_text(plan.energy_uj_per_frame),
            "" if plan.energy_uj_per_frame is None else f"{plan.energy_uj_per_frame / plan.period_us:.2f} W",
            plan.operating_point,
            " | ".join(placement(stage) for stage in plan.stages),
        )
        for plan in shown
    ]
    hidden = len(plans) - len(shown)
    remark = f"{len(plans)} plans, none of which beats another" + (
        f"; {len(shown)} of them are shown, --json gives all." if hidden else "."
    )
    return [table(columns, rows), paragraph(remark)]


def _spread(plans: "Sequence[Plan]") -> "Sequence[Plan]":
    if len(plans) <= _MOST_ROWS:
        return plans
    last = len(plans) - 1
    return [plans[round(place * last / (_MOST_ROWS - 1))] for place in range(_MOST_ROWS)]
