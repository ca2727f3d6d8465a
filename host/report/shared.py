"""Plans of several networks on one board, on the terminal."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.console import RenderableType

from host.report.page import paragraph
from host.report.plan import plan_page
from host.report.text import rate_text

if TYPE_CHECKING:
    from host.planner import Shared


def shared_page(shared: "Shared") -> Sequence[RenderableType]:
    """One plan after the other, and how busy the board is with them."""
    parts: list[RenderableType] = []
    for plan, rate in zip(shared.plans, shared.rates_fps, strict=True):
        parts.append(paragraph(f"{plan.model} at {rate_text(rate)}"))
        parts += [*plan_page(plan, is_shared=True), paragraph("")]
    parts.append(paragraph(f"At these rates the busiest stage works {100 * shared.load:.0f} % of the time."))
    return parts
