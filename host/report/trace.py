"""Timelines in the format of Chrome's trace viewer, which Perfetto reads (https://ui.perfetto.dev)."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from host.report.plan import placement_name
from host.report.schedule import schedule

if TYPE_CHECKING:
    from host.planner import Plan

FRAMES = 100


def trace_document(plan: "Plan") -> dict[str, Any]:
    """A plan's first frames by its predicted times, and, where it has run, by the measured ones beside them."""
    events = list(_events(plan, 1, "predicted", [stage.time_us for stage in plan.stages]))
    if plan.measured:
        events += _events(plan, 2, "measured", [stage.time_us for stage in plan.measured.stages])
    return {
        "traceEvents": events,
        "displayTimeUnit": "ms",
        "otherData": {"model": plan.model, "board": plan.board},
    }


def _events(plan: "Plan", process: int, name: str, times_us: Sequence[float]) -> Iterator[dict[str, Any]]:
    yield _name("process_name", process, 0, name)
    lanes: dict[tuple[int, int], int] = {}
    for number, stage in enumerate(plan.stages):
        for replica in range(stage.replicas):
            lane = lanes[number, replica] = len(lanes) + 1
            part = f" replica {replica + 1}" if stage.replicas > 1 else ""
            yield _name(
                "thread_name",
                process,
                lane,
                f"{number + 1}. {placement_name(stage.processor, stage.cores)}{part}",
            )
    for visit in schedule(plan, times_us, FRAMES):
        stage = plan.stages[visit.stage]
        yield {
            "name": f"frame {visit.frame + 1}",
            "cat": name,
            "ph": "X",
            "ts": visit.start_us,
            "dur": visit.end_us - visit.start_us,
            "pid": process,
            "tid": lanes[visit.stage, visit.replica],
            "args": {"first_layer": stage.layers[0], "last_layer": stage.layers[-1]},
        }


def _name(what: str, process: int, thread: int, name: str) -> dict[str, Any]:
    return {"name": what, "ph": "M", "pid": process, "tid": thread, "args": {"name": name}}
