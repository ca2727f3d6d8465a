"""Records refuse what no measurement can give; fingerprints tell environments apart."""

import math
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest

from db.errors import DatabaseError, RecordError
from db.records import ModelTotal


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"latency_us": math.nan}, "latency_us is nan"),
        ({"latency_us": -1.0}, "latency_us is -1.0"),
        ({"latency_mad_us": math.inf}, "latency_mad_us is inf"),
        ({"energy_uj": -0.5}, "energy_uj is -0.5"),
        ({"samples_us": (1.0, math.nan)}, r"samples_us\[1\] is nan"),
        ({"samples_us": ()}, "no samples"),
        ({"cores": 0}, "cores is 0"),
        ({"measured_at": datetime(2026, 1, 1)}, "no time zone"),
    ],
)
def test_profile_refuses_impossible_measurement(samples: Any, changes: dict[str, Any], named: str) -> None:
    with pytest.raises(RecordError, match=named):
        samples.profile(**changes)


@pytest.mark.parametrize(
    "changes",
    [
        {"tvm": "0.28.0"},
        {"tvm_ffi": "0.2"},
        {"target": {"kind": "llvm"}},
        {"board_fingerprint": "board-2"},
        {"operating_point": "maxq"},
        {"kernel_version": "generic-2"},
    ],
)
def test_every_part_of_an_environment_changes_its_fingerprint(samples: Any, changes: dict[str, Any]) -> None:
    assert samples.environment(**changes).fingerprint != samples.environment().fingerprint


def test_order_of_target_keys_does_not_change_fingerprint(samples: Any) -> None:
    reordered = samples.environment(target={"mcpu": "cortex-a57", "kind": "llvm"})

    assert reordered.fingerprint == samples.environment().fingerprint


def test_fingerprint_is_the_same_for_ever(samples: Any) -> None:
    # Another value would orphan every profile that was ever stored.
    assert samples.environment().fingerprint.startswith("04ca0ab6dd01a3b0")


def test_model_total_is_complete_when_every_layer_is_measured(samples: Any, store: Any) -> None:
    samples.fill(store)
    total = store.model_totals()[0]

    assert isinstance(total, ModelTotal)
    assert total.is_complete


def test_errors_look_like_the_hosts_own() -> None:
    from host.errors import DatabaseError as HostDatabaseError

    ours, theirs = DatabaseError("failed", hint="retry"), HostDatabaseError("failed", hint="retry")

    assert (ours.code, ours.exit_code, ours.message, ours.hint) == (
        theirs.code,
        theirs.exit_code,
        theirs.message,
        theirs.hint,
    )


def test_records_load_no_sql_library(run_python: Callable[..., str]) -> None:
    code = (
        "import sys, db.records; print([name for name in ('sqlalchemy', 'alembic') if name in sys.modules])"
    )

    assert run_python(code) == "[]"
