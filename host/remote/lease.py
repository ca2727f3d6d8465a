"""The board for one host alone: kept alive by a thread, used for measuring and for running pipelines."""

import hashlib
import json
import logging
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import grpc
import numpy as np
import numpy.typing as npt

from host.errors import BoardUnreachableError, StagelineError
from host.remote.board import OperatingPoint
from host.remote.tunnel import Tunnel
from host.remote.tvm_session import TvmSession, deadline
from protos.stageline.v1 import agent_pb2 as pb
from protos.wire import CALL_DEADLINE_S, CHUNK_BYTES, RENEW_EVERY_S

if TYPE_CHECKING:
    from host.remote.client import BoardClient

_log = logging.getLogger(__name__)

Arrays = Mapping[str, npt.NDArray[Any]]

CONNECT_DEADLINE_S = 60.0
DEPLOY_DEADLINE_S = 600.0
START_DEADLINE_S = 150.0
STOP_DEADLINE_S = 60.0
_CLOCKS_DEADLINE_S = 60.0
STREAM_DEADLINE_S = 24 * 3600.0
_SILENCE_S = 15.0
_RELEASE_DEADLINE_S = 5.0


class Lease:
    """A living lease.

    Args:
        client: The connection that it was granted on.
        stub: The agent's stub.
        token: Its token.
        ttl_s: How long it lives without being renewed.
    """

    def __init__(self, client: "BoardClient", stub: Any, token: str, ttl_s: float) -> None:
        self._client = client
        self._stub = stub
        self._token = token
        self._every_s = min(RENEW_EVERY_S, ttl_s / 4)
        self._silence_s = min(_SILENCE_S, ttl_s / 2)
        self._renewed_at_s = time.monotonic()
        self._ended = threading.Event()
        self._renewal = threading.Thread(target=self._renew, name="lease", daemon=True)
        self._renewal.start()

    def release(self) -> None:
        """Gives the board back; a board that does not answer frees itself."""
        self._ended.set()
        try:
            self._call(self._stub.ReleaseLease, pb.ReleaseLeaseRequest(), deadline_s=_RELEASE_DEADLINE_S)
        except StagelineError as error:
            _log.debug("the lease was not released: %s", error)

    @contextmanager
    def tvm_session(self) -> Iterator[TvmSession]:
        """A TVM RPC session with a private server on the board.

        Raises:
            BoardUnreachableError: The connection was lost.
        """
        import tvm.rpc

        with Tunnel(self._stub, self._token) as tunnel:
            try:
                with deadline(tunnel, CONNECT_DEADLINE_S, "the start of the measuring process"):
                    session = tvm.rpc.connect("127.0.0.1", tunnel.port, key="stageline")
                yield TvmSession(session, tunnel)
            except Exception as error:
                if (reason := tunnel.failure()) is None:
                    raise
                if isinstance(reason, grpc.RpcError):
                    self._client.fail(reason)
                raise BoardUnreachableError(
                    f"the connection to the board at {self._client.address} was lost: {reason}",
                    hint="what was measured is stored; run the command again to continue",
                ) from error

    def set_operating_point(self, name: str) -> OperatingPoint:
        """Sets the board's clocks until the lease ends or another point is set; the board has confirmed it then.

        Raises:
            InputError: It cannot be set.
        """
        request = pb.SetOperatingPointRequest(name=name)
        answer = self._call(self._stub.SetOperatingPoint, request, deadline_s=_CLOCKS_DEADLINE_S)
        return OperatingPoint.from_message(answer)

    def deploy(self, folder: Path) -> None:
        """Copies a bundle to the board.

        Raises:
            InputError: The board refuses it.
            BoardUnreachableError: It could not be sent.
        """
        self._call(self._stub.Deploy, _chunks(folder), deadline_s=DEPLOY_DEADLINE_S)

    def start_pipeline(
        self, *, frames: int = 0, queue_depth: int = 0, drop_on_overload: bool = False
    ) -> None:
        """Starts the deployed pipeline.

        Args:
            frames: How many frames of its own the board shall run and measure; 0 for frames that come by `infer`.
            queue_depth: Frames that may wait between two stages; 0 for the runtime's default.
            drop_on_overload: Drop the oldest waiting frame instead of letting the source wait.
        """
        request = pb.StartPipelineRequest(
            frames=frames, queue_depth=queue_depth, drop_on_overload=drop_on_overload
        )
        self._call(self._stub.StartPipeline, request, deadline_s=START_DEADLINE_S)

    def swap_pipeline(self) -> None:
        """Lets the pipeline that was deployed last take over from the running one, without losing a frame."""
        self._call(self._stub.SwapPipeline, pb.SwapPipelineRequest(), deadline_s=START_DEADLINE_S)

    def stop_pipeline(self) -> dict[str, Any]:
        """Drains and ends the pipeline.

        Returns:
            Its report.
        """
        reply = self._call(self._stub.StopPipeline, pb.StopPipelineRequest(), deadline_s=STOP_DEADLINE_S)
        report: dict[str, Any] = json.loads(reply.report_json)
        return report

    def wait_for_report(
        self,
        progress: Callable[[int], None] = lambda frames: None,
        watch: Callable[[Mapping[str, Any]], None] = lambda metrics: None,
    ) -> dict[str, Any]:
        """Waits for the end of the running pipeline.

        Args:
            progress: Told how many frames have come out.
            watch: Told what the pipeline's counters say.

        Returns:
            The pipeline's report.
        """
        call = self._stub.StreamMetrics(
            pb.StreamMetricsRequest(), timeout=STREAM_DEADLINE_S, metadata=self._metadata
        )
        heard_at_s = time.monotonic()
        with _watched(call, lambda: heard_at_s, self._silence_s):
            try:
                for message in call:
                    heard_at_s = time.monotonic()
                    progress(message.frames)
                    if message.metrics_json and (metrics := json.loads(message.metrics_json)):
                        watch(metrics)
                        heard_at_s = time.monotonic()
                    if message.report_json:
                        report: dict[str, Any] = json.loads(message.report_json)
                        return report
            except grpc.RpcError as error:
                self._client.fail(error)
        raise BoardUnreachableError(f"the board at {self._client.address} ended its report early")

    def infer(self, frames: Iterable[Arrays]) -> Iterator[dict[str, npt.NDArray[Any]]]:
        """Runs frames through the started pipeline.

        Args:
            frames: The model's inputs by name, frame after frame.

        Yields:
            The model's outputs by name, in the frames' order.
        """
        messages = (_frame_message(number, arrays) for number, arrays in enumerate(frames))
        call = self._stub.Infer(messages, timeout=STREAM_DEADLINE_S, metadata=self._metadata)
        with _watched(call, lambda: self._renewed_at_s, self._silence_s):  # a frame may take any time
            try:
                for message in call:
                    yield {array.name: _array(array) for array in message.arrays}
            except grpc.RpcError as error:
                self._client.fail(error)

    @property
    def _metadata(self) -> tuple[tuple[str, str], ...]:
        from host.remote.client import lease_metadata

        return lease_metadata(self._token)

    def _call(self, method: Callable[..., Any], request: Any, *, deadline_s: float = CALL_DEADLINE_S) -> Any:
        return self._client.call(method, request, token=self._token, deadline_s=deadline_s)

    def _renew(self) -> None:
        while not self._ended.wait(self._every_s):
            try:
                self._call(self._stub.RenewLease, pb.RenewLeaseRequest())
                self._renewed_at_s = time.monotonic()
            except StagelineError as error:
                if not self._ended.is_set():
                    _log.debug("the lease was not renewed: %s", error)


@contextmanager
def _watched(call: Any, heard_at_s: Callable[[], float], silence_s: float) -> Iterator[None]:
    """Cancels a stream when the board was heard for the last time longer ago than `silence_s`."""
    done = threading.Event()

    def watch() -> None:
        while not done.wait(min(1.0, silence_s)):
            if time.monotonic() - heard_at_s() > silence_s:
                call.cancel()
                return

    threading.Thread(target=watch, name="watch", daemon=True).start()
    try:
        yield
    finally:
        done.set()
        call.cancel()


def _chunks(folder: Path) -> Iterator[pb.DeployChunk]:
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        name, size = path.relative_to(folder).as_posix(), path.stat().st_size
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
            yield pb.DeployChunk(file=pb.FileHeader(path=name, size_bytes=size, sha256=digest))
            file.seek(0)
            while data := file.read(CHUNK_BYTES):
                yield pb.DeployChunk(data=data)


def _frame_message(number: int, arrays: Arrays) -> pb.Frame:
    return pb.Frame(
        number=number,
        arrays=[
            pb.Array(
                name=name,
                dtype=str(array.dtype),
                shape=array.shape,
                data=np.ascontiguousarray(array).tobytes(),
            )
            for name, array in arrays.items()
        ],
    )


def _array(message: pb.Array) -> npt.NDArray[Any]:
    return np.frombuffer(message.data, np.dtype(message.dtype)).reshape(tuple(message.shape))
