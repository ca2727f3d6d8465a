"""A network that is measured in seconds, and once for all tests that do not ask how it is measured."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

START_DEADLINE_S = 30.0


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three convolutions with a skip connection over the second, on images of 8x8."""
    random = np.random.default_rng(5)
    nodes, weights = [], []

    def convolution(source: str, target: str, channels: int) -> None:
        kernel = random.standard_normal((4, channels, 3, 3)).astype("float32")
        weights.append(numpy_helper.from_array(kernel, f"{target}.weight"))
        nodes.append(
            helper.make_node("Conv", [source, f"{target}.weight"], [f"{target}.conv"], pads=[1, 1, 1, 1])
        )
        nodes.append(helper.make_node("Relu", [f"{target}.conv"], [target]))

    convolution("image", "first", 3)
    convolution("first", "second", 4)
    nodes.append(helper.make_node("Add", ["first", "second"], ["sum"]))
    convolution("sum", "features", 4)
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 3, 8, 8])],
        [helper.make_tensor_value_info("features", TensorProto.FLOAT, [1, 4, 8, 8])],
        weights,
    )
    path = tmp_path_factory.mktemp("model") / "tiny.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=10), path)
    return path


@pytest.fixture(scope="session")
def profiled(model: Path, cache_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database that holds every profile of the network on this machine."""
    folder = tmp_path_factory.mktemp("profiled")
    homes = {"XDG_CACHE_HOME": cache_home, "XDG_DATA_HOME": folder, "XDG_CONFIG_HOME": folder}
    answer = subprocess.run(
        [sys.executable, "-m", "host.cli", "profile", "--model", model, "--db", folder / "p.sqlite"],
        capture_output=True,
        text=True,
        env=os.environ | {name: str(path) for name, path in homes.items()},
        timeout=120,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    assert answer.returncode == 0, answer.stderr
    return folder / "p.sqlite"


@pytest.fixture
def database(profiled: Path, tmp_path: Path) -> Path:
    """A copy of it for one test, where the commands of `host` find it as `p.sqlite`."""
    return Path(shutil.copy(profiled, tmp_path))


Host = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def host(tmp_path: Path) -> Host:
    """Runs the command line in a process of its own."""

    def run(*arguments: object) -> "subprocess.CompletedProcess[str]":
        command = [sys.executable, "-m", "host.cli", *map(str, arguments)]
        return subprocess.run(
            command,
            capture_output=True,
            text=True,
            cwd=tmp_path,
            timeout=120,
            check=False,
            stdin=subprocess.DEVNULL,
        )

    return run


class Agent:
    """A `device-agent` in a process of its own."""

    def __init__(self, folder: Path, *options: str) -> None:
        port_file = folder / "agent-address"
        command = [
            sys.executable,
            "-m",
            "device.agent",
            "--listen",
            "127.0.0.1:0",
            "--port-file",
            str(port_file),
        ]
        self.process = subprocess.Popen(
            [*command, *options],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        wait_until(port_file.exists)
        self.address = port_file.read_text()

    @property
    def resident_bytes(self) -> int:
        """Memory of the process that is in RAM."""
        pages = int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")

    def close(self) -> None:
        """Ends it, frozen or not."""
        self.process.kill()
        self.process.wait()


StartAgent = Callable[..., Agent]


@pytest.fixture
def start_agent(tmp_path: Path) -> Iterator[StartAgent]:
    """Starts agents that end with the test."""
    running: list[Agent] = []

    def start(*options: str) -> Agent:
        running.append(Agent(tmp_path, *options))
        return running[-1]

    yield start
    for agent in running:
        agent.close()


@pytest.fixture
def agent(start_agent: StartAgent) -> Agent:
    """A running agent that stands for a remote board."""
    return start_agent("--name", "board")


Wait = Callable[..., None]


@pytest.fixture
def wait() -> Wait:
    """Polls until something holds."""
    return wait_until


def wait_until(condition: Callable[[], Any], deadline_s: float = START_DEADLINE_S) -> None:
    """Polls until something holds."""
    end = time.monotonic() + deadline_s
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(f"it did not come within {deadline_s} s")
        time.sleep(0.02)
