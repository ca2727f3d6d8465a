"""What a stage is predicted from: the mean of a layer's samples, strays left out."""

from datetime import UTC, datetime

import numpy as np
import pytest

from db.records import Environment, Profile, ProfileStatus
from host.exchange import expected_us


def profile(*samples: float) -> Profile:
    median = float(np.median(samples))
    return Profile(
        layer_hash="h",
        environment=Environment(
            tvm="0", tvm_ffi="0", target={}, board_fingerprint="b", operating_point="o", kernel_version="k"
        ),
        processor="cpu",
        cores=1,
        level="default",
        latency_us=median,
        latency_mad_us=float(np.median(np.abs(np.array(samples) - median))),
        samples_us=samples,
        status=ProfileStatus.STEADY,
        measured_at=datetime.now(UTC),
    )


def test_late_samples_count_and_strays_do_not() -> None:
    assert expected_us(profile(100, 100, 101, 102, 106, 5000)) == pytest.approx(101.8)


def test_samples_that_are_all_alike_are_their_own_mean() -> None:
    assert expected_us(profile(7, 7, 7, 9)) == 7
    assert expected_us(profile(3)) == 3
