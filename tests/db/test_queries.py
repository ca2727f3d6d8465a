"""The views answer people's questions in the `sqlite3` shell; the README quotes these four queries."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import db
from db.store import Store

README = Path(db.__file__).parents[1] / "README.md"

FASTEST_PLACEMENT_OF_EACH_LAYER = """
SELECT layer, placement, min(latency_us) AS latency_us
FROM v_layer_latency
WHERE model = 'tinynet' AND board = 'tx2' AND is_newest
GROUP BY position ORDER BY position
"""

WHOLE_NETWORK_ON_SINGLE_PROCESSORS = """
SELECT placement, level, round(latency_us / 1e3, 2) AS latency_ms, round(throughput_fps, 1) AS fps
FROM v_model_totals
WHERE model = 'tinynet' AND board = 'tx2' AND is_complete AND is_newest
ORDER BY latency_us
"""

SPED_UP_BY_THE_MEASURED_CHOICE = """
SELECT layer, placement, schedule,
    round((SELECT value FROM json_each(candidates_json) ORDER BY id LIMIT 1)
        / (SELECT value FROM json_each(candidates_json) WHERE key = schedule), 2) AS speedup
FROM v_layer_latency
WHERE model = 'tinynet' AND board = 'tx2' AND is_newest AND speedup > 1
ORDER BY speedup DESC
"""

PREDICTED_BESIDE_MEASURED = """
SELECT plan_id, model, pipeline, predicted_fps, measured_fps, round(period_error_percent, 1) AS error_percent
FROM v_deployments
ORDER BY deployed_at DESC
"""


@pytest.fixture
def shell(store: Store, path: Path, samples: Any) -> Iterator[sqlite3.Connection]:
    """A plain SQLite connection to a filled database, as another program opens it."""
    samples.fill(store)
    connection = sqlite3.connect(path)
    yield connection
    connection.close()


def test_fastest_placement_of_each_layer(shell: sqlite3.Connection) -> None:
    assert shell.execute(FASTEST_PLACEMENT_OF_EACH_LAYER).fetchall() == [
        ("conv1", "gpu", 40.0),
        ("conv2", "gpu", 50.0),
        ("fc", "a57x2", 200.0),
    ]


def test_whole_network_on_single_processors(shell: sqlite3.Connection) -> None:
    assert shell.execute(WHOLE_NETWORK_ON_SINGLE_PROCESSORS).fetchall() == [
        ("gpu", "1300500000", 0.59, 1694.9),
        ("a57x2", "2035200", 0.9, 1111.1),
    ]


def test_layers_that_the_measured_choice_sped_up(
    store: Store, shell: sqlite3.Connection, samples: Any
) -> None:
    tried = {"direct-1-14-32-pixels": 450.0, "direct-1-7-64-pixels": 310.0, "winograd-4-32": 300.0}
    store.put_profiles([samples.profile("conv2", schedule="winograd-4-32", candidates_us=tried)])

    assert shell.execute(SPED_UP_BY_THE_MEASURED_CHOICE).fetchall() == [
        ("conv2", "a57x2", "winograd-4-32", 1.5)
    ]


@pytest.mark.parametrize(
    "query",
    [
        FASTEST_PLACEMENT_OF_EACH_LAYER,
        WHOLE_NETWORK_ON_SINGLE_PROCESSORS,
        SPED_UP_BY_THE_MEASURED_CHOICE,
        PREDICTED_BESIDE_MEASURED,
    ],
)
def test_readme_quotes_the_query(query: str) -> None:
    quoted = query.strip().replace("'tinynet'", "'mobilenet'").replace("'tx2'", "'local'")

    assert f"{quoted};" in README.read_text(encoding="utf-8")


def test_predicted_beside_measured(shell: sqlite3.Connection) -> None:
    assert shell.execute(PREDICTED_BESIDE_MEASURED).fetchall() == [
        (1, "tinynet", "gpu | a57x2 *2", 10000.0, 9615.4, 4.0)
    ]


def test_stages_stand_predicted_beside_measured(shell: sqlite3.Connection) -> None:
    statement = (
        "SELECT stage, layers, placement, replicas, predicted_us, measured_us, error_percent FROM v_stages"
    )

    assert shell.execute(statement).fetchall() == [
        (1, "conv1 .. conv2", "gpu", 1, 90.0, 91.0, pytest.approx(100 / 90)),
        (2, "fc", "a57x2", 2, 200.0, 208.0, 4.0),
    ]


def test_plan_that_never_ran_has_stages_without_measurement(store: Store, path: Path, samples: Any) -> None:
    store.add_plan(samples.plan())

    with sqlite3.connect(path) as connection:
        rows = connection.execute("SELECT deployment_id, placement, measured_us FROM v_stages").fetchall()
    connection.close()

    assert rows == [(None, "gpux1", None), (None, "a57x2", None)]


def test_samples_open_with_json_functions(shell: sqlite3.Connection) -> None:
    statement = (
        "SELECT s.value FROM v_layer_latency v, json_each(v.samples) s"
        " WHERE v.layer = 'fc' AND v.placement = 'gpu'"
    )

    assert shell.execute(statement).fetchall() == [(99.5,), (100.0,), (100.5,)]


def test_speed_is_operations_over_latency(shell: sqlite3.Connection) -> None:
    statement = "SELECT gflops FROM v_layer_latency WHERE layer = 'conv1' AND placement = 'gpu'"

    assert shell.execute(statement).fetchone() == (pytest.approx(2e6 / 40e-6 / 1e9),)


def test_times_open_with_date_functions(shell: sqlite3.Connection) -> None:
    statement = "SELECT datetime(created_at), julianday(created_at) > julianday('2026-01-01') FROM v_plans"

    assert shell.execute(statement).fetchone() == ("2026-01-01 00:00:02", 1)


def test_schema_explains_itself(shell: sqlite3.Connection) -> None:
    statement = (
        "SELECT name FROM sqlite_master WHERE type IN ('table', 'view') AND sql LIKE '%-- %' ORDER BY name"
    )
    explained = {name for (name,) in shell.execute(statement)}

    assert {
        "profiles",
        "environments",
        "plans",
        "v_layer_latency",
        "v_model_totals",
        "v_deployments",
    } <= explained
