"""A connection to a board's agent."""

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NoReturn

import grpc

from host.errors import BoardBusyError, BoardUnreachableError, InputError, StagelineError
from host.remote.board import BoardDescription
from host.remote.lease import Lease
from protos.stageline.v1 import agent_pb2 as pb
from protos.stageline.v1 import agent_pb2_grpc
from protos.wire import CALL_DEADLINE_S, CHANNEL_OPTIONS, ERROR_KEY, WireError

_log = logging.getLogger(__name__)

_UNREACHABLE = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.CANCELLED)
_ERRORS: dict[str, type[StagelineError]] = {
    "board_busy": BoardBusyError,
    "bad_input": InputError,
    "clocks": InputError,
    "lease_expired": BoardUnreachableError,
    "child_failed": BoardUnreachableError,
}


class BoardClient:
    """Speaks with one agent; every call has a deadline.

    Args:
        address: HOST:PORT.
        credentials: For mutual TLS; None on a loopback connection.
    """

    def __init__(self, address: str, credentials: grpc.ChannelCredentials | None = None) -> None:
        self.address = address
        if credentials is None:
            self._channel = grpc.insecure_channel(address, options=CHANNEL_OPTIONS)
        else:
            self._channel = grpc.secure_channel(address, credentials, options=CHANNEL_OPTIONS)
        self._stub = agent_pb2_grpc.AgentStub(self._channel)

    def close(self) -> None:
        """Closes the connection."""
        self._channel.close()

    def describe(self, settings: Sequence[str] = ()) -> BoardDescription:
        """What the board is.

        Args:
            settings: Fixed clocks to describe as operating points, too, such as `a57=1113600,gpu=1122000000`.

        Raises:
            BoardUnreachableError: No answer came in time.
            InputError: One of the settings is none of this board's, or nobody can set its clocks.
        """
        message = self.call(self._stub.Describe, pb.DescribeRequest(operating_points=settings))
        return BoardDescription.from_message(message)

    @contextmanager
    def lease(self, holder: str) -> Iterator[Lease]:
        """Holds the board for the length of a block.

        Args:
            holder: Who asks, in words that mean something to others who want the board.

        Raises:
            BoardBusyError: Somebody else holds it.
            BoardUnreachableError: No answer came in time.
        """
        granted = self.call(self._stub.AcquireLease, pb.AcquireLeaseRequest(holder=holder))
        lease = Lease(self, self._stub, granted.token, granted.ttl_s)
        try:
            yield lease
        finally:
            lease.release()

    def call(
        self,
        method: Callable[..., Any],
        request: Any,
        *,
        token: str | None = None,
        deadline_s: float = CALL_DEADLINE_S,
    ) -> Any:
        """Makes a call and translates its failure.

        Args:
            method: The stub's method.
            request: A message, or an iterator of messages.
            token: The lease's token, for calls that need it.
            deadline_s: How long to wait at most.
        """
        try:
            return method(request, timeout=deadline_s, metadata=lease_metadata(token))
        except grpc.RpcError as error:
            self.fail(error)

    def fail(self, error: grpc.RpcError) -> NoReturn:
        """Raises what a failed call means for the user."""
        reported = _reported(error)
        if reported is not None:
            kind = _ERRORS.get(reported.code, StagelineError)
            raise kind(f"board at {self.address}: {reported.message}", hint=reported.hint) from error
        status, details = error.code(), error.details()
        if status in _UNREACHABLE:
            if status is grpc.StatusCode.CANCELLED:
                details = "it fell silent"  # only this side cancels, and only then
            raise BoardUnreachableError(
                f"no answer from the board at {self.address}: {details or status.name}",
                hint="is device-agent running there, and is the address right?",
            ) from error
        raise StagelineError(f"the board at {self.address} failed: {details or status.name}") from error


def lease_metadata(token: str | None) -> tuple[tuple[str, str], ...]:
    """The metadata that proves a lease."""
    from protos.wire import LEASE_KEY

    return ((LEASE_KEY, token),) if token else ()


def _reported(error: grpc.RpcError) -> WireError | None:
    trailing: Any = error.trailing_metadata() or ()
    document = dict(trailing).get(ERROR_KEY)
    try:
        return WireError.decode(document) if document else None
    except ValueError:
        _log.debug("an error without a readable document: %r", document)
        return None
