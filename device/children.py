"""The agent's child processes: each with a socket of its own, a private folder, and somebody who ends it."""

import contextlib
import ctypes
import os
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

from device.errors import ChildError

_PR_SET_PDEATHSIG = 1
_STOP_TIMEOUT_S = 3.0
_STDERR_LINES = 3


class Child:
    """A process that runs a module of ours and serves one socket.

    Args:
        module: Module to run, such as `device.rpc_child`; its arguments are the socket's descriptor and the folder.
        arguments: Further ones.

    Raises:
        ChildError: The process could not be started.
    """

    def __init__(self, module: str, *arguments: str) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="stageline-"))
        self.socket, theirs = socket.socketpair()
        self._log = (self.folder / "stderr.log").open("wb")
        work = self.folder / "work"
        work.mkdir()
        command = [*interpreter(), "-m", module, str(theirs.fileno()), str(work), *arguments]
        try:
            self._process = subprocess.Popen(
                command,
                pass_fds=(theirs.fileno(),),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=self._log,
                env=os.environ | {"TVM_USE_RUNTIME_LIB": "1", "STAGELINE_PARENT": str(os.getpid())},
                start_new_session=True,
            )
        except OSError as error:
            self._clean()
            raise ChildError(f"cannot start {command[0]}: {error.strerror}") from error
        finally:
            theirs.close()

    @property
    def pid(self) -> int:
        """The process's id."""
        return self._process.pid

    @property
    def is_alive(self) -> bool:
        """Whether the process still runs."""
        return self._process.poll() is None

    def wait_for_end(self) -> None:
        """Waits a moment for the process, whose socket was closed, to be gone."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(_STOP_TIMEOUT_S)

    def describe_end(self) -> str:
        """How the process ended, with the last words that it wrote."""
        code = self._process.poll()
        words = " / ".join(line.strip() for line in self._last_lines() if line.strip())
        if code is None:
            ending = "did not answer"
        elif code < 0:
            ending = f"was killed by {signal.Signals(-code).name}"
        else:
            ending = f"ended with status {code}"
        return f"{ending}: {words}" if words else ending

    def kill(self) -> None:
        """Ends the process and its own children at once and removes its folder."""
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(_STOP_TIMEOUT_S)
        self._clean()

    def _clean(self) -> None:
        self.socket.close()
        self._log.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _last_lines(self) -> list[str]:
        try:
            return (self.folder / "stderr.log").read_text(errors="replace").splitlines()[-_STDERR_LINES:]
        except OSError:
            return []


def interpreter() -> list[str]:
    """How to start Python: `$STAGELINE_PYTHON` where the interpreter needs a wrapper, such as an emulator."""
    configured = os.environ.get("STAGELINE_PYTHON")
    return shlex.split(configured) if configured else [sys.executable]


def die_with_parent() -> None:
    """Asks the kernel to kill this process when the one that started it ends (`prctl(2)`, PR_SET_PDEATHSIG)."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    expected = os.environ.get("STAGELINE_PARENT")
    if expected is not None and os.getppid() != int(expected):
        sys.exit("the agent that started this process is gone")
