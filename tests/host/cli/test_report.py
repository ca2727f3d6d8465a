"""`host report`: pages and timelines from plans in files and in the database."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.host.planner.conftest import example

if TYPE_CHECKING:
    from tests.host.cli.conftest import Cli


@pytest.fixture
def profile(tmp_path: Path) -> Path:
    path = tmp_path / "profile.json"
    path.write_text(json.dumps(example()))
    return path


@pytest.fixture
def plan(cli: "Cli", profile: Path, tmp_path: Path) -> Path:
    path = tmp_path / "plan.json"
    assert cli("solve", profile, "-o", path).code == 0
    return path


def test_a_plan_from_a_file_with_its_costs(cli: "Cli", plan: Path, profile: Path, tmp_path: Path) -> None:
    page, trace = tmp_path / "report.html", tmp_path / "trace.json"
    answer = cli("report", plan, "--profile", profile, "-o", page, "--trace", trace, "--json")
    assert answer.document == {"page": str(page), "trace": str(trace)}
    assert page.read_text().startswith("<!doctype html>")
    assert "Every layer on every placement" in page.read_text()
    assert json.loads(trace.read_text())["traceEvents"]


def test_a_plan_from_a_file_alone(cli: "Cli", plan: Path, tmp_path: Path) -> None:
    page = tmp_path / "report.html"
    answer = cli("report", plan, "-o", page)
    assert answer.code == 0
    assert str(page) in answer.err
    assert "The plan" in page.read_text()


def test_a_plan_of_the_database(cli: "Cli", plan: Path, profile: Path, tmp_path: Path) -> None:
    from db.store import Store

    database, page = tmp_path / "p.sqlite", tmp_path / "report.html"
    assert cli("profiles", "import", profile, "--db", database).code == 0
    with Store.open(database) as store:
        plan_id = store.add_plan(json.loads(plan.read_text()))
        found = store.plan(plan_id).document
        stages = [{"time_us": stage["time_us"]} for stage in found["stages"]]
        numbers = {name: found[name] for name in ("period_us", "throughput_fps", "latency_us")}
        store.add_deployment(
            plan_id, {**numbers, "energy_uj_per_frame": None, "stages": stages, "frames": 10}
        )
    assert cli("report", str(plan_id), "-o", page, "--db", database).code == 0
    assert "Every deployment" in page.read_text()
    assert "Every layer on every placement" in page.read_text()


def test_what_cannot_be_told_is_said(cli: "Cli", plan: Path, profile: Path, tmp_path: Path) -> None:
    assert cli("report", plan).code == 2
    assert cli("report", plan, "-o", tmp_path / "missing" / "x.html").code == 2
    assert cli("report", tmp_path / "missing.json", "-o", tmp_path / "x.html").code == 3
    assert cli("report", profile, "-o", tmp_path / "x.html").code == 3
    other = tmp_path / "other.json"
    other.write_text(json.dumps(example() | {"board": "nano"}))
    answer = cli("report", plan, "--profile", other, "-o", tmp_path / "x.html")
    assert answer.code == 3
    assert "nano" in answer.err
    assert not (tmp_path / "x.html").exists()


def test_pictures_for_papers(cli: "Cli", plan: Path, profile: Path, tmp_path: Path) -> None:
    folder = tmp_path / "figures"
    answer = cli("report", plan, "--profile", profile, "--figures", folder, "--json")
    assert answer.document == {"figures": str(folder)}
    names = {path.name for path in folder.iterdir()}
    assert names == {
        f"{name}.{ending}"
        for name in ("timeline", "throughput", "front", "layers")
        for ending in ("pdf", "png")
    }
    assert all(path.stat().st_size > 1000 for path in folder.iterdir())
    (tmp_path / "file").write_text("")
    assert cli("report", plan, "--figures", tmp_path / "file").code == 2
