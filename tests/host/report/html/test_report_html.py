"""The page says what there is to say, is complete in itself, and takes names for text."""

import re
from dataclasses import replace
from datetime import UTC, datetime
from html.parser import HTMLParser
from typing import Any

import pytest

from host.planner import Constraints, pareto_front, parse_profile, solve
from host.planner.plan import Measured, MeasuredStage, Plan
from host.report.html import report_html
from host.story import Deployment, Story, file_story
from tests.host.planner.conftest import example

VOID = {"meta", "link", "br", "img"}


class Reader(HTMLParser):
    """Reads a page as a browser would, and complains where something is not closed."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.texts: list[str] = []
        self.titles: list[str] = []
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        if tag not in VOID:
            self.open.append(tag)
        for name, value in attributes:
            if name == "title":
                self.titles.append(value or "")
            if name in ("src", "href", "action"):
                self.links.append(value or "")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.texts.append(data)

    @property
    def text(self) -> str:
        return " ".join(self.texts)


def read(page: str) -> Reader:
    reader = Reader()
    reader.feed(page)
    reader.close()
    assert not reader.open
    return reader


def measured(plan: Plan) -> Plan:
    return replace(
        plan,
        measured=Measured(
            period_us=1.02 * plan.period_us,
            throughput_fps=plan.throughput_fps / 1.02,
            latency_us=1.01 * plan.latency_us,
            energy_uj_per_frame=None,
            stages=tuple(MeasuredStage(time_us=1.01 * stage.time_us) for stage in plan.stages),
            frames=500,
        ),
    )


@pytest.fixture
def story() -> Story:
    table = parse_profile(example())
    plan = measured(solve(table))
    deployment = Deployment(
        at=datetime(2026, 1, 1, tzinfo=UTC), predicted_us=100.0, measured_us=103.0, pipeline="gpu | a57x2"
    )
    return replace(file_story("plan.json", plan, table), deployments=[deployment])


def test_every_section_is_there(story: Story) -> None:
    text = read(report_html(story)).text
    for part in (
        "tiny on tx2",
        "The plan",
        "Why this plan",
        "What happens when",
        "with the measured times",
        "What else there would be",
        "Every layer on every placement",
        "Predicted and measured",
        "+2.0 %",
        "gpu alone",
        "+3.0 %",
        "at most, predicted",
    ):
        assert part in text, part


def test_nothing_is_loaded_from_anywhere(story: Story) -> None:
    page = report_html(story)
    assert not read(page).links
    assert "script" not in read(page).tags
    assert not re.search(r"url\(|@import|https?:", page)


def test_light_dark_and_narrow_are_styled(story: Story) -> None:
    page = report_html(story)
    assert "prefers-color-scheme: dark" in page
    assert "max-width: 36rem" in page
    assert 'name="viewport"' in page


def test_names_are_text_and_never_markup() -> None:
    document: dict[str, Any] = example()
    name = "<script>alert('x')</script>&\"conv\""
    document |= {"model": name, "layers": [row | {} for row in document["layers"]]}
    document["layers"][0]["name"] = name
    for row in document["layers"]:
        row["inputs"] = [name if one == "conv1" else one for one in row["inputs"]]
    for row in document["costs"]:
        row["layer"] = name if row["layer"] == "conv1" else row["layer"]
    table = parse_profile(document)
    page = report_html(file_story("plan.json", solve(table), table))
    reader = read(page)
    assert "script" not in reader.tags
    assert name in reader.text
    assert any(name in title for title in reader.titles)


def test_every_plan_of_the_front_and_every_layer_is_described(story: Story) -> None:
    reader = read(report_html(story))
    table = story.table
    assert table is not None
    assert sum("fps" in title for title in reader.titles) == len(pareto_front(table)) + 1
    for layer in table.layers:
        described = [title for title in reader.titles if title.startswith(f"{layer.name}: ")]
        assert len(described) == len(table.placements)


def test_a_plan_without_costs_or_measurement_has_a_page_too(story: Story) -> None:
    plan = replace(story.plan, measured=None, energy_uj_per_frame=None, baseline=None, gain=None)
    text = read(report_html(Story(plan=plan, name="7"))).text
    assert "has not run yet" in text
    assert "no sensor" in text
    assert "Why this plan" not in text


def test_where_a_pipeline_is_not_worth_it_the_page_says_so() -> None:
    table = parse_profile(example())
    plan = solve(table, Constraints(max_stages=1, no_replicas=True))
    assert "not worth it" in read(report_html(Story(plan=plan, name="7", singles=[plan]))).text


def test_where_a_faster_plan_is_known_the_page_names_it() -> None:
    table = parse_profile(example())
    plan = solve(table, Constraints(max_stages=1, no_replicas=True))
    text = read(report_html(file_story("plan.json", plan, table))).text
    assert "not the fastest plan known" in text
    assert "not worth it" not in text


def test_power_is_shown_over_time_where_it_was_read(story: Story) -> None:
    assert "Power over time" not in read(report_html(story)).text
    found = story.plan.measured
    assert found is not None
    readings = tuple((0.01 * number, 5000.0 + number) for number in range(400))
    plan = replace(story.plan, measured=replace(found, power=readings))
    reader = read(report_html(replace(story, plan=Plan.from_document(plan.to_document()))))
    assert "Power over time" in reader.text
    assert "between 5.00 W and 5.40 W" in reader.text
    assert 50 < sum(title.endswith(" W") for title in reader.titles) <= 120
