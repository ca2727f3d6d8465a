"""Engines side by side, on the terminal and as JSON."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from rich.console import RenderableType

from host.bench.figures import Engine, Mode
from host.report.page import Column, paragraph, table
from host.report.plan import placement
from host.report.text import duration_text, rate_text

if TYPE_CHECKING:
    from host.bench.figures import Comparison, Contender, Entry

SCHEMA = "stageline.bench/1"

_US_PER_MS = 1e3
_COUNTERPARTS = {
    Mode.SINGLE_CORE: Mode.SINGLE_CORE,
    Mode.ALL_CORES: Mode.ALL_CORES,
    Mode.PIPELINE: Mode.SESSION_PER_CORE,
}
_NAMES = {Engine.ONNXRUNTIME: "ONNX Runtime", Engine.STAGELINE: "Stageline"}


def bench_page(comparison: "Comparison") -> Sequence[RenderableType]:
    """The entries and, in a sentence, what they come to."""
    has_other = bool(comparison.of(Engine.ONNXRUNTIME))
    columns = [
        Column(title="engine"),
        Column(title="mode"),
        Column(title="on", is_folding=True),
        Column(title="latency", is_number=True),
        Column(title="throughput", is_number=True),
        *([Column(title="ratio", is_number=True)] if has_other else []),
    ]
    rows = [
        _row(entry) + ([_ratio_text(comparison, entry)] if has_other else []) for entry in comparison.entries
    ]
    return [table(columns, rows), paragraph(_verdict(comparison))]


def bench_document(comparison: "Comparison") -> dict[str, Any]:
    """The `stageline.bench/1` document."""
    ratios = comparison.ratios
    pipeline = comparison.entry(Engine.STAGELINE, Mode.PIPELINE)
    plan = pipeline.contender.plan if pipeline else None
    return {
        "schema": SCHEMA,
        "model": comparison.model,
        "board": comparison.board,
        "cores": comparison.cores,
        "versions": dict(comparison.versions),
        "rounds": comparison.rounds,
        "largest_difference": comparison.largest_difference,
        "entries": [_entry_document(entry) for entry in comparison.entries],
        "ratios": {
            "single_core_latency": ratios.single_core_latency,
            "best_throughput": ratios.best_throughput,
        },
        "plan": plan.to_document() if plan else None,
    }


def _entry_document(entry: "Entry") -> dict[str, Any]:
    return {
        "engine": entry.contender.engine.value,
        "mode": entry.contender.mode.value,
        "latency_ms": entry.latency_ms,
        "throughput_fps": entry.throughput_fps,
        "on": _place(entry.contender),
        "frames": entry.frames,
        "rounds_latency_ms": [turn.latency_ms for turn in entry.turns],
        "rounds_throughput_fps": [turn.throughput_fps for turn in entry.turns],
    }


def _row(entry: "Entry") -> list[str]:
    return [
        _NAMES[entry.contender.engine],
        entry.contender.mode.value,
        _place(entry.contender),
        duration_text(entry.latency_ms * _US_PER_MS),
        rate_text(entry.throughput_fps),
    ]


def _place(contender: "Contender") -> str:
    """Where it runs: `cpux1, cpux1`, or `CPU 0, 1`."""
    if contender.plan is None:
        return f"CPU {', '.join(map(str, contender.cpus))}"
    return ", ".join(placement(stage) for stage in contender.plan.stages)


def _ratio_text(comparison: "Comparison", entry: "Entry") -> str:
    """Throughput over that of the other engine's like mode."""
    if entry.contender.engine is not Engine.STAGELINE:
        return ""
    other = comparison.entry(Engine.ONNXRUNTIME, _COUNTERPARTS[entry.contender.mode])
    return f"{entry.throughput_fps / other.throughput_fps:.2f}" if other else ""


def _verdict(comparison: "Comparison") -> str:
    ratios, best = comparison.ratios, comparison.best(Engine.STAGELINE)
    if ratios.single_core_latency is None or ratios.best_throughput is None:
        single = comparison.entry(Engine.STAGELINE, Mode.SINGLE_CORE)
        gain = best.throughput_fps / single.throughput_fps if single else 1.0
        return f"Stageline's best throughput ({best.contender.mode}) is {gain:.2f} times that of one core."
    other = comparison.best(Engine.ONNXRUNTIME)
    return (
        f"Stageline's latency on one core is {ratios.single_core_latency:.2f} times ONNX Runtime's, "
        f"and its best throughput ({best.contender.mode}) is {ratios.best_throughput:.2f} times "
        f"ONNX Runtime's best ({other.contender.mode})."
    )
