"""An agent of our own on this machine, for everybody who has named no board."""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from host.errors import BoardUnreachableError

START_TIMEOUT_S = 20.0
_STOP_TIMEOUT_S = 5.0
_POLL_S = 0.01
NAME = "local"


class LocalAgent:
    """Starts `device-agent` as a child process and ends it with the block.

    The agent is started by name: the board's side is not imported here, so this machine is a board like any other.
    """

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="stageline-agent-")
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        """Starts the agent and waits until it serves.

        Raises:
            BoardUnreachableError: It did not start.
        """
        command = [sys.executable, "-m", "device.agent", "--name", NAME, "--listen", "127.0.0.1:0"]
        command += ["--die-with-parent", "--port-file", str(self._port_file)]
        with self._log_file.open("wb") as log:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=os.environ | {"STAGELINE_PARENT": str(os.getpid())},
                start_new_session=True,
            )
        self._wait_until_ready()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Ends the agent."""
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(_STOP_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        self._folder.cleanup()

    @property
    def address(self) -> str:
        """HOST:PORT."""
        return self._port_file.read_text()

    @property
    def _port_file(self) -> Path:
        return Path(self._folder.name) / "address"

    @property
    def _log_file(self) -> Path:
        return Path(self._folder.name) / "agent.log"

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + START_TIMEOUT_S
        while not self._port_file.exists():
            ended = self._process is None or self._process.poll() is not None
            if ended or time.monotonic() > deadline:
                lines = self._log_file.read_text(errors="replace").strip().splitlines()
                reason = lines[-1] if lines else "it said nothing"
                self.__exit__(None, None, None)
                raise BoardUnreachableError(
                    f"the agent on this machine did not start: {reason}", hint="run `host doctor`"
                )
            time.sleep(_POLL_S)
