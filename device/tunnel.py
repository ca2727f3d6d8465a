"""Bytes between a gRPC stream and a child's socket, with a heartbeat both ways."""

import socket
import threading
import time
from collections.abc import Callable, Iterator

from protos.stageline.v1 import agent_pb2 as pb
from protos.wire import GIVE_UP_S, HEARTBEAT_S

_PIECE_BYTES = 1 << 18


class Tunnel:
    """Joins a stream of frames to a socket until one of them ends.

    Args:
        connection: The child's socket.
        clock: Monotonic seconds.
    """

    def __init__(self, connection: socket.socket, clock: Callable[[], float] = time.monotonic) -> None:
        self._connection = connection
        self._clock = clock
        self._heard_at_s = clock()

    def start_receiving(self, frames: Iterator[pb.TunnelFrame]) -> None:
        """Writes what comes over the stream to the socket, in a thread of its own."""
        threading.Thread(target=self._receive, args=(frames,), name="tunnel", daemon=True).start()

    def frames(self) -> Iterator[pb.TunnelFrame]:
        """What the socket gives, and an empty frame every second; ends with the socket or with a silent other side."""
        self._connection.settimeout(HEARTBEAT_S)
        while self._clock() - self._heard_at_s < GIVE_UP_S:
            try:
                data = self._connection.recv(_PIECE_BYTES)
            except TimeoutError:
                yield pb.TunnelFrame()
                continue
            except OSError:
                return
            if not data:
                return
            yield pb.TunnelFrame(data=data)

    def _receive(self, frames: Iterator[pb.TunnelFrame]) -> None:
        try:
            for frame in frames:
                self._heard_at_s = self._clock()
                if frame.data:
                    self._send(frame.data)
        except Exception:
            pass
        finally:
            self._heard_at_s = -GIVE_UP_S
            with_shutdown(self._connection)

    def _send(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            try:
                view = view[self._connection.send(view) :]
            except TimeoutError:
                continue


def with_shutdown(connection: socket.socket) -> None:
    """Wakes whoever waits for the socket."""
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        return
