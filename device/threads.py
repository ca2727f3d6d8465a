"""Binding the calling thread and its TVM thread pool to CPUs, one thread a CPU."""

import os
import threading
from collections.abc import Sequence
from pathlib import Path

from device.errors import PinningError

_MODE_SPECIFY_THREAD_SHARE_ALL_CORE = -2
_TASKS = Path("/proc/self/task")


def pin_to_cpus(cpus: Sequence[int]) -> None:
    """Binds the calling thread to the first CPU and one worker of its TVM thread pool to each of the others.

    TVM's pool belongs to the thread that calls it, and its own binding leaves the caller on the whole set, hence the
    second step. Verified by reading the kernel's view of every thread back.

    Args:
        cpus: CPU ids, one for each thread.

    Raises:
        PinningError: A CPU is offline or not allowed to this process, or the kernel reports another binding.
    """
    import tvm_ffi
    from tvm import runtime as _registers_functions  # noqa: F401

    wanted = sorted(cpus)
    allowed = os.sched_getaffinity(0)
    _set_affinity(0, wanted, allowed)
    before = _bindings()
    configure = tvm_ffi.get_global_func("runtime.config_threadpool")
    configure(_MODE_SPECIFY_THREAD_SHARE_ALL_CORE, len(wanted), [str(cpu) for cpu in wanted])
    caller = threading.get_native_id()
    workers = sorted(task for task in _bindings().keys() - before.keys() if task != caller)
    for worker, cpu in zip(workers, wanted[1:], strict=False):
        _set_affinity(worker, [cpu], allowed)
    _set_affinity(0, wanted[:1], allowed)
    _verify(caller, workers, wanted)


def _set_affinity(task: int, cpus: Sequence[int], allowed: set[int]) -> None:
    try:
        os.sched_setaffinity(task, cpus)
    except (OSError, ValueError) as error:
        raise PinningError(
            f"cannot bind a thread to CPU {', '.join(map(str, cpus))}: {error}",
            hint=f"this process may use CPU {', '.join(map(str, sorted(allowed)))}",
        ) from error


def _verify(caller: int, workers: Sequence[int], wanted: Sequence[int]) -> None:
    bindings = _bindings()
    expected = {caller: str(wanted[0])} | {
        worker: str(cpu) for worker, cpu in zip(workers, wanted[1:], strict=False)
    }
    for task, cpu in expected.items():
        if bindings.get(task, cpu) != cpu:
            raise PinningError(f"thread {task} was bound to CPU {cpu} and runs on CPU {bindings[task]}")


def _bindings() -> dict[int, str]:
    """For each thread of this process the CPUs that it may use, as the kernel lists them."""
    found = {}
    for status in _TASKS.glob("*/status"):
        try:
            lines = status.read_text().splitlines()
        except OSError:
            continue  # the thread ended in between
        listed = next(line for line in lines if line.startswith("Cpus_allowed_list:"))
        found[int(status.parent.name)] = listed.split()[1]
    return found
