"""A loopback port that leads, through the agent's gRPC stream, to a TVM RPC server on the board."""

import contextlib
import queue
import socket
import threading
import time
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Any, Self

import grpc

from protos.stageline.v1 import agent_pb2 as pb
from protos.wire import GIVE_UP_S, HEARTBEAT_S, LEASE_KEY

_PIECE_BYTES = 1 << 18
_FRAMES_WAITING = 64


class Tunnel:
    """Listens for the one connection of TVM's client and joins it to the board.

    Args:
        stub: The agent's stub.
        token: The lease's token.
        clock: Monotonic seconds.
    """

    def __init__(self, stub: Any, token: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._stub = stub
        self._token = token
        self._clock = clock
        self._heard_at_s = clock()
        self._outgoing: queue.Queue[bytes | None] = queue.Queue(_FRAMES_WAITING)
        self._failure: Exception | None = None
        self._is_closed = False
        self._lost = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=1)
        self._connection: socket.socket | None = None
        self._call: Any = None

    @property
    def port(self) -> int:
        """The port to connect to."""
        return int(self._listener.getsockname()[1])

    def __enter__(self) -> Self:
        """Opens the stream and waits for the connection in the background."""
        self._call = self._stub.Tunnel(self._frames(), metadata=((LEASE_KEY, self._token),))
        for target in (self._accept, self._receive, self._watch):
            threading.Thread(target=target, name="tunnel", daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Cuts the connection."""
        self._is_closed = True
        self._cut()

    def failure(self) -> Exception | None:
        """Why the connection was cut, if it was."""
        self._lost.wait(HEARTBEAT_S)
        return self._failure

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            self._connection, _ = self._listener.accept()
            while data := self._connection.recv(_PIECE_BYTES):
                self._outgoing.put(data)
        self._outgoing.put(None)

    def _frames(self) -> Iterator[pb.TunnelFrame]:
        while True:
            try:
                data = self._outgoing.get(timeout=HEARTBEAT_S)
            except queue.Empty:
                yield pb.TunnelFrame()
                continue
            if data is None:
                return
            yield pb.TunnelFrame(data=data)

    def _receive(self) -> None:
        try:
            for frame in self._call:
                self._heard_at_s = self._clock()
                if frame.data and self._connection is not None:
                    self._connection.sendall(frame.data)
            self.fail(ConnectionError("the TVM RPC server on the board ended"))
        except (grpc.RpcError, OSError) as error:
            self.fail(error)

    def _watch(self) -> None:
        while not self._lost.wait(HEARTBEAT_S) and not self._is_closed:
            if self._clock() - self._heard_at_s > GIVE_UP_S:
                self.fail(TimeoutError(f"the board was silent for {GIVE_UP_S:.0f} s"))

    def fail(self, error: Exception) -> None:
        """Cuts the connection and remembers why."""
        if not self._is_closed and self._failure is None:
            self._failure = error
        self._lost.set()
        self._cut()

    def _cut(self) -> None:
        if self._call is not None:
            self._call.cancel()
        for end in (self._connection, self._listener):
            if end is not None:
                with contextlib.suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)
                end.close()
