"""Processes that die, freeze or compete: nothing is lost, the board comes free, and the user is told what to do."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from db.records import ProfileStatus
from db.store import Store
from host.errors import BoardBusyError, BoardUnreachableError
from host.remote import BoardClient, Lease, connect

if TYPE_CHECKING:
    from tests.e2e.conftest import Agent, Host, Wait

MIB = 1 << 20


def start(model: Path, database: Path, board: str) -> "subprocess.Popen[str]":
    """Begins to profile in a process of its own."""
    command = [sys.executable, "-m", "host.cli", "profile", "--model", str(model), "--db", str(database)]
    return subprocess.Popen(
        [*command, "--board", board],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def stored(database: Path) -> dict[tuple[str, int], ProfileStatus]:
    """What the database holds, by layer and number of cores."""
    if not database.exists():
        return {}
    try:
        with Store.open(database, create=False) as store:
            return {(row.layer, row.cores): row.status for row in store.profiles()}
    except Exception:
        return {}


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


def test_a_killed_host_continues_where_it_was(
    model: Path, agent: "Agent", tmp_path: Path, wait: "Wait"
) -> None:
    database = tmp_path / "p.sqlite"
    first = start(model, database, agent.address)
    wait(lambda: ProfileStatus.STEADY in stored(database).values() or first.poll() is not None)
    first.kill()
    first.communicate()
    with Store.open(database) as store:
        finished = {row for row in store.profiles() if row.status is ProfileStatus.STEADY}
    with connect(agent.address) as client:
        wait(lambda: not client.describe().lease_holder, deadline_s=35)
    second = start(model, database, agent.address)
    assert second.wait(120) == 0, second.communicate()
    with Store.open(database) as store:
        rows = set(store.profiles())
    assert finished <= rows
    assert len(rows) == 3 * len(agent_placements(agent))


def agent_placements(agent: "Agent") -> list[tuple[str, int]]:
    with connect(agent.address) as client:
        board = client.describe()
    return [(processor.name, cores) for processor in board.processors for cores in range(processor.cores)]


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP])
def test_a_lost_agent_is_exit_code_4_with_advice(
    model: Path, agent: "Agent", tmp_path: Path, wait: "Wait", number: signal.Signals
) -> None:
    database = tmp_path / "p.sqlite"
    host = start(model, database, agent.address)
    wait(lambda: stored(database) or host.poll() is not None)
    agent.process.send_signal(number)
    _, words = host.communicate(timeout=60)
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
    """The one child process of a process."""
    tasks = Path(f"/proc/{pid}/task")
    (child,) = {int(word) for task in tasks.iterdir() for word in (task / "children").read_text().split()}
    return child


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
