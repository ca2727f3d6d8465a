"""Candidates on the board: a crash or a hang of one costs its trial and a new measuring process, nothing else."""

import json
import logging
import sys
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Protocol, Self

import numpy as np

from host.errors import StagelineError

_log = logging.getLogger(__name__)

SAMPLE_S = 0.05
"""How long a candidate is measured."""

SLOWER = 2.0
"""A candidate that takes so many times as long as the kernel to beat is not looked at twice."""

DEADLINE_S = 15.0
"""Every candidate's answer comes within this time; one that runs for ever is given up."""

_PATIENCE = 50
"""Candidates get so many times the latency of the kernel to beat besides."""

_ENDLESS_US = 1e9

_MOST_LOST = 3
"""So many measuring processes lost in a row, each with its first candidate, are the board's fault."""


class Session(Protocol):
    """What a candidate is measured through: a `host.remote.tvm_session.TvmSession`."""

    def upload(self, data: bytes, name: str) -> None:
        """Writes a file into the session's folder on the board."""

    def ask(self, function: str, *arguments: str | float, deadline_s: float) -> dict[str, Any]:
        """Calls one of the board's functions that answer with JSON."""


class Sessions(Protocol):
    """Opens sessions, one after the other: a `host.remote.Lease`."""

    def tvm_session(self) -> AbstractContextManager[Session]:
        """A session with a measuring process of its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """What a kernel took and what it computed.

    Attributes:
        latency_us: Median of its samples.
        checks: Nearly equal for kernels that compute the same.
    """

    latency_us: float
    checks: tuple[float, ...]

    def agrees_with(self, other: "Timing") -> bool:
        """Whether both kernels computed the same."""
        size = float(np.nanmax(np.abs(other.checks), initial=1e-6))
        return bool(np.allclose(self.checks, other.checks, rtol=1e-3, atol=1e-3 * size, equal_nan=True))


class TrialBench:
    """Measures kernels of modules on one placement, in a session that is opened again whenever a kernel breaks it.

    Args:
        sessions: Where sessions come from.
        cpus: Ids of the placement's CPUs.
    """

    def __init__(self, sessions: Sessions, cpus: Sequence[int]) -> None:
        self._sessions = sessions
        self._cpus = tuple(cpus)
        self._stack = ExitStack()
        self._session: Session | None = None
        self._modules: dict[str, bytes] = {}
        self._lost = 0

    def __enter__(self) -> Self:
        """Opens a session when one is needed."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Closes the session."""
        self._stack.close()

    def load(self, module: bytes, name: str) -> None:
        """Takes the module whose kernels are measured next.

        Args:
            module: A shared object for the board.
            name: Of its own: the board may still have the one before open.
        """
        self._modules = {name: module}
        if self._session is not None:
            self._session.upload(module, name)

    def time(self, program: Mapping[str, Any], rival_us: float | None = None) -> Timing | None:
        """Measures one kernel of the loaded module.

        Args:
            program: A `stageline.program/1` document with the kernel's only call.
            rival_us: Latency of the kernel to beat, where it is known.

        Returns:
            None for a kernel that crashed, hung or failed.

        Raises:
            BoardUnreachableError: The board is lost.
        """
        request = {
            "program": program,
            "module": next(iter(self._modules)),
            "cpus": self._cpus,
            "seconds": SAMPLE_S,
            "limit_us": _ENDLESS_US if rival_us is None else SLOWER * rival_us,
        }
        deadline_s = 2 * DEADLINE_S if rival_us is None else DEADLINE_S + _PATIENCE * rival_us / 1e6
        session = self._open()
        try:
            answer = session.ask("stageline.measure.kernel", json.dumps(request), deadline_s=deadline_s)
        except StagelineError as error:
            _log.debug("a candidate failed: %s", error)
            return None
        except Exception as error:  # TVM raises what it likes when its connection breaks
            self._drop(error)
            return None
        self._lost = 0
        return Timing(latency_us=float(np.median(answer["samples_us"])), checks=tuple(answer["checks"]))

    def _open(self) -> Session:
        if self._session is None:
            self._session = self._stack.enter_context(self._sessions.tvm_session())
            for name, module in self._modules.items():
                self._session.upload(module, name)
        return self._session

    def _drop(self, error: Exception) -> None:
        """Ends a broken session; the next candidate gets a new one."""
        self._session = None
        self._lost += 1
        try:
            self._stack.__exit__(*sys.exc_info())
        except Exception as reason:  # the session's own words on how it ended
            if self._lost >= _MOST_LOST:
                raise
            _log.debug("a candidate ended the measuring process: %s", reason)
        else:
            if self._lost >= _MOST_LOST:
                raise error
