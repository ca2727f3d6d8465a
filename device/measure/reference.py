"""ONNX Runtime as a contender, for boards that have it: one thread, all threads, or one session a core.

It gets what is best for it: threads bound to cores of their own, inputs and outputs bound once, all optimisations.
"""

import threading
from collections.abc import Callable, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Any

from device.errors import ReferenceEngineError
from device.measure.turns import Arrays, Stamps, Turn, time_passes, turn_of
from device.threads import pinned_thread

_BEGIN_TIMEOUT_S = 120.0
"""Longer than any network's warm-up: sessions that wait for one that failed give up."""

_ERRORS_ONLY = 3


class ReferenceMode(StrEnum):
    """How ONNX Runtime uses the cores."""

    SINGLE_CORE = "single-core"
    ALL_CORES = "all-cores"
    SESSION_PER_CORE = "session-per-core"


def reference_version() -> str | None:
    """The version of ONNX Runtime on this board; nothing where there is none."""
    try:
        import onnxruntime
    except ImportError:
        return None
    return str(onnxruntime.__version__)


class OnnxRuntime:
    """ONNX Runtime in one of its modes.

    Args:
        model: The ONNX file.
        mode: How it uses the cores.
        cpus: Ids of the CPUs; `single-core` takes the first.
        frame: What to run on.

    Raises:
        ReferenceEngineError: It does not take the model.
        PinningError: A thread could not be bound.
    """

    def __init__(self, model: Path, mode: ReferenceMode, cpus: Sequence[int], frame: Arrays) -> None:
        if mode is ReferenceMode.SINGLE_CORE:
            groups = [tuple(cpus[:1])]
        elif mode is ReferenceMode.ALL_CORES:
            groups = [tuple(cpus)]
        else:
            groups = [(cpu,) for cpu in cpus]
        self._sessions = [_Session(model, group, frame) for group in groups]

    def outputs(self) -> Arrays:
        """What it computes from its frame."""
        return self._sessions[0].outputs()

    def turn(self, seconds: float) -> Turn:
        """Runs all sessions at the same time."""
        together = threading.Barrier(len(self._sessions), timeout=_BEGIN_TIMEOUT_S)
        begun = [session.begin_turn(seconds, together.wait) for session in self._sessions]
        return turn_of([result() for result in begun])


class _Session:
    """One session and the thread that calls it, which is bound to the first of its CPUs."""

    def __init__(self, model: Path, cpus: Sequence[int], frame: Arrays) -> None:
        self._session = _open(model, cpus)
        self._names = [output.name for output in self._session.get_outputs()]
        self._binding = self._session.io_binding()
        for name, array in frame.items():
            self._binding.bind_cpu_input(name, array)
        for name in self._names:
            self._binding.bind_output(name)
        self._worker = pinned_thread(cpus[:1])

    def outputs(self) -> Arrays:
        self._worker.submit(self._run).result()
        return dict(zip(self._names, self._binding.copy_outputs_to_cpu(), strict=True))

    def begin_turn(self, seconds: float, begin: Callable[[], object]) -> Callable[[], Stamps]:
        return self._worker.submit(time_passes, self._run, seconds, begin=begin).result

    def _run(self) -> None:
        self._session.run_with_iobinding(self._binding)


def _open(model: Path, cpus: Sequence[int]) -> Any:
    """A session with a thread on each of the CPUs; the caller's is the first."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = _ERRORS_ONLY
    options.intra_op_num_threads = len(cpus)
    options.inter_op_num_threads = 1
    if len(cpus) > 1:
        others = ";".join(str(cpu + 1) for cpu in cpus[1:])  # it counts processors from 1
        options.add_session_config_entry("session.intra_op_thread_affinities", others)
    try:
        return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # its exceptions have no other base
        raise ReferenceEngineError(f"ONNX Runtime does not take the model: {error}") from error
