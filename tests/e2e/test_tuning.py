"""A search on this machine, from the command line to the pipeline; needs the extra `tune`."""

import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

pytest.importorskip("xgboost")
pytest.importorskip("psutil")
pytest.importorskip("cloudpickle")

if TYPE_CHECKING:
    from tests.e2e.conftest import Host


def latencies(database: Path) -> list[tuple[str, int, float]]:
    connection = sqlite3.connect(database)
    rows = connection.execute(
        "SELECT layer_hash, cores, latency_us FROM profiles WHERE schedule IS NOT NULL ORDER BY 1, 2"
    ).fetchall()
    connection.close()
    return rows


def records(database: Path) -> list[tuple[str, int]]:
    connection = sqlite3.connect(database)
    rows = connection.execute("SELECT kernel, trial FROM tuning_records").fetchall()
    connection.close()
    return rows


def test_a_search_goes_on_from_what_it_found(host: "Host", model: Path, database: Path) -> None:
    first = host("plan", "--model", model, "--db", "p.sqlite", "--tune", 4, "--deploy", "--frames", 20)
    assert first.returncode == 0, first.stderr
    assert "4 trials on 1 kernel" in first.stderr
    found = records(database)
    assert found
    assert latencies(database)
    again = host("profile", "--model", model, "--db", "p.sqlite", "--tune", 4)
    assert again.returncode == 0, again.stderr
    assert set(found) < set(records(database))
    assert max(trial for _, trial in records(database)) >= 4


def test_a_schedule_that_was_found_runs_in_a_pipeline(host: "Host", model: Path, database: Path) -> None:
    assert host("profile", "--model", model, "--db", "p.sqlite", "--tune", 4).returncode == 0
    connection = sqlite3.connect(database)
    with connection:  # whatever the trial in the network said, every layer takes what it can
        found = connection.execute("SELECT digest, variant FROM tuning_records").fetchall()
        for digest, variant in found:
            connection.execute(
                "UPDATE profiles SET schedule = replace(schedule, ?, ?) WHERE schedule NOT LIKE '%tuned%'"
                " AND candidates_json LIKE ?",
                (variant, f"tuned-{digest}-{variant}", f"%{digest}%"),
            )
    connection.close()
    answer = host("plan", "--model", model, "--db", "p.sqlite", "--deploy", "--frames", 20)
    assert answer.returncode == 0, answer.stderr
