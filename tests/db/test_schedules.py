"""Profiles remember which schedule won and what the others took, also in databases that are older than that."""

import math
import shutil
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from db.errors import RecordError, VersionMismatchError
from db.records import LayerLatency, ProfileStatus
from db.store import Store

FIRST_SCHEMA = Path(__file__).parent / "data" / "schema_0001.sqlite"
TRIED_US = {"direct-1-14-32-pixels": 450.0, "winograd-4-32": 300.0, "direct-1-7-64-pixels": 330.0}


@pytest.fixture
def first_schema(tmp_path: Path) -> Path:
    """A filled database from before schedules were stored."""
    return Path(shutil.copy(FIRST_SCHEMA, tmp_path / "old.sqlite"))


def listed(store: Store, samples: Any, **changes: Any) -> LayerLatency:
    """A profile as a network's layer, after it went through the database."""
    store.put_board(samples.board())
    store.put_model(samples.model())
    store.put_profiles([samples.profile(**changes)])
    (row,) = store.profiles()
    return row


def query(path: Path, statement: str) -> list[Any]:
    """Asks the database as another program does."""
    connection = sqlite3.connect(path)
    rows = connection.execute(statement).fetchall()
    connection.close()
    return rows


def test_schedule_and_candidates_survive(store: Store, samples: Any) -> None:
    profile = samples.profile(schedule="winograd-4-32", candidates_us=TRIED_US)

    row = listed(store, samples, schedule="winograd-4-32", candidates_us=TRIED_US)

    assert store.profiles_for(profile.environment.fingerprint, ["hash-conv1"]) == (profile,)
    assert (row.schedule, row.candidates_us) == ("winograd-4-32", TRIED_US)


def test_candidates_keep_the_order_of_their_trial(store: Store, samples: Any) -> None:
    row = listed(store, samples, schedule="winograd-4-32", candidates_us=TRIED_US)

    assert list(row.candidates_us) == list(TRIED_US)


def test_what_is_not_known_is_null_in_sql(store: Store, path: Path, samples: Any) -> None:
    row = listed(store, samples)

    assert (row.schedule, row.candidates_us) == ("", {})
    assert query(path, "SELECT schedule, candidates_json FROM v_layer_latency") == [(None, None)]


def test_another_measurement_replaces_schedule_and_candidates(store: Store, samples: Any) -> None:
    listed(store, samples, status=ProfileStatus.PARTIAL, schedule="plain", candidates_us={"plain": 1.0})

    row = listed(store, samples, schedule="winograd-4-32", candidates_us=TRIED_US)

    assert (row.schedule, row.candidates_us) == ("winograd-4-32", TRIED_US)


@pytest.mark.parametrize("latency_us", [-1.0, math.nan, math.inf])
def test_a_time_that_no_schedule_can_take_is_refused(samples: Any, latency_us: float) -> None:
    with pytest.raises(RecordError, match=r"candidates_us\[plain\] is"):
        samples.profile(candidates_us={"plain": latency_us})


def test_runner_up_is_compared_with_the_winner_of_its_own_trial(store: Store, samples: Any) -> None:
    row = listed(store, samples, latency_us=200.0, schedule="winograd-4-32", candidates_us=TRIED_US)

    assert row.runner_up is not None
    assert (row.runner_up.schedule, row.runner_up.latency_us) == ("direct-1-7-64-pixels", 330.0)
    assert row.runner_up.slower_by == pytest.approx(0.1)
    assert len(row.alternatives_us) == 2


def test_runner_up_is_compared_with_the_profile_where_the_trial_left_the_winner_out(
    store: Store, samples: Any
) -> None:
    row = listed(store, samples, latency_us=200.0, schedule="plain", candidates_us=TRIED_US)

    assert row.runner_up is not None
    assert row.runner_up.slower_by == pytest.approx(0.5)


@pytest.mark.parametrize("candidates_us", [{}, {"plain": 100.0}])
def test_layer_without_alternative_has_no_runner_up(
    store: Store, samples: Any, candidates_us: dict[str, float]
) -> None:
    assert listed(store, samples, schedule="plain", candidates_us=candidates_us).runner_up is None


def test_winner_too_short_to_tell_has_no_margin(store: Store, samples: Any) -> None:
    row = listed(store, samples, schedule="plain", candidates_us={"plain": 0.0, "winograd-4-32": 1.0})

    assert row.runner_up is not None
    assert row.runner_up.slower_by is None


def test_listed_profiles_can_be_collected_in_a_set(store: Store, samples: Any) -> None:
    row = listed(store, samples, schedule="winograd-4-32", candidates_us=TRIED_US)

    assert {row, *store.profiles()} == {row}


def test_older_database_names_the_command_that_upgrades_it(first_schema: Path) -> None:
    with pytest.raises(VersionMismatchError, match=f"run `host db upgrade --db {first_schema}`"):
        Store.open(first_schema)

    assert query(first_schema, "SELECT version_num FROM alembic_version") == [("0001",)]


def test_upgrade_of_the_first_schema_keeps_every_row_and_invents_no_schedule(first_schema: Path) -> None:
    known = "SELECT id, layer_hash, latency_us, samples, status, measured_at FROM profiles ORDER BY id"
    before = query(first_schema, known)

    Store.upgrade(first_schema)

    assert before
    assert query(first_schema, known) == before
    assert query(first_schema, "SELECT DISTINCT schedule, candidates_json FROM v_layer_latency") == [
        (None, None)
    ]


def test_upgraded_database_takes_schedules(first_schema: Path, samples: Any) -> None:
    Store.upgrade(first_schema)
    profile = samples.profile(schedule="winograd-4-32", candidates_us=TRIED_US)

    with Store.open(first_schema, create=False) as store:
        store.put_profiles([profile])

        assert store.profiles_for(profile.environment.fingerprint, ["hash-conv1"]) == (profile,)


def test_added_columns_explain_themselves(store: Store, path: Path) -> None:
    ((sql,),) = query(path, "SELECT sql FROM sqlite_master WHERE name = 'profiles'")

    assert "schedule TEXT /* variants" in sql
    assert "candidates_json TEXT /* object" in sql


@pytest.mark.parametrize("slowdown", [None, 1.0, 1.4])
def test_what_work_beside_costs_survives(store: Store, samples: Any, slowdown: float | None) -> None:
    store.put_board(samples.board())
    profile = samples.profile(slowdown=slowdown)
    store.put_profiles([profile])

    assert store.profiles_for(profile.environment.fingerprint, ["hash-conv1"]) == (profile,)
