"""A board with a GPU: measured, planned, deployed as stages on CPU and GPU, run; the GPU is an emulated one."""

import json
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import onnx
import pytest

from db.store import Store
from tests.device.cuda.emulated_gpu import build_emulated_gpu
from tests.e2e.onnx_runtime import assert_equal, reference

if TYPE_CHECKING:
    from tests.e2e.conftest import Agent, Host, StartAgent

COMPILER = os.environ.get("CC") or next((name for name in ("cc", "gcc", "clang") if shutil.which(name)), None)

pytestmark = pytest.mark.skipif(
    COMPILER is None or shutil.which("g++") is None, reason="the emulation is compiled by gcc and g++"
)

BOARD = """
name = "one-of-each"
gpu = true
[[processors]]
name = "cpu"
cpus = [{cpu}]
mcpu = "generic"
"""


@pytest.fixture
def agent(tmp_path: Path, start_agent: "StartAgent", monkeypatch: pytest.MonkeyPatch) -> "Agent":
    for name, value in build_emulated_gpu(tmp_path / "gpu", str(COMPILER)).environment.items():
        monkeypatch.setenv(name, value)
    (tmp_path / "board.toml").write_text(BOARD.format(cpu=min(os.sched_getaffinity(0))))
    return start_agent("--board", str(tmp_path / "board.toml"))


def test_a_network_runs_on_cpu_and_gpu(host: "Host", agent: "Agent", model: Path, tmp_path: Path) -> None:
    where = ("--board", agent.address, "--db", "p.sqlite")
    split = ("--use", "cpu", "--use", "gpu", "--max-stages", 2, "--deploy", "--frames", 5, "-o", "plan.json")
    answer = host("plan", "--model", model, *where, *split, "--json")
    assert answer.returncode == 0, answer.stderr
    plan = json.loads(answer.stdout)
    assert sorted(stage["processor"] for stage in plan["stages"]) == ["cpu", "gpu"]
    assert plan["measured"]["frames"] == 5
    with Store.open(tmp_path / "p.sqlite", create=False) as store:
        assert {row.processor for row in store.profiles()} == {"cpu", "gpu"}

    inputs, expected = reference(onnx.load(model), tmp_path)
    np.savez(tmp_path / "inputs.npz", **inputs)
    ran = host("run", "plan.json", *where, "--input", "inputs.npz", "--output", "outputs.npz")
    assert ran.returncode == 0, ran.stderr
    with np.load(tmp_path / "outputs.npz") as outputs:
        assert_equal({name: outputs[name][0] for name in outputs.files}, expected)

    exported = json.loads(host("profiles", "export", "tiny", "--db", "p.sqlite").stdout)
    assert {(row["from"], row["to"]) for row in exported["transfers"]} == {("cpu", "gpu"), ("gpu", "cpu")}
    assert all(row["bytes_per_s"] > 0 for row in exported["transfers"])

    shown = host("profiles", "show", "tiny", "--db", "p.sqlite")
    assert " gpu " in shown.stdout
