"""The agent's end of the connection to the helper."""

import json
import socket
from pathlib import Path
from typing import Any

from device.errors import ClocksError

DEFAULT_SOCKET = Path("/run/stageline/clocks.sock")

MOST_BYTES = 1 << 16
"""No message is longer."""

_ANSWER_WITHIN_S = 20.0


class ClocksClient:
    """A connection to the helper; what was set through it lasts as long as it does.

    Args:
        path: The helper's socket.

    Raises:
        ClocksError: No helper listens there, or not to this user.
    """

    def __init__(self, path: Path) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._socket.settimeout(_ANSWER_WITHIN_S)
        try:
            self._socket.connect(str(path))
        except OSError as error:
            self._socket.close()
            raise ClocksError(
                f"clocks cannot be set: no helper answers at {path} ({error.strerror or error})",
                hint="install the systemd unit stageline-clocks.service, as the README says",
            ) from error

    def modes(self) -> list[str]:
        """Names of the modes that can be set."""
        return list(self._ask({"list": {}})["modes"])

    def set(self, wanted: dict[str, Any]) -> None:
        """Sets a point.

        Args:
            wanted: `{"mode": NAME}`, or `{"fixed": FREQUENCIES}` as `Fixed.to_document` gives them.

        Raises:
            ClocksError: It could not be set; everything is as it was found.
        """
        self._ask({"set": wanted})

    def restore(self) -> None:
        """Brings everything back as it was found.

        Raises:
            ClocksError: Not everything could be brought back.
        """
        self._ask({"restore": {}})

    def close(self) -> None:
        """Ends the connection; the helper brings back what was set through it."""
        self._socket.close()

    def _ask(self, request: dict[str, Any]) -> dict[str, Any]:
        try:
            self._socket.send(json.dumps(request).encode())
            packet = self._socket.recv(MOST_BYTES)
        except OSError as error:
            raise ClocksError(f"the helper that sets clocks does not answer: {error}") from error
        if not packet:
            raise ClocksError(
                "the helper that sets clocks has closed the connection",
                hint="is this user in the group that its --allow-group names?",
            )
        answer: dict[str, Any] = json.loads(packet)
        if failure := answer.get("error"):
            raise ClocksError(failure["message"], hint=failure["hint"])
        return answer
