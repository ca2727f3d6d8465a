"""Threads run where they were put, or there is an error that says which CPU is the trouble."""

import os
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from device.errors import PinningError
from device.threads import pin_to_cpus

USABLE = sorted(os.sched_getaffinity(0))


def in_new_thread(function: Callable[[], Any]) -> Any:
    with ThreadPoolExecutor(max_workers=1) as pool:
        return pool.submit(function).result()


def test_thread_is_bound_and_others_are_left_alone() -> None:
    def pinned() -> set[int]:
        pin_to_cpus(USABLE[-1:])
        return os.sched_getaffinity(0)

    assert in_new_thread(pinned) == {USABLE[-1]}
    assert sorted(os.sched_getaffinity(0)) == USABLE


@pytest.mark.parametrize("cpus", [[], [USABLE[0], USABLE[0]]])
def test_cpus_must_be_some_and_different(cpus: list[int]) -> None:
    with pytest.raises(PinningError, match="one or more different CPUs"):
        pin_to_cpus(cpus)


@pytest.mark.parametrize("cpu", [100_000, -1])
def test_cpu_that_does_not_exist_is_named_and_the_thread_stays_free(cpu: int) -> None:
    def pinned() -> set[int]:
        with pytest.raises(PinningError, match=f"cannot bind a thread to CPU {cpu}"):
            pin_to_cpus([USABLE[0], cpu])
        return os.sched_getaffinity(0)

    assert in_new_thread(pinned) == set(USABLE)


@pytest.mark.skipif(len(USABLE) < 2, reason="needs two CPUs")
def test_tvm_workers_get_the_other_cpus() -> None:
    """In a process of its own: other tests' pools would blur the picture."""
    script = f"""
import os, threading, tvm
from device.threads import pin_to_cpus
before = set(os.listdir("/proc/self/task"))
def pinned():
    pin_to_cpus({USABLE[:2]})
    new = set(os.listdir("/proc/self/task")) - before
    print(sorted(sorted(os.sched_getaffinity(int(task))) for task in new))
thread = threading.Thread(target=pinned)
thread.start()
thread.join()
"""
    environment = {**os.environ, "TVM_USE_RUNTIME_LIB": "1"}
    result = subprocess.run(
        [sys.executable, "-c", script],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert result.stdout.strip() == str([[USABLE[0]], [USABLE[1]]])
