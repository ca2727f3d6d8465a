"""What changed between two sets of profiles, for the terminal and as JSON."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from rich.console import RenderableType

from host.report.page import Column, paragraph, table
from host.report.text import duration_text, percent_text

if TYPE_CHECKING:
    from host.differences import Difference, Latency

SCHEMA = "stageline.diff/1"


def differences_document(found: "Sequence[Difference]") -> dict[str, Any]:
    """All of them as JSON."""
    return {
        "schema": SCHEMA,
        "layers": [
            {
                "layer": one.layer,
                "placement": one.placement,
                "level": one.level,
                "before": _document(one.before),
                "after": _document(one.after),
                "ratio": one.ratio,
                "changed": one.is_changed,
            }
            for one in found
        ],
    }


def differences_page(found: "Sequence[Difference]") -> Sequence[RenderableType]:
    """What has changed by more than it scatters, and sums by placement."""
    changed = [one for one in found if one.is_changed]
    columns = [
        Column(title="layer", is_folding=True),
        Column(title="placement"),
        Column(title="before", is_number=True),
        Column(title="after", is_number=True),
        Column(title="change", is_number=True),
        Column(title="schedule", is_folding=True),
    ]
    rows = [
        (
            one.layer,
            one.placement,
            _text(one.before),
            _text(one.after),
            "" if one.ratio is None else percent_text(one.ratio - 1),
            _schedules(one),
        )
        for one in changed
    ]
    parts: list[RenderableType] = [table(columns, rows)] if rows else []
    parts.append(paragraph(f"{len(changed)} of {len(found)} latencies differ by more than they scatter."))
    parts += [paragraph(line) for line in _sums(found)]
    return parts


def _sums(found: "Sequence[Difference]") -> list[str]:
    lines = []
    for placement in dict.fromkeys(one.placement for one in found):
        pairs = [
            (one.before.latency_us, one.after.latency_us)
            for one in found
            if one.placement == placement and one.before and one.after
        ]
        before, after = (math.fsum(pair[side] for pair in pairs) for side in (0, 1))
        if before:
            change = percent_text(after / before - 1)
            lines.append(
                f"{placement}: {duration_text(before)} before, {duration_text(after)} after ({change}), "
                f"the sum of {len(pairs)} layers that both have"
            )
    return lines


def _document(latency: "Latency | None") -> dict[str, Any] | None:
    if latency is None:
        return None
    return {
        "latency_us": latency.latency_us,
        "latency_mad_us": latency.mad_us or None,
        "schedule": latency.schedule or None,
    }


def _text(latency: "Latency | None") -> str:
    return "-" if latency is None else duration_text(latency.latency_us)


def _schedules(one: "Difference") -> str:
    names = [latency.schedule if latency else "" for latency in (one.before, one.after)]
    return f"{names[0] or '?'} -> {names[1] or '?'}" if names[0] != names[1] and any(names) else ""
