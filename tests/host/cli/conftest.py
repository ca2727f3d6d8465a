"""Running the command line in this process or, where the process itself matters, in one of its own."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from host.cli.program import run


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a command printed and its exit code."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        """The JSON document on standard output, which must hold nothing else."""
        return json.loads(self.out)


Cli = Callable[..., Answer]
Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str]) -> Iterator[Cli]:
    """Runs `host ARGUMENTS` in this process."""
    before = signal.getsignal(signal.SIGTERM)

    def call(*arguments: object) -> Answer:
        code = run([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return Answer(code=code, out=captured.out, err=captured.err)

    yield call
    signal.signal(signal.SIGTERM, before)


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts `host ARGUMENTS`, or a Python program, in a process of its own."""
    started: list[subprocess.Popen[str]] = []

    def begin(*arguments: object, program: str | None = None, **options: Any) -> "subprocess.Popen[str]":
        entry = ["-c", program] if program else ["-m", "host.cli"]
        settings = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True} | options
        environment = os.environ | settings.pop("env", {})
        process = subprocess.Popen(
            [sys.executable, *entry, *map(str, arguments)], env=environment, **settings
        )
        started.append(process)
        return process

    yield begin
    for process in started:
        process.kill()
        process.communicate()
