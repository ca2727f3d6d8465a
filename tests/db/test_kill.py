"""Killing a writer loses nothing that was acknowledged, tears nothing and damages nothing.

`STAGELINE_KILLS` sets how often; the default keeps the suite short.
"""

import os
import random
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import db
from db.store import Store

ROOT = Path(db.__file__).parents[1]
KILLS = int(os.environ.get("STAGELINE_KILLS", "6"))
BATCH = 20
LONGEST_RUN = 60

WRITER = """
import runpy, sys
from db.store import Store

path, conftest, run = sys.argv[1:]
samples = runpy.run_path(conftest)["Samples"]()
store = Store.open(path)
for number in range(10_000):
    store.put_profiles([samples.profile(f"{run}/{number}/{index}") for index in range(20)])
    store.put_model(samples.model(layers=tuple(samples.layer(f"{number}-{index}") for index in range(20))))
    plan_id = store.add_plan(samples.plan(model=f"{run}/{number}"))
    store.add_deployment(plan_id, samples.measured())
    print(number, flush=True)
"""


def run_and_kill(path: Path, run: int, acknowledgements: int) -> int:
    """Lets a writer acknowledge so many rounds, then kills it; gives the last one acknowledged."""
    conftest = Path(__file__).with_name("conftest.py")
    command = [sys.executable, "-c", WRITER, str(path), str(conftest), str(run)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        for number in range(acknowledgements):
            assert writer.stdout.readline() == f"{number}\n"
        writer.kill()
        return acknowledgements - 1 + len(writer.stdout.read().split("\n")[:-1])


@pytest.mark.timeout(60 + 5 * KILLS)
def test_killed_writer_loses_and_tears_nothing(path: Path, samples: Any) -> None:
    with Store.open(path) as store:
        store.put_board(samples.board())
    chance = random.Random(0)

    for run in range(KILLS):
        last = run_and_kill(path, run, chance.randint(1, LONGEST_RUN))

        with Store.open(path, create=False) as store:
            assert store.check().is_sound
        profiles, plans, deployed, layers = contents(path, run)
        assert set(profiles) >= set(range(last + 1))
        assert set(profiles.values()) == {BATCH}
        assert plans >= deployed >= set(range(last + 1))
        assert layers == BATCH


def contents(path: Path, run: int) -> tuple[dict[int, int], set[int], set[int], int]:
    """Rows of each batch of profiles; rounds with a whole plan; with a whole deployment; number of layers."""
    connection = sqlite3.connect(path)
    batches: dict[int, int] = {}
    for (layer,) in connection.execute(
        "SELECT layer_hash FROM profiles WHERE layer_hash LIKE ?", (f"hash-{run}/%",)
    ):
        number = int(layer.split("/")[1])
        batches[number] = batches.get(number, 0) + 1
    stages = "SELECT p.model FROM plans p JOIN {0} s ON s.{1} GROUP BY p.id HAVING count(*) = 2"
    planned = connection.execute(stages.format("plan_stages", "plan_id = p.id")).fetchall()
    measured = connection.execute(
        "SELECT p.model FROM plans p JOIN deployments d ON d.plan_id = p.id"
        " JOIN deployment_stages s ON s.deployment_id = d.id GROUP BY d.id HAVING count(*) = 2"
    ).fetchall()
    (layers,) = connection.execute("SELECT count(*) FROM layers").fetchone()
    connection.close()
    return batches, rounds(planned, run), rounds(measured, run), layers


def rounds(names: list[tuple[str]], run: int) -> set[int]:
    """The numbers of the rounds of one run."""
    return {int(name.split("/")[1]) for (name,) in names if name.startswith(f"{run}/")}
