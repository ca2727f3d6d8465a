"""The helper as a process of its own: whoever ends, and however, the board is as it was found."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from device.clocks.client import ClocksClient
from device.clocks.fixed import Fixed
from device.errors import ClocksError
from tests.device.trees import boards
from tests.device.trees.clocks import tx2_clocks
from tests.device.trees.kernel import FakeKernel

PROJECT = Path(__file__).parents[3]
WITHIN_S = 60.0

_HOLD = """
import pathlib, sys, time
from device.clocks.client import ClocksClient
client = ClocksClient(pathlib.Path(sys.argv[1]))
client.set_mode(sys.argv[2])
print("set", flush=True)
time.sleep(600)
"""


class Board:
    """A TX2's files, and the helper that steers them."""

    def __init__(self, folder: Path, mode: int) -> None:
        self.root = boards.tx2(folder / "root", mode=mode)
        tx2_clocks(self.root, mode=mode)
        # Plain files do not vanish with a CPU, as the kernel's do: both clusters are there all the time.
        for cpu in range(6):
            if not (link := self.root / f"sys/devices/system/cpu/cpu{cpu}/cpufreq").is_symlink():
                link.symlink_to(f"../cpufreq/policy{1 if cpu in {1, 2} else 0}")
        self.socket = folder / "clocks.sock"
        self.state_file = folder / "clocks.json"
        self.helper: subprocess.Popen[bytes] | None = None

    def start_helper(self) -> subprocess.Popen[bytes]:
        self.socket.unlink(missing_ok=True)
        command = [sys.executable, "-m", "device.agent", "clocks-helper"]
        command += ["--socket", str(self.socket), "--root", str(self.root)]
        self.helper = subprocess.Popen(command, cwd=PROJECT, stderr=subprocess.PIPE)
        wait_for(self._listens)
        return self.helper

    def _listens(self) -> bool:
        assert self.helper is not None
        assert self.helper.poll() is None, "the helper has ended"
        try:
            ClocksClient(self.socket).close()
        except ClocksError:
            return False
        return True

    def state(self) -> dict[str, str]:
        return FakeKernel(self.root).state()

    def end(self) -> None:
        if self.helper is not None:
            self.helper.kill()
            self.helper.communicate()


@pytest.fixture
def board(tmp_path: Path) -> Iterator[Board]:
    board = Board(tmp_path, mode=0)
    board.start_helper()
    yield board
    board.end()


def wait_for(is_true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WITHIN_S
    while not is_true():
        assert time.monotonic() < deadline, "it did not come true"
        time.sleep(0.01)


def test_a_point_lasts_as_long_as_the_connection_that_set_it(board: Board) -> None:
    found = board.state()
    client = ClocksClient(board.socket)
    assert client.modes()[:2] == ["MAXN", "MAXQ"]
    client.set_mode("MAXQ")
    assert board.state() != found
    client.close()
    wait_for(lambda: board.state() == found)
    wait_for(lambda: not board.state_file.exists())


def test_restoring_is_done_when_it_is_answered(board: Board) -> None:
    found = board.state()
    client = ClocksClient(board.socket)
    client.set_fixed(Fixed(cpus_khz={0: 345600}, gpu_hz=114750000).to_document())
    assert board.state() != found
    client.restore()
    assert board.state() == found
    client.close()


def test_when_the_agent_is_killed_the_board_is_as_it_was_found(board: Board) -> None:
    found = board.state()
    command = [sys.executable, "-c", _HOLD, str(board.socket), "MAXP_CORE_DENVER"]
    with subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE) as agent:
        assert agent.stdout is not None
        assert agent.stdout.readline() == b"set\n"
        assert board.state() != found
        agent.kill()
    wait_for(lambda: board.state() == found)


def test_when_the_helper_is_killed_its_successor_brings_the_board_back(board: Board) -> None:
    found = board.state()
    client = ClocksClient(board.socket)
    client.set_mode("MAXQ")
    assert board.helper is not None
    board.helper.kill()
    board.helper.communicate()
    assert board.state() != found
    with pytest.raises(ClocksError, match="the helper that sets clocks"):
        client.restore()
    board.start_helper()
    assert board.state() == found
    assert not board.state_file.exists()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_helper_that_is_stopped_brings_the_board_back_first(board: Board, number: signal.Signals) -> None:
    found = board.state()
    client = ClocksClient(board.socket)
    client.set_mode("MAXQ")
    assert board.helper is not None
    board.helper.send_signal(number)
    board.helper.communicate(timeout=WITHIN_S)
    assert board.helper.returncode == 0
    assert board.state() == found
    assert not board.socket.exists()


def test_one_caller_at_a_time_holds_the_clocks(board: Board) -> None:
    first, second = ClocksClient(board.socket), ClocksClient(board.socket)
    first.set_mode("MAXQ")
    with pytest.raises(ClocksError, match="somebody else"):
        second.set_mode("MAXN")
    first.restore()
    second.set_mode("MAXQ")
    first.close()
    second.restore()
    second.close()


@pytest.mark.parametrize(
    "packet",
    [
        b"set",
        b"[]",
        b"{}",
        b'{"set": {"mode": "MAXN"}, "restore": {}}',
        b'{"write": {"path": "/etc/passwd"}}',
        b'{"set": {"mode": "/etc/passwd"}}',
        b"[" * 60000,
    ],
)
def test_what_the_helper_does_not_know_is_refused_and_it_goes_on(board: Board, packet: bytes) -> None:
    found = board.state()
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as caller:
        caller.connect(str(board.socket))
        caller.send(packet)
        assert b'"error"' in caller.recv(65536)
    assert board.state() == found
    client = ClocksClient(board.socket)
    client.set_mode("MAXQ")
    client.close()


def test_the_socket_is_for_its_user_alone_unless_a_group_is_named(board: Board) -> None:
    assert board.socket.stat().st_mode & 0o777 == 0o600


def test_a_helper_without_a_state_folder_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    command = [
        sys.executable,
        "-m",
        "device.agent",
        "clocks-helper",
        "--socket",
        str(tmp_path / "file/x.sock"),
    ]
    done = subprocess.run(
        command, cwd=PROJECT, capture_output=True, text=True, timeout=WITHIN_S, check=False, env=os.environ
    )
    assert done.returncode == 2
    assert "clocks.json" in done.stderr or "cannot listen" in done.stderr


def test_without_a_helper_the_client_says_what_is_missing(tmp_path: Path) -> None:
    with pytest.raises(ClocksError, match="no helper answers") as caught:
        ClocksClient(tmp_path / "clocks.sock")
    assert "stageline-clocks.service" in caught.value.hint
