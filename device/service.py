"""The agent's gRPC service: what a host may ask of this board, and who may ask it."""

import functools
import json
import logging
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NoReturn

import grpc
import numpy as np

from device.board_message import board_message, point_message
from device.clocks.control import Clocks
from device.errors import (
    BundleError,
    ChildError,
    ClocksError,
    DeviceError,
    LeaseExpiredError,
    LeaseHeldError,
    PipelineStateError,
)
from device.holding import Holding
from device.inventory import Board
from device.lease import LeaseDesk
from device.messages import Array
from device.pipeline_process import PipelineProcess
from device.tunnel import Tunnel
from protos.stageline.v1 import agent_pb2 as pb
from protos.stageline.v1 import agent_pb2_grpc
from protos.wire import ERROR_KEY, LEASE_KEY, LEASE_TTL_S, WireError

_log = logging.getLogger(__name__)

_STATUS = {
    LeaseHeldError: grpc.StatusCode.RESOURCE_EXHAUSTED,
    LeaseExpiredError: grpc.StatusCode.UNAUTHENTICATED,
    BundleError: grpc.StatusCode.INVALID_ARGUMENT,
    PipelineStateError: grpc.StatusCode.FAILED_PRECONDITION,
    ClocksError: grpc.StatusCode.FAILED_PRECONDITION,
}
_METRICS_EVERY_S = 0.5
_RESULT_POLL_S = 1.0


def _abort(context: grpc.ServicerContext, error: DeviceError) -> NoReturn:
    wire = WireError(code=error.code, message=error.message, hint=error.hint)
    context.set_trailing_metadata(((ERROR_KEY, wire.encode()),))
    context.abort(_STATUS.get(type(error), grpc.StatusCode.ABORTED), error.message)
    raise AssertionError  # abort has raised


def _reports_errors(method: Callable[..., Any]) -> Callable[..., Any]:
    """Turns this package's errors into gRPC statuses that carry code, message and hint."""

    @functools.wraps(method)
    def wrapper(self: "AgentService", request: Any, context: grpc.ServicerContext) -> Any:
        try:
            return method(self, request, context)
        except DeviceError as error:
            _abort(context, error)

    return wrapper


def _streams_errors(method: Callable[..., Iterator[Any]]) -> Callable[..., Iterator[Any]]:
    """The same for methods that answer with a stream."""

    @functools.wraps(method)
    def wrapper(self: "AgentService", request: Any, context: grpc.ServicerContext) -> Iterator[Any]:
        try:
            yield from method(self, request, context)
        except DeviceError as error:
            _abort(context, error)

    return wrapper


class AgentService(agent_pb2_grpc.AgentServicer):
    """Serves one board.

    Args:
        board: What it is.
        clock: Monotonic seconds.
        ttl_s: How long a lease lives without being renewed.
        clocks: Its clocks; None where only the present operating point is offered.
    """

    def __init__(
        self,
        board: Board,
        clock: Callable[[], float] = time.monotonic,
        ttl_s: float = LEASE_TTL_S,
        clocks: Clocks | None = None,
    ) -> None:
        self._board = board
        self._clocks = clocks
        self._clock = clock
        self._desk = LeaseDesk(ttl_s)
        self._lock = threading.Lock()
        self._holding: Holding | None = None

    def sweep(self) -> None:
        """Frees the board from a lease that was not renewed; to be called every second or so."""
        with self._lock:
            expired = self._desk.take_expired(self._clock())
            holding = self._take_holding() if expired else None
        if expired is not None:
            _log.warning("the lease of %s was not renewed; the board is free", expired.holder)
        if holding is not None:
            holding.close()

    def close(self) -> None:
        """Ends whatever the present lease has started."""
        with self._lock:
            holding = self._take_holding()
        if holding is not None:
            holding.close()

    @_reports_errors
    def Describe(self, request: pb.DescribeRequest, context: grpc.ServicerContext) -> pb.Board:
        """What this board is, and who holds it."""
        with self._lock:
            holder = self._desk.holder(self._clock())
        if self._clocks is None:
            return board_message(self._board, self._board.operating_points[:1], holder=holder)
        offered = self._clocks.offered(request.operating_points)
        return board_message(
            self._board, offered.points, holder=holder, notes=offered.notes, settings=offered.settings
        )

    @_reports_errors
    def AcquireLease(self, request: pb.AcquireLeaseRequest, context: grpc.ServicerContext) -> pb.Lease:
        """Gives the board to the caller."""
        self.sweep()
        with self._lock:
            lease = self._desk.acquire(request.holder or "somebody without a name", self._clock())
            left, self._holding = (
                self._holding,
                Holding(self._clocks),
            )  # of a lease that ended since the sweep
        if left is not None:
            left.close()
        _log.info("leased to %s", lease.holder)
        return pb.Lease(token=lease.token, ttl_s=self._desk.ttl_s)

    @_reports_errors
    def RenewLease(self, request: pb.RenewLeaseRequest, context: grpc.ServicerContext) -> pb.Lease:
        """Starts the lease's time anew."""
        token = _token(context)
        with self._lock:
            self._desk.renew(token, self._clock())
        return pb.Lease(token=token, ttl_s=self._desk.ttl_s)

    @_reports_errors
    def ReleaseLease(
        self, request: pb.ReleaseLeaseRequest, context: grpc.ServicerContext
    ) -> pb.ReleaseLeaseReply:
        """Frees the board; everything that the lease started ends."""
        with self._lock:
            self._desk.require(_token(context), self._clock())
            holding = self._take_holding()
        if holding is not None:
            holding.close()
        with self._lock:
            self._desk.release(_token(context), self._clock())
        return pb.ReleaseLeaseReply()

    @_reports_errors
    def SetOperatingPoint(
        self, request: pb.SetOperatingPointRequest, context: grpc.ServicerContext
    ) -> pb.OperatingPoint:
        """Sets the clocks until the lease ends."""
        return point_message(self._require(context).set_clocks(request.name))

    @_streams_errors
    def Tunnel(
        self, request: Iterator[pb.TunnelFrame], context: grpc.ServicerContext
    ) -> Iterator[pb.TunnelFrame]:
        """Joins the caller to a TVM RPC server of its own."""
        holding = self._require(context)
        child = holding.start_rpc_server()
        try:
            tunnel = Tunnel(child.socket)
            tunnel.start_receiving(request)
            yield from tunnel.frames()
            child.wait_for_end()
            raise ChildError(f"the TVM RPC server {child.describe_end()}")
        finally:
            holding.end(child)

    @_reports_errors
    def Deploy(self, request: Iterator[pb.DeployChunk], context: grpc.ServicerContext) -> pb.DeployReply:
        """Receives a bundle."""
        writer = self._require(context).new_bundle()
        for chunk in request:
            if chunk.WhichOneof("part") == "file":
                writer.begin(chunk.file.path, chunk.file.size_bytes, chunk.file.sha256)
            else:
                writer.add(chunk.data)
        writer.finish()
        return pb.DeployReply(files=writer.files, size_bytes=writer.total_bytes)

    @_reports_errors
    def StartPipeline(
        self, request: pb.StartPipelineRequest, context: grpc.ServicerContext
    ) -> pb.StartPipelineReply:
        """Starts the deployed pipeline."""
        self._require(context).start_pipeline(
            frames=request.frames, queue_depth=request.queue_depth, drop_on_overload=request.drop_on_overload
        )
        return pb.StartPipelineReply()

    @_reports_errors
    def SwapPipeline(
        self, request: pb.SwapPipelineRequest, context: grpc.ServicerContext
    ) -> pb.SwapPipelineReply:
        """Lets the pipeline that was deployed last take over."""
        self._require(context).swap_pipeline()
        return pb.SwapPipelineReply()

    @_reports_errors
    def StopPipeline(
        self, request: pb.StopPipelineRequest, context: grpc.ServicerContext
    ) -> pb.StopPipelineReply:
        """Drains and ends the pipeline."""
        report = self._require(context).pipeline.stop()
        return pb.StopPipelineReply(report_json=json.dumps(report))

    @_streams_errors
    def StreamMetrics(
        self, request: pb.StreamMetricsRequest, context: grpc.ServicerContext
    ) -> Iterator[pb.Metrics]:
        """Progress until the pipeline has finished, then its report."""
        pipeline = self._require(context).pipeline
        while not pipeline.wait(_METRICS_EVERY_S):
            yield pb.Metrics(frames=pipeline.frames, metrics_json=json.dumps(pipeline.metrics or {}))
        yield pb.Metrics(frames=pipeline.frames, report_json=json.dumps(pipeline.report()))

    @_streams_errors
    def Infer(self, request: Iterator[pb.Frame], context: grpc.ServicerContext) -> Iterator[pb.Frame]:
        """Runs frames and gives their results in order."""
        pipeline = self._require(context).pipeline
        failures: list[DeviceError] = []
        threading.Thread(
            target=_submit_all, args=(pipeline, request, failures), name="infer", daemon=True
        ).start()
        while context.is_active():
            try:
                message = pipeline.result(_RESULT_POLL_S)
            except TimeoutError:
                if failures:
                    raise failures[0] from None
                continue
            if message is None:
                return
            yield pb.Frame(number=message.fields["number"], arrays=_arrays_message(message.arrays))

    def _require(self, context: grpc.ServicerContext) -> Holding:
        with self._lock:
            self._desk.require(_token(context), self._clock())
            holding = self._holding
        if holding is None:
            raise LeaseExpiredError("the lease on this board has ended", hint="start the command again")
        return holding

    def _take_holding(self) -> Holding | None:
        holding, self._holding = self._holding, None
        return holding


def _token(context: grpc.ServicerContext) -> str:
    return str(dict(context.invocation_metadata()).get(LEASE_KEY, ""))


def _submit_all(pipeline: PipelineProcess, frames: Iterable[pb.Frame], failures: list[DeviceError]) -> None:
    try:
        for frame in frames:
            pipeline.submit(frame.number, {array.name: _array(array) for array in frame.arrays})
        pipeline.end_of_input()
    except DeviceError as error:
        failures.append(error)
    except grpc.RpcError:
        _log.info("the caller of Infer has gone")


def _array(message: pb.Array) -> Array:
    try:
        return np.frombuffer(message.data, np.dtype(message.dtype)).reshape(tuple(message.shape))
    except (TypeError, ValueError) as error:
        raise PipelineStateError(f"the array {message.name!r} of a frame cannot be read: {error}") from error


def _arrays_message(arrays: dict[str, Array] | Any) -> list[pb.Array]:
    return [
        pb.Array(name=name, dtype=str(array.dtype), shape=array.shape, data=array.tobytes())
        for name, array in arrays.items()
    ]
