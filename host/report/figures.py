"""Pictures for papers, as PDF and PNG, by matplotlib."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from host.errors import UsageError
from host.report.plan import placement, placement_name
from host.report.schedule import schedule

if TYPE_CHECKING:
    from host.story import Story

_FRAMES = 8
_WIDTH_IN = 6.5
_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#b8860b", "#56b4e9")
"""Of stages; told apart by everybody (Okabe and Ito)."""


def write_figures(story: "Story", folder: Path) -> list[Path]:
    """Draws what there is to draw: throughput, front, layers and timeline.

    Args:
        story: The plan and what is known about it.
        folder: Where the files go; made if it is missing.

    Raises:
        UsageError: matplotlib is missing, or the folder cannot be written.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise UsageError("pictures need matplotlib", hint="pip install 'stageline[figures]'") from error
    written = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, height_in, draw in _pictures(story):
            figure = Figure(figsize=(_WIDTH_IN, height_in), layout="constrained")
            draw(figure.subplots(), story)
            for ending in ("pdf", "png"):
                path = folder / f"{name}.{ending}"
                figure.savefig(path, dpi=200)
                written.append(path)
    except OSError as error:
        raise UsageError(f"cannot write pictures to {folder}: {error.strerror or error}") from error
    return written


_Draw = Callable[[Any, "Story"], None]


def _pictures(story: "Story") -> Iterator[tuple[str, float, _Draw]]:
    yield "timeline", 0.8 + 0.4 * sum(stage.replicas for stage in story.plan.stages), _timeline
    if story.singles:
        yield "throughput", 1.0 + 0.3 * (len(story.singles) + 2), _throughput
    if len(story.front) > 1:
        yield "front", 3.5, _front
    if story.table is not None:
        yield "layers", 3.5, _layers


def _timeline(axes: Any, story: "Story") -> None:
    plan = story.plan
    times = [stage.time_us for stage in (plan.measured.stages if plan.measured else plan.stages)]
    lanes = [
        (number, replica) for number, stage in enumerate(plan.stages) for replica in range(stage.replicas)
    ]
    for visit in schedule(plan, times, _FRAMES):
        span = (visit.start_us / 1e3, (visit.end_us - visit.start_us) / 1e3)
        axes.broken_barh(
            [span],
            (lanes.index((visit.stage, visit.replica)) - 0.4, 0.8),
            facecolor=_COLOURS[visit.stage % len(_COLOURS)],
            alpha=1.0 if visit.frame % 2 else 0.7,
            edgecolor="white",
        )
    axes.set_yticks(range(len(lanes)), [placement(plan.stages[number]) for number, _ in lanes])
    axes.invert_yaxis()
    axes.set_xlabel(
        f"time of the first {_FRAMES} frames, ms ({'measured' if plan.measured else 'predicted'} stage times)"
    )


def _throughput(axes: Any, story: "Story") -> None:
    plan = story.plan
    rows = [
        (f"{placement(single.stages[0])} alone", single.throughput_fps, "0.6") for single in story.singles
    ]
    rows.append(("plan, predicted", plan.throughput_fps, _COLOURS[0]))
    if plan.measured:
        rows.append(("plan, measured", plan.measured.throughput_fps, _COLOURS[1]))
    if plan.bound_us:
        rows.append(("bound", 1e6 / plan.bound_us, "0.8"))
    names, values, colours = zip(*rows, strict=True)
    axes.barh(range(len(rows)), values, color=colours)
    axes.set_yticks(range(len(rows)), names)
    axes.invert_yaxis()
    axes.set_xlabel("frames a second")


def _front(axes: Any, story: "Story") -> None:
    has_energy = all(one.energy_uj_per_frame is not None for one in story.front)
    others = [
        (one.energy_uj_per_frame or 0.0) / 1e3 if has_energy else one.latency_us / 1e3 for one in story.front
    ]
    axes.scatter(
        [one.throughput_fps for one in story.front], others, s=12, color=_COLOURS[0], label="not beaten"
    )
    plan = story.plan
    height = (plan.energy_uj_per_frame or 0.0) if has_energy else plan.latency_us
    axes.scatter([plan.throughput_fps], [height / 1e3], s=60, color=_COLOURS[1], label="this plan")
    axes.set_xlabel("frames a second")
    axes.set_ylabel("energy a frame, mJ" if has_energy else "latency, ms")
    axes.legend()


def _layers(axes: Any, story: "Story") -> None:
    table = story.table
    assert table is not None
    point = next(one for one in table.operating_points if one.name == story.plan.operating_point)
    for place in table.placements:
        costs = [layer.costs.get((place, point.level(place.processor))) for layer in table.layers]
        times = [float("nan") if cost is None else cost.latency_us / 1e3 for cost in costs]
        axes.plot(
            range(1, len(times) + 1),
            times,
            drawstyle="steps-mid",
            label=placement_name(place.processor, place.cores),
        )
    for stage in story.plan.stages[:-1]:
        axes.axvline(stage.last + 1.5, color="0.5", linestyle=":")
    axes.set_yscale("log")
    axes.set_xlabel("layer (dotted: the plan's cuts)")
    axes.set_ylabel("latency, ms")
    axes.legend()
