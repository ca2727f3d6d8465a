"""Both engines really side by side on this machine, on the tiny network."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from host.remote import connect

if TYPE_CHECKING:
    from tests.e2e.conftest import Host, StartAgent, Wait

MODES = [
    ("onnxruntime", "single-core"),
    ("onnxruntime", "all-cores"),
    ("onnxruntime", "session-per-core"),
    ("stageline", "single-core"),
    ("stageline", "all-cores"),
    ("stageline", "pipeline"),
]


@pytest.mark.usefixtures("database")
def test_all_six_modes_are_measured_in_one_run(host: "Host", model: Path) -> None:
    answer = host(
        "bench", "--model", model, "--against", "onnxruntime", "--seconds", 1, "--db", "p.sqlite", "--json"
    )
    assert answer.returncode == 0, answer.stderr
    document = json.loads(answer.stdout)
    assert [(entry["engine"], entry["mode"]) for entry in document["entries"]] == MODES
    for entry in document["entries"]:
        assert entry["latency_ms"] > 0
        assert entry["throughput_fps"] > 0
        assert len(entry["rounds_latency_ms"]) == document["rounds"] >= 3
    assert all(ratio > 0 for ratio in document["ratios"].values())
    assert document["largest_difference"] < 1e-3
    assert "outputs agree" in answer.stderr


@pytest.mark.usefixtures("database")
def test_without_another_engine_onnx_runtime_is_not_asked(
    host: "Host", model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hide_onnx_runtime(tmp_path, monkeypatch)
    answer = host("bench", "--model", model, "--seconds", 0.5, "--db", "p.sqlite")
    assert answer.returncode == 0, answer.stderr
    assert "Stageline's best throughput" in answer.stdout


@pytest.mark.usefixtures("database")
def test_a_board_without_onnx_runtime_says_what_to_install_before_any_work(
    host: "Host", model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hide_onnx_runtime(tmp_path, monkeypatch)
    answer = host("bench", "--model", model, "--against", "onnxruntime", "--db", "p.sqlite", "--json")
    assert answer.returncode == 2
    assert "pip install 'stageline[bench]'" in json.loads(answer.stdout)["error"]["hint"]
    assert "Measure" not in answer.stderr


LISTENING = """
import runpy, signal
signal.signal(signal.SIGINT, signal.default_int_handler)  # also where a shell runs the tests in the background
runpy.run_module("host.cli", run_name="__main__")
"""


@pytest.mark.usefixtures("database")
def test_ctrl_c_frees_the_board_and_ends_what_ran_there(
    model: Path, tmp_path: Path, start_agent: "StartAgent", wait: "Wait"
) -> None:
    agent = start_agent("--name", "local")
    command = [sys.executable, "-c", LISTENING, "bench", "--model", str(model), "--db", "p.sqlite"]
    process = subprocess.Popen(
        [*command, "--board", agent.address, "--seconds", "600"],
        cwd=tmp_path,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=(tmp_path / "steps").open("w"),
        text=True,
    )
    wait(lambda: (tmp_path / "steps").read_text().count("Deploy") == 3)
    os.kill(process.pid, signal.SIGINT)
    out, _ = process.communicate(timeout=60)
    assert (process.returncode, out) == (130, "")
    assert "nothing is running any more" in (tmp_path / "steps").read_text()
    with connect(agent.address) as client:
        assert client.describe().lease_holder == ""


def hide_onnx_runtime(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Makes processes that are started from now on believe that it is not installed."""
    (folder / "hidden").mkdir()
    text = "raise ImportError('hidden', name='onnxruntime')\n"
    (folder / "hidden" / "onnxruntime.py").write_text(text)
    known = os.environ.get("PYTHONPATH", "")
    monkeypatch.setenv("PYTHONPATH", f"{folder / 'hidden'}{os.pathsep}{known}")
