"""What the page says about a plan, in the order in which a stranger asks."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from host.report.html.charts import Bar, Block, Dot, bars, colour, columns, scatter, timeline
from host.report.html.elements import Element, element, page
from host.report.plan import placement, placement_name
from host.report.schedule import Visit, schedule
from host.report.text import duration_text, energy_text, percent_text, rate_text

if TYPE_CHECKING:
    from host.planner import Placement, Plan
    from host.story import Story

_FRAMES = 8
_US_PER_S = 1e6
_FASTER = 1.01
_POWER_COLUMNS = 120
_UNNAMED_POINT = "default"


def report_html(story: "Story") -> str:
    """The page."""
    plan = story.plan
    return page(
        f"{plan.model} on {plan.board}",
        *_head(plan),
        *_pipeline(plan),
        *_why(story),
        *_timeline(plan),
        *_power(plan),
        *_front(story),
        *_layers(story),
        *_comparison(story),
        element(
            "footer",
            f"Plan {story.name}, {plan.model} on {plan.board}. Made by Stageline on "
            f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC. Nothing on this page is loaded from anywhere.",
        ),
    )


def _head(plan: "Plan") -> Iterator[Element]:
    yield element("h1", f"{plan.model} on {plan.board}")
    yield element(
        "p.soft",
        "A network runs layer after layer. Here it is cut into stages that run on different cores or processors at the "
        "same time, each on another video frame, like stations of an assembly line. The slowest station sets the pace.",
    )
    measured = plan.measured
    cards = [
        (
            rate_text(measured.throughput_fps if measured else plan.throughput_fps),
            _of("frames a second", plan),
        )
    ]
    if plan.gain and plan.baseline:
        single = placement_name(plan.baseline.processor, plan.baseline.cores)
        gain = plan.baseline.period_us / measured.period_us if measured else plan.gain
        clocks = " at any clocks" if _has_clocks(plan) else ""
        cards.append((f"{gain:.2f} times", f"the best single placement{clocks}, {single}"))
    cards.append(
        (
            duration_text(measured.latency_us if measured else plan.latency_us),
            _of("from frame to result", plan),
        )
    )
    energy_uj = measured.energy_uj_per_frame if measured else None
    energy_uj = plan.energy_uj_per_frame if energy_uj is None else energy_uj
    cards.append((energy_text(energy_uj), "energy a frame"))
    if plan.bound_us:
        cards.append(
            (
                f"{100 * plan.bound_us / plan.period_us:.0f} %",
                "of what any plan is predicted to reach at most",
            )
        )
    yield element(
        "div.cards", *(element("div.card", element("b", big), element("span", small)) for big, small in cards)
    )


def _of(what: str, plan: "Plan") -> str:
    return f"{what}, {'measured' if plan.measured else 'predicted'}"


def _pipeline(plan: "Plan") -> Iterator[Element]:
    yield element("h2", "The plan")
    point = f" Clocks: {plan.operating_point}." if _has_clocks(plan) else ""
    yield element(
        "p",
        f"{_count(len(plan.stages), 'stage')}, looked for: {_OBJECTIVES.get(plan.objective, plan.objective)}.{point}",
    )
    yield element(
        "div.flow",
        *(
            element(
                "div.stage",
                element("b", f"{number + 1}. {placement(stage)}"),
                element("span", _range(stage.layers)),
                element(
                    "span", f"{_count(len(stage.layers), 'layer')}, {duration_text(stage.time_us)} a frame"
                ),
                attributes={"style": f"border-top-color:{colour(number)}"},
            )
            for number, stage in enumerate(plan.stages)
        ),
    )


def _has_clocks(plan: "Plan") -> bool:
    return plan.operating_point != _UNNAMED_POINT


_OBJECTIVES = {
    "throughput": "the most frames a second",
    "energy": "the least energy a frame",
    "latency": "the shortest way of a frame",
    "pareto": "plans that no other beats",
}


def _why(story: "Story") -> Iterator[Element]:
    if not story.singles:
        return
    plan = story.plan
    clocks = f", {plan.operating_point}" if _has_clocks(plan) else ""
    yield element("h2", "Why this plan")
    rows = [
        Bar(
            label=f"{placement(single.stages[0])} alone{clocks}",
            value=single.throughput_fps,
            text=rate_text(single.throughput_fps),
        )
        for single in story.singles
    ]
    rows.append(
        Bar(
            label="this plan, predicted",
            value=plan.throughput_fps,
            text=rate_text(plan.throughput_fps),
            colour=0,
        )
    )
    if plan.measured:
        fps = plan.measured.throughput_fps
        rows.append(Bar(label="this plan, measured", value=fps, text=rate_text(fps), colour=1))
    if plan.bound_us:
        fps = _US_PER_S / plan.bound_us
        rows.append(Bar(label="at most, predicted", value=fps, text=rate_text(fps)))
    yield bars(rows)
    yield element("p.soft", _reason(story))


def _reason(story: "Story") -> str:
    plan = story.plan
    fastest = max(story.front, key=lambda one: one.throughput_fps, default=plan)
    if fastest.throughput_fps > _FASTER * plan.throughput_fps:
        stages = " | ".join(map(placement, fastest.stages))
        return (
            f"This is not the fastest plan known for this board: {stages} is predicted to reach "
            f"{rate_text(fastest.throughput_fps)} at {fastest.operating_point}. Others than the fastest are chosen for "
            "their energy, for a frame's way, for limits that the user sets, or because a measurement said so."
        )
    if len(plan.stages) == 1 and plan.stages[0].replicas == 1:
        return f"A pipeline is not worth it here: {placement(plan.stages[0])} by itself is the best of all plans."
    times = [stage.time_us / stage.replicas for stage in plan.stages]
    slowest = times.index(max(times)) + 1
    return (
        "All possible cuts, core counts, replicas and clocks were compared, exactly. "
        f"Stage {slowest} sets the pace; the others are busy {100 * min(times) / max(times):.0f} % of the time "
        "or more. "
        "The last bar is what the same cores could do if layers could be split at will."
    )


def _timeline(plan: "Plan") -> Iterator[Element]:
    yield element("h2", "What happens when")
    yield element(
        "p.soft", f"The first {_FRAMES} frames, each with its number, on their way through the stages."
    )
    runs = [("predicted", schedule(plan, [stage.time_us for stage in plan.stages], _FRAMES))]
    if plan.measured:
        times = [stage.time_us for stage in plan.measured.stages]
        runs.append(("with the measured times", schedule(plan, times, _FRAMES)))
    end = max(visit.end_us for _, visits in runs for visit in visits)
    for title, visits in runs:
        yield element("h3", f"{title}: {duration_text(max(visit.end_us for visit in visits))}")
        yield timeline(list(_lanes(plan, visits)), end)


def _lanes(plan: "Plan", visits: Sequence[Visit]) -> Iterator[tuple[str, list[Block]]]:
    for number, stage in enumerate(plan.stages):
        for replica in range(stage.replicas):
            part = f", replica {replica + 1}" if stage.replicas > 1 else ""
            blocks = [
                Block(
                    start=visit.start_us,
                    end=visit.end_us,
                    text=str(visit.frame + 1),
                    title=f"frame {visit.frame + 1}: {duration_text(visit.end_us - visit.start_us)}",
                    colour=number,
                    is_odd=visit.frame % 2 == 1,
                )
                for visit in visits
                if (visit.stage, visit.replica) == (number, replica)
            ]
            yield f"{number + 1}. {placement_name(stage.processor, stage.cores)}{part}", blocks


def _power(plan: "Plan") -> Iterator[Element]:
    readings = plan.measured.power if plan.measured else ()
    if not readings:
        return
    size = len(readings) // _POWER_COLUMNS + 1
    blocks = [readings[place : place + size] for place in range(0, len(readings), size)]
    means = [(block[0][0], sum(power_mw for _, power_mw in block) / len(block)) for block in blocks]
    most = max(power_mw for _, power_mw in means)
    yield element("h2", "Power over time")
    yield element(
        "p.soft",
        f"Of the whole board, while the pipeline ran for {readings[-1][0]:.1f} s: between "
        f"{min(power_mw for _, power_mw in means) / 1e3:.2f} W and {most / 1e3:.2f} W.",
    )
    yield columns([(mw, f"{time_s:.2f} s: {mw / 1e3:.2f} W", 2) for time_s, mw in means], most)


def _front(story: "Story") -> Iterator[Element]:
    if len(story.front) < 2:
        return
    plan = story.plan
    has_energy = all(one.energy_uj_per_frame is not None for one in story.front)
    yield element("h2", "What else there would be")
    what = "throughput, energy and latency" if has_energy else "throughput and latency"
    yield element(
        "p.soft",
        f"Every dot is a plan that no other one beats in {what} at once. The large one is this plan. "
        f"Faster plans are to the right, {'thriftier' if has_energy else 'quicker'} ones further down.",
    )

    def height(one: "Plan") -> float:
        return (one.energy_uj_per_frame or 0.0) if has_energy else one.latency_us

    def said(one: "Plan") -> str:
        energy = f", {energy_text(one.energy_uj_per_frame)} a frame" if has_energy else ""
        return (
            f"{' | '.join(map(placement, one.stages))}: {rate_text(one.throughput_fps)}, "
            f"{duration_text(one.latency_us)}{energy}, {one.operating_point}"
        )

    dots = [Dot(x=one.throughput_fps, y=height(one), title=said(one)) for one in story.front]
    dots.append(Dot(x=plan.throughput_fps, y=height(plan), title=f"this plan: {said(plan)}", is_chosen=True))
    text = energy_text if has_energy else duration_text
    yield scatter(
        dots,
        "frames a second",
        "energy a frame" if has_energy else "latency",
        (rate_text(min(dot.x for dot in dots)), rate_text(max(dot.x for dot in dots))),
        (text(min(dot.y for dot in dots)), text(max(dot.y for dot in dots))),
    )
    header = ("throughput", "latency", "energy a frame", "clocks", "stages")
    rows = [
        (
            rate_text(one.throughput_fps),
            duration_text(one.latency_us),
            energy_text(one.energy_uj_per_frame),
            one.operating_point,
            " | ".join(map(placement, one.stages)),
        )
        for one in story.front
    ]
    yield element(
        "details", element("summary", f"All {len(rows)} as a table"), _table(header, rows, numbers=3)
    )


def _layers(story: "Story") -> Iterator[Element]:
    table, plan = story.table, story.plan
    if table is None:
        return
    point = next((one for one in table.operating_points if one.name == plan.operating_point), None)
    if point is None:
        return
    rows: dict[Placement, list[float | None]] = {}
    for place in table.placements:
        costs = [layer.costs.get((place, point.level(place.processor))) for layer in table.layers]
        if any(costs):
            rows[place] = [None if cost is None else cost.latency_us for cost in costs]
    if not rows:
        return
    owner = {
        layer: number
        for number, stage in enumerate(plan.stages)
        for layer in range(stage.first, stage.last + 1)
    }
    yield element("h2", "Every layer on every placement")
    yield element(
        "p.soft",
        "A bar is a layer, from the first to the last, its height the time that it takes there. "
        "Coloured ones are where the plan lets them run. All charts have the same scale.",
    )
    most = max(time for times in rows.values() for time in times if time is not None)
    for place, times in rows.items():
        values = []
        for layer, time in enumerate(times):
            stage = plan.stages[owner[layer]]
            is_here = (stage.processor, stage.cores) == (place.processor, place.cores)
            took = "not measured" if time is None else duration_text(time)
            values.append((time, f"{table.layers[layer].name}: {took}", owner[layer] if is_here else None))
        total = sum(time for time in times if time is not None)
        yield element(
            "h3", f"{placement_name(place.processor, place.cores)}: {duration_text(total)} for all layers"
        )
        yield columns(values, most)
    header = ("layer", *(placement_name(place.processor, place.cores) for place in rows))
    lines = [
        (
            layer.name,
            *(
                "" if times[number] is None else duration_text(times[number] or 0.0)
                for times in rows.values()
            ),
        )
        for number, layer in enumerate(table.layers)
    ]
    yield element("details", element("summary", "All of them as a table"), _table(header, lines, numbers=0))


def _comparison(story: "Story") -> Iterator[Element]:
    plan = story.plan
    yield element("h2", "Predicted and measured")
    if plan.measured is None:
        yield element("p", "This plan has not run yet. `host deploy` runs it and measures.")
    else:
        yield element(
            "p",
            f"The pipeline was measured over {plan.measured.frames} frames: a frame every "
            f"{duration_text(plan.measured.period_us)}, where {duration_text(plan.period_us)} were predicted "
            f"({percent_text(plan.measured.period_us / plan.period_us - 1)}).",
        )
        rows = [
            (
                f"{number + 1}. {placement(stage)}",
                duration_text(stage.time_us),
                duration_text(found.time_us),
                percent_text(found.time_us / stage.time_us - 1) if stage.time_us else "",
            )
            for number, (stage, found) in enumerate(zip(plan.stages, plan.measured.stages, strict=True))
        ]
        yield _table(("stage", "predicted", "measured", "difference"), rows, numbers=0)
        if plan.energy_uj_per_frame is None and plan.measured.energy_uj_per_frame is None:
            yield element("p.soft", "This board has no sensor for its power.")
    if story.deployments:
        yield element("h3", "Every deployment of this network on this board")
        lines = [
            (
                f"{one.at:%Y-%m-%d %H:%M:%S}",
                one.pipeline,
                duration_text(one.predicted_us),
                duration_text(one.measured_us),
                percent_text(one.measured_us / one.predicted_us - 1),
            )
            for one in story.deployments
        ]
        header = ("time (UTC)", "pipeline", "predicted period", "measured", "difference")
        yield _table(header, lines, numbers=0)


def _table(header: Sequence[str], rows: Sequence[Sequence[str]], *, numbers: int) -> Element:
    """A table whose first columns, so many, are numbers."""

    def cells(tag: str, row: Sequence[str]) -> Iterator[Element]:
        for place, text in enumerate(row):
            yield element(f"{tag}.number" if place < numbers else tag, text)

    return element(
        "div.scroll",
        element(
            "table",
            element("thead", element("tr", *cells("th", header))),
            element("tbody", *(element("tr", *cells("td", row)) for row in rows)),
        ),
    )


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _range(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{names[0]} .. {names[-1]}"
