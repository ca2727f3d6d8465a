"""Records of searches come back as they went in, the fastest first, each in its own environment."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from db.errors import RecordError
from db.records import TuningRecord
from db.store import Store

NEW_YEAR = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def record(samples: Any) -> TuningRecord:
    found: TuningRecord = samples.tuning_record()
    return found


@pytest.fixture
def known(store: Store, samples: Any) -> Store:
    store.put_board(samples.board())
    return store


def test_records_come_back_the_fastest_first(known: Store, record: TuningRecord) -> None:
    faster = replace(record, trace="[[], []]", latency_us=11.0, trial=2)
    other = replace(record, kernel="kernel-2")
    known.put_tuning_records([record, faster, other])
    fingerprint = record.environment.fingerprint
    assert known.tuning_records_for(fingerprint, ["kernel-1"]) == (faster, record)
    both = known.tuning_records_for(fingerprint, ["kernel-1", "kernel-2"])
    assert both == (faster, record, other)
    assert known.tuning_records_for(fingerprint, ["kernel-3"]) == ()


def test_a_kernel_is_rebuilt_from_a_digest_alone(known: Store, record: TuningRecord) -> None:
    known.put_tuning_records([record])
    assert known.tuning_trace(record.digest) == record.trace
    assert known.tuning_trace("0" * 16) is None


def test_environments_have_records_of_their_own(known: Store, record: TuningRecord, samples: Any) -> None:
    known.put_tuning_records([record])
    assert known.tuning_records_for(samples.environment(tvm="0.28").fingerprint, ["kernel-1"]) == ()


def test_a_schedule_that_is_measured_again_keeps_its_trial(known: Store, record: TuningRecord) -> None:
    known.put_tuning_records([record])
    known.put_tuning_records([replace(record, latency_us=13.0, trial=9)])
    (stored,) = known.tuning_records_for(record.environment.fingerprint, ["kernel-1"])
    assert (stored.latency_us, stored.trial) == (13.0, 1)


def test_digests_tell_apart_what_compiles_to_another_kernel(record: TuningRecord, samples: Any) -> None:
    same = replace(record, latency_us=1.0, trial=7, cores=2)
    others = [
        replace(record, kernel="kernel-2"),
        replace(record, variant="direct-1-14-64-pixels"),
        replace(record, trace="[[], []]"),
        replace(record, environment=samples.environment(kernel_version="2")),
    ]
    assert same.digest == record.digest
    assert len({record.digest, *(other.digest for other in others)}) == 5


@pytest.mark.parametrize(
    "change",
    [
        {"latency_us": 0.0},
        {"latency_us": float("nan")},
        {"trial": 0},
        {"cores": 0},
        {"measured_at": NEW_YEAR.replace(tzinfo=None)},
    ],
)
def test_what_no_measurement_gives_is_refused(record: TuningRecord, change: dict[str, Any]) -> None:
    with pytest.raises(RecordError, match="tuning record"):
        replace(record, **change)
