"""What was measured, on the terminal and as JSON."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from rich.console import RenderableType

from host.report.page import Column, paragraph, table
from host.report.text import duration_text, energy_text, percent_text

if TYPE_CHECKING:
    from db.records import LayerLatency, ModelTotal, RunnerUp

_NOTHING = "nothing has been measured that fits; `host profile --model NAME` measures"


def totals_page(totals: Sequence["ModelTotal"]) -> Sequence[RenderableType]:
    """Whole networks on single placements."""
    if not totals:
        return [paragraph(_NOTHING)]
    columns = [
        Column(title="model"),
        Column(title="board"),
        Column(title="placement"),
        Column(title="clocks", is_folding=True),
        Column(title="layers", is_number=True),
        Column(title="latency", is_number=True),
        Column(title="energy", is_number=True),
        Column(title="remark", is_folding=True),
    ]
    return [table(columns, (_total_row(total) for total in totals))]


def layers_page(profiles: Sequence["LayerLatency"]) -> Sequence[RenderableType]:
    """Single layers, each with what it costs on every placement."""
    if not profiles:
        return [paragraph(_NOTHING)]
    columns = [
        Column(title="layer", is_folding=True),
        Column(title="placement"),
        Column(title="clocks", is_folding=True),
        Column(title="latency", is_number=True),
        Column(title="+-", is_number=True),
        Column(title="energy", is_number=True),
        Column(title="status"),
        Column(title="schedule", is_folding=True),
    ]
    return [table(columns, (_layer_row(profile) for profile in profiles))]


def total_document(total: "ModelTotal") -> dict[str, Any]:
    """A whole network on a placement as JSON."""
    return {
        "model": total.model,
        "board": total.board,
        "operating_point": total.operating_point,
        "placement": total.placement,
        "level": total.level,
        "layers": total.layers,
        "measured_layers": total.measured_layers,
        "unsteady_layers": total.unsteady_layers,
        "latency_us": total.latency_us,
        "energy_uj": total.energy_uj,
        "measured_at": total.measured_at.isoformat(),
        "newest": total.is_newest,
    }


def layer_document(profile: "LayerLatency") -> dict[str, Any]:
    """A layer on a placement as JSON, with its raw samples."""
    return {
        "model": profile.model,
        "board": profile.board,
        "position": profile.position,
        "layer": profile.layer,
        "placement": profile.placement,
        "processor": profile.processor,
        "cores": profile.cores,
        "level": profile.level,
        "operating_point": profile.operating_point,
        "latency_us": profile.latency_us,
        "latency_mad_us": profile.latency_mad_us,
        "energy_uj": profile.energy_uj,
        "energy_error_uj": profile.energy_error_uj,
        "samples_us": list(profile.samples_us),
        "status": profile.status.value,
        "measured_at": profile.measured_at.isoformat(),
        "environment": profile.environment,
        "tvm": profile.tvm,
        "kernel_version": profile.kernel_version,
        "newest": profile.is_newest,
        "schedule": profile.schedule or None,
        "candidates_us": dict(profile.candidates_us),
        "runner_up": _runner_up_document(profile.runner_up),
    }


def _runner_up_document(runner_up: "RunnerUp | None") -> dict[str, Any] | None:
    if runner_up is None:
        return None
    return {
        "schedule": runner_up.schedule,
        "latency_us": runner_up.latency_us,
        "slower_by": runner_up.slower_by,
    }


def _total_row(total: "ModelTotal") -> Sequence[str]:
    return (
        total.model,
        total.board,
        total.placement,
        total.level,
        f"{total.measured_layers}/{total.layers}",
        duration_text(total.latency_us),
        energy_text(total.energy_uj),
        _remark(total),
    )


def _remark(total: "ModelTotal") -> str:
    remarks = []
    if not total.is_complete:
        remarks.append("incomplete")
    if total.unsteady_layers:
        remarks.append(f"{total.unsteady_layers} unsteady")
    if not total.is_newest:
        remarks.append("superseded")
    return ", ".join(remarks)


def _layer_row(profile: "LayerLatency") -> Sequence[str]:
    return (
        profile.layer,
        profile.placement,
        profile.level,
        duration_text(profile.latency_us),
        duration_text(profile.latency_mad_us),
        energy_text(profile.energy_uj, profile.energy_error_uj),
        profile.status.value,
        _schedule_text(profile),
    )


def _schedule_text(profile: "LayerLatency") -> str:
    """One cell for choice and margin, since a column more would no longer fit a usual terminal."""
    parts = [profile.schedule] if profile.schedule else []
    if runner_up := profile.runner_up:
        parts.append(f"best of {len(profile.alternatives_us) + 1}")
        if runner_up.slower_by is not None:
            parts.append(f"next {percent_text(runner_up.slower_by)}")
    return ", ".join(parts)
