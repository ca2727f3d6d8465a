"""Threads that compute in Python must not hold up the stages; what was changed for that is put back."""

import sys
from collections.abc import Callable
from typing import Any

import pytest

from device.errors import PinningError
from device.pipeline import Pipeline
from device.pipeline.fairness import SWITCH_INTERVAL_S

MakePipeline = Callable[..., Pipeline]


def test_switch_interval_is_short_while_any_pipeline_runs(make_pipeline: MakePipeline) -> None:
    before = sys.getswitchinterval()
    one, other = make_pipeline(), make_pipeline()
    with one:
        assert sys.getswitchinterval() == pytest.approx(SWITCH_INTERVAL_S)
        other.start()
    assert sys.getswitchinterval() == pytest.approx(SWITCH_INTERVAL_S)
    other.stop()
    other.stop()
    assert sys.getswitchinterval() == pytest.approx(before)


def test_switch_interval_is_put_back_when_the_start_fails(make_pipeline: MakePipeline) -> None:
    def refuse(cpus: Any) -> None:
        raise PinningError("no such CPU")

    before = sys.getswitchinterval()
    pipeline = make_pipeline(cpus=[0], pin=refuse)
    with pytest.raises(PinningError, match="no such CPU"):
        pipeline.start()
    assert sys.getswitchinterval() == pytest.approx(before)
