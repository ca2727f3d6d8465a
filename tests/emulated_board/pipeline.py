"""The whole way to a board of another architecture: planned and cross-compiled here, measured, deployed and run there.

Not collected by a plain `pytest`: `make test-board` names this file. The agent runs on an emulated Cortex-A57; its two
cores are declared as two clusters, as a Jetson TX2 has them.
"""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

import device
from host.frontends import resolve
from tests.e2e.conftest import wait_until
from tests.e2e.onnx_runtime import assert_equal, reference
from tests.emulated_board.board import EmulatedBoard, default_folder, prepare

FOLDER = default_folder()  # asked before the tests' own folders take the place of the user's
SOURCES = Path(device.__file__).parents[1]

START_TIMEOUT_S = 60.0
HOST_TIMEOUT_S = 1200.0

DECLARED = """
name = "emulated-tx2"
[[processors]]
name = "a57"
cpus = [{first}]
mcpu = "cortex-a57"
[[processors]]
name = "denver2"
cpus = [{second}]
mcpu = "cortex-a57"
"""

NETWORKS = ("mobilenet", "resnet18")
"""Tested at the same time, and each begins on a core of its own."""

Host = Callable[..., str]


@pytest.fixture(scope="module")
def board() -> EmulatedBoard:
    return prepare(FOLDER)


@pytest.fixture
def address(name: str, board: EmulatedBoard, tmp_path: Path) -> Iterator[str]:
    """Where an agent on the board listens."""
    declared, port_file = tmp_path / "board.toml", tmp_path / "address"
    first = list(NETWORKS).index(name)
    declared.write_text(DECLARED.format(first=first, second=1 - first))
    options = ["--board", str(declared), "--listen", "127.0.0.1:0", "--port-file", str(port_file)]
    with (tmp_path / "agent.log").open("wb") as log:
        agent = board.start(["-m", "device.agent", *options], log, path=[SOURCES])
        try:
            wait_until(lambda: port_file.exists() or agent.poll() is not None, START_TIMEOUT_S)
            assert agent.poll() is None, (tmp_path / "agent.log").read_text()
            yield port_file.read_text()
        finally:
            agent.terminate()
            agent.wait(START_TIMEOUT_S)


@pytest.fixture
def host(board: EmulatedBoard, tmp_path: Path) -> Host:
    """Runs a command line of `host` on this machine; gives its standard output."""

    def run(*arguments: object) -> str:
        result = subprocess.run(
            [sys.executable, "-m", "host.cli", *map(str, arguments)],
            capture_output=True,
            text=True,
            cwd=tmp_path,
            env=os.environ | {"STAGELINE_AARCH64_LINKER": str(board.linker)},
            timeout=HOST_TIMEOUT_S,
            check=False,
            stdin=subprocess.DEVNULL,
        )
        print(result.stderr)
        assert result.returncode == 0, result.stderr
        return result.stdout

    return run


@pytest.mark.timeout(2400)
@pytest.mark.parametrize("name", NETWORKS)
def test_two_stages_on_the_board_compute_what_onnx_runtime_does(
    name: str, address: str, host: Host, tmp_path: Path
) -> None:
    host("boards", "add", "tx2", "--address", address)
    options = ["--no-replicas", "--deploy", "--rounds", 1, "--frames", 3, "-o", "plan.json", "--json"]
    plan = json.loads(host("plan", "--model", name, "--board", "tx2", *options))
    assert {stage["processor"] for stage in plan["stages"]} == {"a57", "denver2"}
    assert plan["measured"]["frames"] > 0

    inputs, expected = reference(resolve(name).build(), tmp_path)
    np.savez(tmp_path / "inputs.npz", **inputs)
    host("run", "plan.json", "--board", "tx2", "--input", "inputs.npz", "--output", "outputs.npz")
    with np.load(tmp_path / "outputs.npz") as outputs:
        assert_equal({name: outputs[name][0] for name in outputs.files}, expected)
