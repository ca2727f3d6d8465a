"""Binding the calling thread and its TVM workers to CPUs, and making sure that it took effect."""

import os
import sys
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from device.errors import PinningError

_TASKS = Path("/proc/self/task")
_ONE_CORE_PER_THREAD = -2
"""TVM's affinity mode in which worker i runs on the i-th CPU of the list (`threading_backend.h`)."""

_pinning = threading.Lock()


def pin_to_cpus(cpus: Sequence[int]) -> None:
    """Binds the calling thread to the first CPU and its TVM workers to the others, one thread a CPU.

    TVM's pool belongs to the thread that calls kernels; it gets as many workers as there are further CPUs.
    TVM's own binding leaves the caller on the whole set, hence the second step. A process that has not loaded
    TVM has no pool, and only the calling thread is bound.

    Args:
        cpus: CPU ids, all different.

    Raises:
        PinningError: A CPU does not exist or is not allowed, or the kernel's task list says that a thread
            runs elsewhere.
    """
    if not cpus or len(set(cpus)) != len(cpus):
        raise PinningError(f"threads are bound to one or more different CPUs, got {list(cpus)}")
    with _pinning:
        _try_each(cpus)
        before = _affinities()
        has_pool = "tvm" in sys.modules
        if has_pool:
            _configure_pool(cpus)
        os.sched_setaffinity(0, cpus[:1])
        _verify(cpus, before, has_pool=has_pool)


def pinned_thread(cpus: Sequence[int]) -> ThreadPoolExecutor:
    """A thread that works off what is submitted, bound as `pin_to_cpus` says.

    Args:
        cpus: CPU ids, all different.

    Raises:
        PinningError: It could not be bound.
    """
    thread = ThreadPoolExecutor(max_workers=1)
    try:
        thread.submit(pin_to_cpus, cpus).result()
    except BaseException:
        thread.shutdown(wait=False)
        raise
    return thread


def _try_each(cpus: Sequence[int]) -> None:
    """Moves the calling thread once to every CPU: the kernel refuses those that it may not use."""
    usable = sorted(os.sched_getaffinity(0))
    for cpu in cpus:
        try:
            os.sched_setaffinity(0, [cpu])
        except (OSError, ValueError, OverflowError) as error:
            os.sched_setaffinity(0, usable)
            raise PinningError(
                f"cannot bind a thread to CPU {cpu}: {error}",
                hint=f"this process may use CPU {', '.join(map(str, usable))}: plan again for this board",
            ) from error


def _configure_pool(cpus: Sequence[int]) -> None:
    import tvm

    configure = tvm.get_global_func("runtime.config_threadpool")
    configure(_ONE_CORE_PER_THREAD, len(cpus), [str(cpu) for cpu in cpus])


def _affinities() -> dict[int, frozenset[int]]:
    """CPUs of every thread of this process; threads that end meanwhile are left out."""
    found = {}
    for task in _TASKS.iterdir():
        try:
            status = (task / "status").read_text()
        except (FileNotFoundError, ProcessLookupError):
            continue
        allowed = next(line for line in status.splitlines() if line.startswith("Cpus_allowed_list:"))
        found[int(task.name)] = _parse_cpu_list(allowed.partition(":")[2])
    return found


def _parse_cpu_list(text: str) -> frozenset[int]:
    """Reads the kernel's form of CPU sets, such as `0,3-5`."""
    cpus: set[int] = set()
    for part in text.strip().split(","):
        first, _, last = part.partition("-")
        cpus.update(range(int(first), int(last or first) + 1))
    return frozenset(cpus)


def _verify(cpus: Sequence[int], before: dict[int, frozenset[int]], *, has_pool: bool) -> None:
    after = _affinities()
    own = after.pop(threading.get_native_id())
    if own != {cpus[0]}:
        raise PinningError(f"the thread was bound to CPU {cpus[0]} and runs on {sorted(own)}")
    if not has_pool:
        return
    pool = {task: cpus_of for task, cpus_of in after.items() if task not in before} or after
    bound = set(pool.values())
    if missing := [cpu for cpu in cpus[1:] if frozenset({cpu}) not in bound]:
        raise PinningError(
            f"no TVM worker runs on CPU {missing[0]} of {list(cpus)}",
            hint="unset TVM_NUM_THREADS, OMP_NUM_THREADS and TVM_BIND_THREADS",
        )
