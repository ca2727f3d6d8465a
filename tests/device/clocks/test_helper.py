"""The helper as a process of its own: whoever ends, and however, the board is as it was found."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from device.clocks.client import ClocksClient
from device.clocks.fixed import Fixed
from device.errors import ClocksError
from tests.device.clocks.board import PROJECT, WITHIN_S, HelpedBoard, wait_for

_HOLD = """
import pathlib, sys, time
from device.clocks.client import ClocksClient
client = ClocksClient(pathlib.Path(sys.argv[1]))
client.set({"mode": sys.argv[2]})
print("set", flush=True)
time.sleep(600)
"""


@pytest.fixture
def board(tmp_path: Path) -> Iterator[HelpedBoard]:
    board = HelpedBoard(tmp_path, mode=0)
    board.start_helper()
    yield board
    board.end()


def test_a_point_lasts_as_long_as_the_connection_that_set_it(board: HelpedBoard) -> None:
    found = board.state()
    client = ClocksClient(board.socket)
    assert client.modes()[:2] == ["MAXN", "MAXQ"]
    client.set({"mode": "MAXQ"})
    assert board.state() != found
    client.close()
    wait_for(lambda: board.state() == found)
    wait_for(lambda: not board.state_file.exists())


def test_restoring_is_done_when_it_is_answered(board: HelpedBoard) -> None:
    found = board.state()
    client = ClocksClient(board.socket)
    client.set({"fixed": Fixed(cpus_khz={0: 345600}, gpu_hz=114750000).to_document()})
    assert board.state() != found
    client.restore()
    assert board.state() == found
    client.close()


def test_when_the_agent_is_killed_the_board_is_as_it_was_found(board: HelpedBoard) -> None:
    found = board.state()
    command = [sys.executable, "-c", _HOLD, str(board.socket), "MAXP_CORE_DENVER"]
    with subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE) as agent:
        assert agent.stdout is not None
        assert agent.stdout.readline() == b"set\n"
        assert board.state() != found
        agent.kill()
    wait_for(lambda: board.state() == found)


def test_when_the_helper_is_killed_its_successor_brings_the_board_back(board: HelpedBoard) -> None:
    found = board.state()
    client = ClocksClient(board.socket)
    client.set({"mode": "MAXQ"})
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
def test_a_helper_that_is_stopped_brings_the_board_back_first(
    board: HelpedBoard, number: signal.Signals
) -> None:
    found = board.state()
    client = ClocksClient(board.socket)
    client.set({"mode": "MAXQ"})
    assert board.helper is not None
    board.helper.send_signal(number)
    board.helper.communicate(timeout=WITHIN_S)
    assert board.helper.returncode == 0
    assert board.state() == found
    assert not board.socket.exists()


def test_one_caller_at_a_time_holds_the_clocks(board: HelpedBoard) -> None:
    first, second = ClocksClient(board.socket), ClocksClient(board.socket)
    first.set({"mode": "MAXQ"})
    with pytest.raises(ClocksError, match="somebody else"):
        second.set({"mode": "MAXN"})
    first.restore()
    second.set({"mode": "MAXQ"})
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
def test_what_the_helper_does_not_know_is_refused_and_it_goes_on(board: HelpedBoard, packet: bytes) -> None:
    found = board.state()
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as caller:
        caller.connect(str(board.socket))
        caller.send(packet)
        assert b'"error"' in caller.recv(65536)
    assert board.state() == found
    client = ClocksClient(board.socket)
    client.set({"mode": "MAXQ"})
    client.close()


def test_the_socket_is_for_its_user_alone_unless_a_group_is_named(board: HelpedBoard) -> None:
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
