"""Networks are measured and planned at several settings of a board's clocks, which are as they were afterwards."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from db.store import Store
from device.clocks.client import ClocksClient
from device.errors import ClocksError
from tests.device.clocks.board import wait_for
from tests.device.trees.clocks import policy

if TYPE_CHECKING:
    from tests.e2e.conftest import Agent, Host, StartAgent

STEPS_KHZ = (1000000, 2000000)
FAST_SENSOR = "synthetic:10"


BOARD = """
name = "one"
[[processors]]
name = "cpu"
cpus = [{cpu}]
mcpu = "generic"
"""
"""One core only: every number of cores is measured at every level."""


class FixtureBoard:
    """A core of this machine as a board whose clocks are files in a folder."""

    def __init__(self, folder: Path, start_agent: "StartAgent") -> None:
        cpu = min(os.sched_getaffinity(0))
        self.root = policy(folder / "root", (cpu,), steps=STEPS_KHZ, tells_current=False)
        self._clock = self.root / f"sys/devices/system/cpu/cpufreq/policy{cpu}"
        (folder / "board.toml").write_text(BOARD.format(cpu=cpu))
        self.socket = folder / "clocks.sock"
        command = [sys.executable, "-m", "device.agent", "clocks-helper"]
        self.helper = subprocess.Popen([*command, "--socket", str(self.socket), "--root", str(self.root)])
        wait_for(self._listens)
        clocks = ("--clocks-socket", str(self.socket), "--clocks-root", str(self.root))
        self.agent: Agent = start_agent("--board", str(folder / "board.toml"), *clocks)

    def _listens(self) -> bool:
        try:
            ClocksClient(self.socket).close()
        except ClocksError:
            return False
        return True

    def limits(self) -> tuple[int, int]:
        lower, upper = ((self._clock / f"scaling_{end}_freq").read_text() for end in ("min", "max"))
        return int(lower), int(upper)


@pytest.fixture
def board(
    tmp_path: Path, start_agent: "StartAgent", monkeypatch: pytest.MonkeyPatch
) -> Iterator[FixtureBoard]:
    monkeypatch.setenv("STAGELINE_POWER", FAST_SENSOR)
    found = FixtureBoard(tmp_path, start_agent)
    yield found
    found.helper.kill()
    found.helper.wait()


def planned(host: "Host", board: FixtureBoard, model: Path, *options: object) -> tuple[dict[str, Any], str]:
    where = ("--board", board.agent.address, "--db", "p.sqlite")
    answer = host("plan", "--model", model, *where, *options, "--json")
    assert answer.returncode == 0, answer.stderr
    return json.loads(answer.stdout), answer.stderr


def test_every_point_is_measured_once_and_the_clocks_are_brought_back(
    host: "Host", board: FixtureBoard, model: Path, tmp_path: Path
) -> None:
    choice = ("--operating-points", "all", "--objective", "energy", "--max-stages", 1)
    plan, said = planned(host, board, model, *choice)
    assert board.limits() == (STEPS_KHZ[0], STEPS_KHZ[-1])
    names = ["present", "cpu=2000000", "cpu=1000000"]
    assert plan["operating_point"] in names
    assert plan["objective"] == "energy"
    assert plan["energy_uj_per_frame"] > 0
    with Store.open(tmp_path / "p.sqlite", create=False) as store:
        rows = store.profiles()
        idle = store.idle_powers(store.boards()[0].fingerprint)
    assert {(row.level, row.operating_point) for row in rows} == {
        ("2000000", "present"),  # and at cpu=2000000, since equal levels mean equal clocks
        ("1000000", "cpu=1000000"),
    }
    assert set(idle) == set(names)
    _, said = planned(host, board, model, *choice)
    assert "nothing: all" in said


def test_a_plan_runs_at_the_point_that_it_was_made_for(
    host: "Host", board: FixtureBoard, model: Path
) -> None:
    wanted = "cpu=900000"
    plan, _ = planned(host, board, model, "--operating-points", wanted, "--max-stages", 1, "-o", "plan.json")
    assert plan["operating_point"] == "cpu=1000000"
    answer = host(
        "deploy", "plan.json", "--board", board.agent.address, "--db", "p.sqlite", "--frames", 20, "--json"
    )
    assert answer.returncode == 0, answer.stderr
    assert json.loads(answer.stdout)["measured"]["frames"] == 20
    assert board.limits() == (STEPS_KHZ[0], STEPS_KHZ[-1])


def test_without_a_helper_the_present_point_works_and_others_are_refused_with_advice(
    host: "Host", board: FixtureBoard, model: Path
) -> None:
    board.helper.kill()
    board.helper.wait()
    where = ("--board", board.agent.address, "--db", "p.sqlite")
    for choice in ("cpu=1000000", "MAXQ"):
        answer = host("plan", "--model", model, *where, "--operating-points", choice)
        assert answer.returncode == 3
        assert "stageline-clocks.service" in answer.stderr
    plan, _ = planned(host, board, model, "--operating-points", "all", "--max-stages", 1)
    assert plan["operating_point"] == "present"
