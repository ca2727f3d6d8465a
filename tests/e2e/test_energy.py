"""With a power rail, energies are measured, stored, shown and planned with; without one, everything says so."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from db.store import Store

if TYPE_CHECKING:
    from tests.e2e.conftest import Host

FAST = "synthetic:10"


@pytest.mark.usefixtures("database")
def test_energies_are_measured_once_and_planned_with(
    host: "Host", model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STAGELINE_POWER", FAST)
    answer = host("plan", "--model", model, "--db", "p.sqlite", "--energy", "--max-stages", 1, "--json")
    assert answer.returncode == 0, answer.stderr
    assert "from synthetic (10 ms window)" in answer.stderr
    plan = json.loads(answer.stdout)
    assert plan["energy_uj_per_frame"] > 0
    assert all(stage["energy_uj"] is not None for stage in plan["stages"])
    with Store.open(tmp_path / "p.sqlite", create=False) as store:
        rows = store.profiles()
        assert all(row.energy_uj is not None and row.energy_error_uj is not None for row in rows)
        (idle,) = store.idle_powers(store.boards()[0].fingerprint).values()
        assert idle.power.mean_mw > 0
    again = host("plan", "--model", model, "--db", "p.sqlite", "--energy")
    assert "every layer's energy is in the database" in again.stderr
    shown = host("profiles", "show", "tiny", "--db", "p.sqlite")
    assert "+-" in shown.stdout
    assert "no sensor" not in shown.stdout
    exported = json.loads(host("profiles", "export", "tiny", "--db", "p.sqlite").stdout)
    assert exported["operating_points"][0]["idle_power_mw"] == idle.power.mean_mw


@pytest.mark.usefixtures("database")
def test_a_recording_stands_in_for_a_sensor(
    host: "Host", model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [f"{index / 100},{2000 + 76 * (index * 7 % 5)},{300 + index % 3}" for index in range(500)]
    (tmp_path / "power.csv").write_text("\n".join(["time_s,VDD_IN,VDD_SYS_CPU", *rows]))
    monkeypatch.setenv("STAGELINE_POWER", f"replay:{tmp_path / 'power.csv'}")
    answer = host("profile", "--model", model, "--db", "p.sqlite", "--energy")
    assert answer.returncode == 0, answer.stderr
    assert "from VDD_IN (10 ms window)" in answer.stderr
    with Store.open(tmp_path / "p.sqlite", create=False) as store:
        assert all(row.energy_uj is not None for row in store.profiles())


@pytest.mark.usefixtures("database")
def test_a_board_without_rails_says_so(host: "Host", model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STAGELINE_POWER", "none")
    answer = host("plan", "--model", model, "--db", "p.sqlite", "--energy", "--json")
    assert answer.returncode == 0, answer.stderr
    assert "tells no power" in answer.stderr
    assert json.loads(answer.stdout)["energy_uj_per_frame"] is None


@pytest.mark.usefixtures("database")
def test_a_deployed_pipeline_reports_the_energy_of_a_frame(
    host: "Host", model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STAGELINE_POWER", FAST)
    answer = host("plan", "--model", model, "--db", "p.sqlite", "--deploy", "--frames", 200, "--json")
    assert answer.returncode == 0, answer.stderr
    assert "a frame" in answer.stderr
    measured = json.loads(answer.stdout)["measured"]
    assert measured["energy_uj_per_frame"] > 0
    assert all(reading["power_mw"] > 0 for reading in measured["power"])
    with Store.open(tmp_path / "p.sqlite", create=False) as store:
        assert measured in [deployment.measured for deployment in store.deployments()]
