"""A lease against an agent in this process: what ends with it, and what the host is told when the board is lost."""

import shlex
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest

from device.inventory import detect_board
from device.service import AgentService
from host.errors import BoardBusyError, BoardUnreachableError, InputError, StagelineError
from host.remote import BoardClient
from protos.stageline.v1 import agent_pb2 as pb
from protos.stageline.v1 import agent_pb2_grpc
from protos.wire import LEASE_KEY, SERVER_OPTIONS

TTL_S = 30.0
DEADLINE_S = 30.0


class Clock:
    """Monotonic seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


Serve = Callable[[AgentService], BoardClient]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Serves a board on a free port and connects to it."""
    ends: list[Callable[[], Any]] = []

    def begin(service: AgentService) -> BoardClient:
        server = grpc.server(ThreadPoolExecutor(8), options=SERVER_OPTIONS)
        agent_pb2_grpc.add_AgentServicer_to_server(service, server)
        client = BoardClient(f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}")
        server.start()
        ends.extend([client.close, service.close, lambda: server.stop(0).wait()])
        return client

    yield begin
    for end in ends:
        end()


@pytest.fixture
def service(clock: Clock) -> AgentService:
    return AgentService(detect_board("board"), clock, TTL_S)


@pytest.fixture
def client(serve: Serve, service: AgentService) -> BoardClient:
    return serve(service)


@pytest.fixture(autouse=True)
def temporary_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where leases keep their folders."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    return folder


def bundle(folder: Path) -> Path:
    folder = folder / "bundle"
    (folder / "stages/0").mkdir(parents=True)
    (folder / "manifest.json").write_text("{}")
    (folder / "stages/0/module.so").write_bytes(bytes(3 << 20))
    return folder


def test_a_second_host_is_told_who_has_the_board(client: BoardClient) -> None:
    with client.lease("alice@desk"):
        assert client.describe().lease_holder == "alice@desk"
        with pytest.raises(BoardBusyError, match="the board is leased to alice@desk") as caught:
            client.lease("bob").__enter__()
    assert caught.value.exit_code == 5
    assert caught.value.hint
    assert client.describe().lease_holder == ""


def test_a_lease_that_nobody_renews_frees_the_board_and_what_it_held(
    client: BoardClient, service: AgentService, clock: Clock, temporary_files: Path
) -> None:
    with client.lease("killed") as lease:
        assert len(list(temporary_files.iterdir())) == 1
        clock.now_s += TTL_S
        service.sweep()
        assert list(temporary_files.iterdir()) == []
        with client.lease("next"):
            assert client.describe().lease_holder == "next"
            with pytest.raises(BoardUnreachableError, match="the lease on this board has ended"):
                lease.start_pipeline()
            lease.release()
            assert client.describe().lease_holder == "next"


def test_nothing_stays_of_a_lease_that_ended_between_two_sweeps(
    serve: Serve, clock: Clock, temporary_files: Path
) -> None:
    class LateService(AgentService):
        """The lease runs out just after the sweep that `AcquireLease` begins with."""

        def sweep(self) -> None:
            super().sweep()
            clock.now_s += TTL_S

    client = serve(LateService(detect_board("board"), clock, TTL_S))
    with client.lease("killed"), client.lease("next"):
        assert client.describe().lease_holder == "next"
        assert len(list(temporary_files.iterdir())) == 1


def test_a_lease_is_renewed_for_as_long_as_the_block_lasts(serve: Serve, clock: Clock) -> None:
    renewed = threading.Semaphore(0)

    class Counting(AgentService):
        def RenewLease(self, request: pb.RenewLeaseRequest, context: grpc.ServicerContext) -> pb.Lease:  # noqa: N802
            clock.now_s += 0.9
            answer: pb.Lease = super().RenewLease(request, context)
            renewed.release()
            return answer

    client = serve(Counting(detect_board("board"), clock, ttl_s=1.0))
    with client.lease("alice"):
        for _ in range(3):
            assert renewed.acquire(timeout=DEADLINE_S)
        assert client.describe().lease_holder == "alice"


@pytest.mark.parametrize("token", ["", "0" * 32])
def test_nothing_but_describing_works_without_the_leases_token(client: BoardClient, token: str) -> None:
    with grpc.insecure_channel(client.address) as channel, client.lease("alice"):
        stub = agent_pb2_grpc.AgentStub(channel)
        metadata = ((LEASE_KEY, token),) if token else ()
        calls: list[Callable[[], Any]] = [
            lambda: stub.RenewLease(pb.RenewLeaseRequest(), metadata=metadata, timeout=DEADLINE_S),
            lambda: stub.ReleaseLease(pb.ReleaseLeaseRequest(), metadata=metadata, timeout=DEADLINE_S),
            lambda: stub.Deploy(iter(()), metadata=metadata, timeout=DEADLINE_S),
            lambda: stub.StartPipeline(pb.StartPipelineRequest(), metadata=metadata, timeout=DEADLINE_S),
            lambda: stub.StopPipeline(pb.StopPipelineRequest(), metadata=metadata, timeout=DEADLINE_S),
            lambda: list(
                stub.StreamMetrics(pb.StreamMetricsRequest(), metadata=metadata, timeout=DEADLINE_S)
            ),
            lambda: list(stub.Tunnel(iter(()), metadata=metadata, timeout=DEADLINE_S)),
            lambda: list(stub.Infer(iter(()), metadata=metadata, timeout=DEADLINE_S)),
        ]
        for call in calls:
            with pytest.raises(grpc.RpcError) as caught:
                call()
            assert caught.value.code() is grpc.StatusCode.UNAUTHENTICATED


def test_a_bundle_arrives_whole_and_replaces_the_one_before(
    client: BoardClient, tmp_path: Path, temporary_files: Path
) -> None:
    source = bundle(tmp_path)
    with client.lease("me") as lease:
        lease.deploy(source)
        (target,) = temporary_files.glob("stageline-lease-*/bundle0")
        assert (target / "stages/0/module.so").read_bytes() == bytes(3 << 20)
        (source / "stages/0/module.so").unlink()
        lease.deploy(source)
        assert [path.name for path in target.rglob("*") if path.is_file()] == ["manifest.json"]


def test_a_damaged_bundle_is_an_input_error_with_the_boards_words(
    client: BoardClient, tmp_path: Path
) -> None:
    with client.lease("me") as lease:
        lease.deploy(bundle(tmp_path))
        with pytest.raises(InputError, match=f"board at {client.address}: "):
            lease.start_pipeline(frames=3)


def test_a_pipeline_that_was_never_deployed_or_started_is_asked_for_in_vain(client: BoardClient) -> None:
    with client.lease("me") as lease:
        with pytest.raises(StagelineError, match="no pipeline was deployed") as caught:
            lease.start_pipeline(frames=1)
        assert caught.value.hint == "deploy one first"
        for ask in (
            lease.stop_pipeline,
            lease.wait_for_report,
            lambda: list(lease.infer([{"x": np.zeros(1)}])),
        ):
            with pytest.raises(StagelineError, match="no pipeline was started"):
                ask()


def test_a_silent_board_ends_the_frames_under_way(serve: Serve, clock: Clock) -> None:
    """The stream of frames has no heartbeat of its own; the lease's renewals stand for one."""
    silent = threading.Event()

    class Silent(AgentService):
        def RenewLease(self, request: pb.RenewLeaseRequest, context: grpc.ServicerContext) -> pb.Lease:  # noqa: N802
            silent.wait(DEADLINE_S)
            raise AssertionError("nobody waits for this")

        def Infer(self, request: Iterator[pb.Frame], context: grpc.ServicerContext) -> Iterator[pb.Frame]:  # noqa: N802
            yield pb.Frame()
            silent.wait(DEADLINE_S)

    client = serve(Silent(detect_board("board"), clock, ttl_s=1.0))
    try:
        with client.lease("me") as lease:
            outputs = lease.infer([{"x": np.zeros(1)}])
            assert next(outputs) == {}
            with pytest.raises(BoardUnreachableError, match=client.address) as caught:
                next(outputs)
            assert not silent.is_set()
            assert caught.value.hint
            silent.set()
    finally:
        silent.set()


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("import time; time.sleep(600)", "the start of the measuring process did not end within"),
        ("raise SystemExit('no TVM here')", "ended with status 1: no TVM here"),
    ],
)
def test_a_measuring_process_that_does_not_start_is_unreachable(
    client: BoardClient, monkeypatch: pytest.MonkeyPatch, code: str, words: str
) -> None:
    monkeypatch.setenv("STAGELINE_PYTHON", shlex.join([sys.executable, "-c", code]))
    monkeypatch.setattr("host.remote.lease.CONNECT_DEADLINE_S", 3.0)
    with (
        client.lease("me") as lease,
        pytest.raises(BoardUnreachableError, match=words),
        lease.tvm_session(),
    ):
        pass


def test_nobody_at_an_address_is_unreachable_with_advice() -> None:
    client = BoardClient("127.0.0.1:1")
    with pytest.raises(BoardUnreachableError, match=r"no answer from the board at 127\.0\.0\.1:1") as caught:
        client.describe()
    assert caught.value.exit_code == 4
    assert "device-agent" in caught.value.hint
    client.close()


def test_a_processor_that_the_board_has_not_is_an_input_error(client: BoardClient) -> None:
    board = client.describe()
    assert board.processor(board.processors[0].name) is board.processors[0]
    with pytest.raises(InputError, match="board board has no processor 'npu'; it has"):
        board.processor("npu")
