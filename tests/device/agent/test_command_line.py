"""`device-agent` as a user starts it: says where it serves, refuses what is unsafe, ends when told."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from protos.stageline.v1 import agent_pb2, agent_pb2_grpc

DEADLINE_S = 30.0
LOOPBACK = ("--listen", "127.0.0.1:0")

Start = Callable[..., "subprocess.Popen[str]"]


def command(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "device.agent", *map(str, arguments)]


def agent(*arguments: object) -> "subprocess.CompletedProcess[str]":
    """Runs a command that ends by itself."""
    return subprocess.run(
        command(*arguments),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
        check=False,
    )


@pytest.fixture
def start() -> Iterator[Start]:
    running: list[subprocess.Popen[str]] = []

    def begin(*arguments: object) -> "subprocess.Popen[str]":
        process = subprocess.Popen(
            command(*arguments),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        running.append(process)
        return process

    yield begin
    for process in running:
        process.kill()
        process.communicate()


def address_in(port_file: Path) -> str:
    end = time.monotonic() + DEADLINE_S
    while not port_file.exists():
        assert time.monotonic() < end, "the agent did not say where it serves"
        time.sleep(0.02)
    return port_file.read_text()


@pytest.fixture
def address(start: Start, tmp_path: Path) -> str:
    """Where a running agent serves."""
    start(*LOOPBACK, "--name", "board", "--port-file", tmp_path / "address")
    return address_in(tmp_path / "address")


def test_it_describes_itself_in_words_and_as_json() -> None:
    assert agent("--name", "b", "describe").stdout.startswith("b: ")
    answer = agent("describe", "--name", "b", "--json")
    assert answer.returncode == 0, answer.stderr
    document = json.loads(answer.stdout)
    assert (document["schema"], document["name"]) == ("stageline.board/1", "b")
    cpus = [cpu for processor in document["processors"] for cpu in processor["usable"]]
    assert sorted(cpus) == sorted(os.sched_getaffinity(0))


def test_it_never_loads_the_compiler() -> None:
    program = "import sys, device.agent; print([name for name in ('tvm', 'tvm_ffi') if name in sys.modules])"
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"


def test_the_board_file_may_stand_before_or_behind_the_verb(tmp_path: Path) -> None:
    path = tmp_path / "board.toml"
    cpu = min(os.sched_getaffinity(0))
    path.write_text(f'name = "one"\n[[processors]]\nname = "big"\ncpus = [{cpu}]\nmcpu = "generic"\n')
    for arguments in (("--board", path, "describe", "--json"), ("describe", "--json", "--board", path)):
        assert json.loads(agent(*arguments).stdout)["name"] == "one"


def test_a_bad_board_file_is_one_sentence_and_exit_code_3(tmp_path: Path) -> None:
    answer = agent("--board", tmp_path / "nowhere.toml", *LOOPBACK)
    assert answer.returncode == 3
    assert answer.stderr.startswith("device-agent: cannot read the board file")
    assert answer.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("--listen", "7443"), "--listen takes HOST:PORT, got '7443'"),
        (("--listen", "127.0.0.1:http"), "--listen takes HOST:PORT"),
        (("--listen", "0.0.0.0:0"), "whoever reaches 0.0.0.0:0 could run code here"),
        (("--listen", "[::]:0"), "could run code here"),
        ((*LOOPBACK, "--tls-cert", "cert.pem"), "--tls-cert, --tls-key and --tls-ca belong together"),
        (
            (*LOOPBACK, "--tls-cert", "c.pem", "--tls-key", "k.pem", "--tls-ca", "a.pem"),
            "cannot read k.pem: No such file",
        ),
    ],
)
def test_what_cannot_be_served_safely_is_one_sentence_and_exit_code_2(
    arguments: tuple[str, ...], complaint: str
) -> None:
    answer = agent(*arguments)
    assert answer.returncode == 2
    assert complaint in answer.stderr
    assert "Traceback" not in answer.stderr


def test_a_port_in_use_is_one_sentence(address: str) -> None:
    answer = agent("--listen", address)
    assert answer.returncode == 2
    assert f"cannot listen on {address}" in answer.stderr
    assert "Traceback" not in answer.stderr


def test_it_serves_where_it_says_and_answers_health_checks(address: str) -> None:
    assert re.fullmatch(r"127\.0\.0\.1:[1-9]\d*", address)
    with grpc.insecure_channel(address) as channel:
        board = agent_pb2_grpc.AgentStub(channel).Describe(agent_pb2.DescribeRequest(), timeout=DEADLINE_S)
        for service in ("", "stageline.v1.Agent"):
            request = health_pb2.HealthCheckRequest(service=service)
            reply = health_pb2_grpc.HealthStub(channel).Check(request, timeout=DEADLINE_S)
            assert reply.status == health_pb2.HealthCheckResponse.SERVING
    assert board.name == "board"
    assert board.lease_holder == ""


def test_others_than_this_machine_are_served_when_the_user_insists(start: Start, tmp_path: Path) -> None:
    start("--listen", "0.0.0.0:0", "--insecure", "--port-file", tmp_path / "address")
    port = int(address_in(tmp_path / "address").rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port), timeout=DEADLINE_S):
        pass


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_cleanly(start: Start, tmp_path: Path, number: signal.Signals) -> None:
    process = start(*LOOPBACK, "--port-file", tmp_path / "address")
    address_in(tmp_path / "address")
    process.send_signal(number)
    _, words = process.communicate(timeout=DEADLINE_S)
    assert process.returncode == 0
    assert "Traceback" not in words


def test_power_readings_may_come_from_a_recording(tmp_path: Path) -> None:
    (tmp_path / "power.csv").write_text("time_s,VDD_IN,VDD_SYS_GPU\n0,5000,200\n1,5100,230\n")
    answer = agent("describe", "--json", "--power", f"replay:{tmp_path / 'power.csv'}")
    assert answer.returncode == 0, answer.stderr
    sensors = json.loads(answer.stdout)["sensors"]
    assert [(rail["rail"], rail["role"]) for rail in sensors] == [("VDD_IN", "total"), ("VDD_SYS_GPU", "gpu")]


def test_a_source_of_power_readings_that_is_none_is_refused() -> None:
    answer = agent("describe", "--power", "wall")
    assert answer.returncode == 3
    assert "'wall'" in answer.stderr
