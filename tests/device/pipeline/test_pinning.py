"""Every replica works on the CPUs that it was given, or the pipeline does not start."""

import os
import threading
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

from device.errors import PinningError
from device.pipeline import Pipeline

MakePipeline = Callable[..., Pipeline]
MakeFrame = Callable[[int], dict[str, Any]]

LAST_CPU = max(os.sched_getaffinity(0))


def test_stages_run_on_their_cpu(make_pipeline: MakePipeline, frame: MakeFrame) -> None:
    seen: set[frozenset[int]] = set()

    def look(source: Any, target: Any) -> None:
        seen.add(frozenset(os.sched_getaffinity(0)))
        np.copyto(target, source)

    with make_pipeline((2, 1), {0: look, 1: look}, cpus=[LAST_CPU]) as pipeline:
        list(pipeline.run(map(frame, range(4))))
    assert seen == {frozenset({LAST_CPU})}


def test_pipeline_with_an_impossible_cpu_does_not_start(make_pipeline: MakePipeline) -> None:
    pipeline = make_pipeline((2, 1), cpus=[100_000])
    with pytest.raises(PinningError, match="CPU 100000"):
        pipeline.start()
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("stage ")]


def test_replicas_are_bound_one_after_the_other_before_frames_flow(make_pipeline: MakePipeline) -> None:
    bound: list[Sequence[int]] = []
    with make_pipeline((1, 3), cpus=[LAST_CPU], pin=bound.append):
        assert bound == [(LAST_CPU,)] * 4
