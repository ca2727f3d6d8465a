"""What both sides agree on besides the messages: metadata keys, deadlines, sizes, and how a failure travels."""

import json
from dataclasses import dataclass
from typing import Any, Self

LEASE_KEY = "stageline-lease"
ERROR_KEY = "stageline-error-bin"

LEASE_TTL_S = 30.0
RENEW_EVERY_S = 5.0
HEARTBEAT_S = 1.0
GIVE_UP_S = 5.0
"""A stream on which nothing, not even a heartbeat, came for this time is dead."""

CALL_DEADLINE_S = 10.0
"""For calls that only look something up or change a state."""

CHUNK_BYTES = 1 << 20
MAX_MESSAGE_BYTES = 256 << 20
"""A frame of a camera is far smaller; the default of 4 MB is not enough for several large inputs."""

CHANNEL_OPTIONS: tuple[tuple[str, int], ...] = (
    ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
    ("grpc.max_send_message_length", MAX_MESSAGE_BYTES),
)

SERVER_OPTIONS: tuple[tuple[str, int], ...] = (
    *CHANNEL_OPTIONS,
    ("grpc.so_reuseport", 0),  # otherwise a second agent shares the first one's port without a word
)


@dataclass(frozen=True, slots=True, kw_only=True)
class WireError:
    """A failure on the board on its way to the host.

    Attributes:
        code: One word for programs, such as `board_busy`.
        message: One sentence for people.
        hint: What to do about it; may be empty.
    """

    code: str
    message: str
    hint: str = ""

    def encode(self) -> bytes:
        """The value of the trailing metadata key `ERROR_KEY`."""
        return json.dumps({"code": self.code, "message": self.message, "hint": self.hint}).encode()

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """Restores what `encode` gave.

        Raises:
            ValueError: It is no such document.
        """
        document: Any = json.loads(data)
        try:
            return cls(
                code=str(document["code"]), message=str(document["message"]), hint=str(document["hint"])
            )
        except (KeyError, TypeError) as error:
            raise ValueError(f"not an error document: {document!r}") from error
