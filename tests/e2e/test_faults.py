"""Processes that die, freeze or compete: nothing is lost, the board comes free, and the user is told what to do."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from db.errors import DatabaseError
from db.records import LayerLatency, ProfileStatus
from db.store import Store
from host.errors import BoardBusyError, BoardUnreachableError
from host.remote import BoardClient, Lease, connect

if TYPE_CHECKING:
    from tests.e2e.conftest import Agent, Host, Wait

MIB = 1 << 20


Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def start(model: Path) -> Iterator[Start]:
    """Begins to profile in a process of its own, which ends with the test."""
    running: list[subprocess.Popen[str]] = []

    def begin(database: Path, *options: str) -> "subprocess.Popen[str]":
        command = [sys.executable, "-m", "host.cli", "profile", "--model", str(model), "--db", str(database)]
        process = subprocess.Popen(
            [*command, *options],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        running.append(process)
        return process

    yield begin
    for process in running:
        process.kill()
        process.communicate()


def stored(database: Path) -> set[LayerLatency]:
    """What the database holds; nothing where there is none yet."""
    try:
        with Store.open(database, create=False) as store:
            return set(store.profiles())
    except DatabaseError:
        return set()


def finished(database: Path) -> set[LayerLatency]:
    """What is not measured again."""
    return {row for row in stored(database) if row.status is not ProfileStatus.PARTIAL}


def test_an_idle_agent_is_small(agent: "Agent") -> None:
    assert agent.resident_bytes < 150 * MIB


def test_the_board_has_one_holder_who_is_named_to_others(agent: "Agent") -> None:
    with connect(agent.address) as first, connect(agent.address) as second, first.lease("alice@desk"):
        with pytest.raises(BoardBusyError, match="alice@desk"), second.lease("bob"):
            pass
        assert second.describe().lease_holder == "alice@desk"
    with connect(agent.address) as third, third.lease("bob"):
        pass


def test_a_busy_board_is_exit_code_5(host: "Host", model: Path, agent: "Agent") -> None:
    with connect(agent.address) as client, client.lease("alice@desk"):
        answer = host("profile", "--model", model, "--board", agent.address, "--db", "p.sqlite", "--json")
    assert answer.returncode == 5
    assert "alice@desk" in json.loads(answer.stdout)["error"]["message"]


@pytest.mark.skipif(
    len(os.sched_getaffinity(0)) < 2, reason="one core is one placement: all or nothing is done"
)
def test_a_killed_host_continues_where_it_was(start: Start, tmp_path: Path, wait: "Wait") -> None:
    database = tmp_path / "p.sqlite"
    first = start(database)
    wait(lambda: finished(database))
    first.kill()
    assert first.wait() == -signal.SIGKILL, "it was done before it could be killed"
    before = finished(database)
    second = start(database)
    _, words = second.communicate(timeout=120)
    assert second.returncode == 0, words
    assert before < stored(database) == finished(database)
    assert f"{len(before)} known" in words


@pytest.mark.parametrize(("number", "deadline_s"), [(signal.SIGKILL, 20), (signal.SIGSTOP, 30)])
def test_a_lost_agent_is_exit_code_4_with_advice(
    start: Start, agent: "Agent", tmp_path: Path, wait: "Wait", number: signal.Signals, deadline_s: int
) -> None:
    database = tmp_path / "p.sqlite"
    host = start(database, "--board", agent.address)
    wait(lambda: stored(database))
    agent.process.send_signal(number)
    _, words = host.communicate(timeout=deadline_s)
    assert host.returncode == BoardUnreachableError.exit_code
    assert "hint:" in words
    assert "Traceback" not in words


def test_a_killed_measuring_process_is_reported_and_the_agent_serves_on(agent: "Agent") -> None:
    with connect(agent.address) as client, client.lease("me") as lease:
        with pytest.raises(BoardUnreachableError, match="SIGKILL"):
            call_after(lease, agent, signal.SIGKILL, deadline_s=10)
        with lease.tvm_session() as session:
            assert session.call("stageline.measure.close", deadline_s=10) == "{}"


def test_a_frozen_measuring_process_is_told_apart_from_a_lost_board(agent: "Agent") -> None:
    with (
        connect(agent.address) as client,
        client.lease("me") as lease,
        pytest.raises(BoardUnreachableError, match="though the agent answers"),
    ):
        call_after(lease, agent, signal.SIGSTOP, deadline_s=1)


def call_after(lease: Lease, agent: "Agent", number: signal.Signals, deadline_s: float) -> None:
    """Calls the measuring process, sends it a signal, and calls it again."""
    with lease.tvm_session() as session:
        session.call("stageline.measure.close", deadline_s=10)
        os.kill(only_child(agent.process.pid), number)
        session.call("stageline.measure.close", deadline_s=deadline_s)


def only_child(pid: int) -> int:
    """The one child process of a process; the kernel's list may miss it at a first look (proc(5))."""
    tasks = Path(f"/proc/{pid}/task")
    end = time.monotonic() + 10
    while time.monotonic() < end:
        children = {int(word) for task in tasks.iterdir() for word in (task / "children").read_text().split()}
        if len(children) == 1:
            return children.pop()
    raise AssertionError(f"process {pid} has not one child")


def test_everything_ends_with_its_lease(agent: "Agent", wait: "Wait") -> None:
    with connect(agent.address) as client, client.lease("me") as lease, lease.tvm_session():
        child = only_child(agent.process.pid)
    wait(lambda: not Path(f"/proc/{child}/cwd").exists())


def test_an_agent_of_ones_own_ends_with_its_parent(wait: "Wait") -> None:
    code = (
        "import os, signal\n"
        "from host.remote.embedded import LocalAgent\n"
        "agent = LocalAgent().__enter__()\n"
        "print(agent.address, flush=True)\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    answer = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False
    )
    client = BoardClient(answer.stdout.strip())

    def is_gone() -> bool:
        try:
            client.describe()
        except BoardUnreachableError:
            return True
        return False

    wait(is_gone)
    client.close()


def test_nobody_there_is_answered_at_once_with_exit_code_4(host: "Host", model: Path) -> None:
    begun = time.monotonic()
    answer = host("plan", "--model", model, "--board", "127.0.0.1:1", "--db", "p.sqlite")
    assert answer.returncode == 4
    assert "hint:" in answer.stderr
    assert time.monotonic() - begun < 30
