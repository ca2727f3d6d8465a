"""TVM's RPC client with the deadlines that it lacks."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from host.errors import InputError, StagelineError
from host.remote.tunnel import Tunnel

if TYPE_CHECKING:
    from tvm.rpc import RPCSession

UPLOAD_DEADLINE_S = 300.0


class TvmSession:
    """A TVM RPC session whose every exchange ends in time.

    TVM's client waits for ever for an answer. Here the connection is cut when a deadline passes, which makes the
    call under way fail. Remote functions are kept until the session ends: giving one back is an exchange of its own
    that TVM 0.27 does not come back from.

    Args:
        session: The connected session.
        tunnel: What it is connected through.
    """

    def __init__(self, session: "RPCSession", tunnel: Tunnel) -> None:
        self._session = session
        self._tunnel = tunnel
        self._functions: dict[str, Any] = {}

    def upload(self, data: bytes, name: str) -> None:
        """Writes a file into the session's folder on the board."""
        with deadline(self._tunnel, UPLOAD_DEADLINE_S, f"the upload of {name}"):
            self._session.upload(bytearray(data), name)

    def call(self, function: str, *arguments: str | float, deadline_s: float) -> Any:
        """Calls a function that is registered on the board.

        Args:
            function: Its global name.
            arguments: Texts and numbers; nothing else crosses TVM's RPC.
            deadline_s: How long it may take.
        """
        with deadline(self._tunnel, deadline_s, function):
            if function not in self._functions:
                self._functions[function] = self._session.get_function(function)
            return self._functions[function](*arguments)

    def ask(self, function: str, *arguments: str | float, deadline_s: float) -> dict[str, Any]:
        """Calls one of the board's functions that answer with JSON.

        Args:
            function: Its global name.
            arguments: Texts and numbers.
            deadline_s: How long it may take.

        Raises:
            InputError: The board says that it cannot use what it was given.
            StagelineError: It failed there.
        """
        answer: dict[str, Any] = json.loads(self.call(function, *arguments, deadline_s=deadline_s))
        if error := answer.get("error"):
            kind = InputError if error["code"] == "bad_input" else StagelineError
            raise kind(f"measuring failed on the board: {error['message']}", hint=error["hint"])
        return answer


@contextmanager
def deadline(tunnel: Tunnel, seconds: float, what: str) -> Iterator[None]:
    """Cuts a tunnel when the block takes longer, which makes the exchange under way fail.

    Args:
        tunnel: What TVM's client is connected through.
        seconds: How long the block may take.
        what: What it does, in words.
    """
    late = TimeoutError(f"{what} did not end within {seconds:.0f} s, though the agent answers")
    timer = threading.Timer(seconds, tunnel.fail, (late,))
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
