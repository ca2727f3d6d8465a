import os
import pty
import subprocess
import sys

import pytest

from host.cli.progress import ProgressReporter

STEPS = """
from host.cli.progress import ProgressReporter
with ProgressReporter.on_standard_error() as reporter:
    reporter.progress("Build", "[1] of 2 kernels")
    reporter.step("Build", "2 kernels")
    reporter.progress("Measure", "cpux1")
"""


def on_a_terminal(program: str, **environment: str) -> str:
    """Runs a Python program whose standard error is a terminal; returns everything that the terminal got."""
    terminal, end = pty.openpty()
    settings = os.environ | {"TERM": "xterm", "COLUMNS": "60"} | environment
    with subprocess.Popen([sys.executable, "-c", program], stderr=end, env=settings) as process:
        os.close(end)
        seen = b""
        while chunk := _read(terminal):
            seen += chunk
    os.close(terminal)
    assert process.returncode == 0, seen
    return seen.decode()


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 4096)
    except OSError:  # how Linux tells that nobody has the other end open any more
        return b""


class StandInSpinner:
    def __init__(self) -> None:
        self.seen: list[str] = []

    def show(self, text: str) -> None:
        self.seen.append(text)

    def hide(self) -> None:
        self.seen.append("hidden")


def test_elsewhere_than_on_a_terminal_each_step_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    with ProgressReporter.on_standard_error() as reporter:
        reporter.progress("Build", "1 of 27")
        reporter.progress("Build", "2 of 27")
        reporter.step("Build", "27 kernels", 12.44)
        reporter.step("Board", "tx2")
    captured = capsys.readouterr()
    assert not captured.out
    build, board = captured.err.splitlines()
    assert build.startswith("Build    27 kernels")
    assert build.endswith("  12.4 s")
    assert board == "Board    tx2"


def test_the_moving_line_makes_room_for_a_finished_step_and_is_gone_at_the_end() -> None:
    spinner = StandInSpinner()
    with ProgressReporter(spinner) as reporter:
        reporter.progress("Build", "1 of 27")
        reporter.step("Build", "27 kernels")
        reporter.progress("Measure", "cpux1")
    assert spinner.seen == ["Build    1 of 27", "hidden", "Measure  cpux1", "hidden"]


def test_steps_wrap_on_a_narrow_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    reporter = ProgressReporter(StandInSpinner(), width=40)
    reporter.step("Model", "mobilenet   29 layers (27 different), 1.14 GFLOP, 16.9 MB of weights", 3.0)
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) > 1
    assert max(map(len, lines)) <= 40
    assert "16.9 MB of weights 3.0 s" in " ".join(" ".join(lines).split())


def test_warnings_come_with_their_hint(capsys: pytest.CaptureFixture[str]) -> None:
    ProgressReporter().warn("2 layers are unsteady", "stop other programs")
    assert capsys.readouterr().err == "warning: 2 layers are unsteady\nhint: stop other programs\n"


def test_control_characters_from_elsewhere_do_not_reach_the_terminal(
    capsys: pytest.CaptureFixture[str],
) -> None:
    ProgressReporter().step("Board", "tx2\x1b[2J")
    assert "\x1b" not in capsys.readouterr().err


def test_a_terminal_sees_what_is_under_way_and_keeps_only_what_is_done() -> None:
    seen = on_a_terminal(STEPS)
    assert "Build    [1] of 2 kernels" in seen
    assert "Measure  cpux1" in seen
    assert "Build    2 kernels\r\n" in seen
    after_clearing = seen.rpartition("\x1b[2K")[2]
    assert "Measure" not in after_clearing


def test_no_color_is_respected_on_a_terminal() -> None:
    assert "\x1b[3" in on_a_terminal(STEPS)
    assert "\x1b[3" not in on_a_terminal(STEPS, NO_COLOR="1")


def test_a_dumb_terminal_gets_plain_lines() -> None:
    assert on_a_terminal(STEPS, TERM="dumb") == "Build    2 kernels\r\n"
