from pathlib import Path

import pytest

from device.idle import IdleTimes

FIRST = """\
cpu  300 0 100 1000 0 0 0 0 0 0
cpu0 100 0 50 500 0 0 0 0 0 0
cpu1 200 0 50 500 0 0 0 0 0 0
intr 12345
"""
SECOND = """\
cpu  400 0 100 1100 0 0 0 0 0 0
cpu0 100 0 50 580 20 0 0 0 0 0
cpu1 300 0 50 500 0 0 0 0 0 0
cpu2 5 0 0 5 0 0 0 0 0 0
intr 12399
"""


def test_shares_are_of_the_time_since_the_last_look(tmp_path: Path) -> None:
    path = tmp_path / "stat"
    path.write_text(FIRST)
    idle = IdleTimes(path)
    path.write_text(SECOND)
    assert idle.shares() == pytest.approx({0: 1.0, 1: 0.0})
    assert idle.shares() == {}


def test_a_system_that_does_not_say_is_no_error(tmp_path: Path) -> None:
    assert IdleTimes(tmp_path / "missing").shares() == {}


def test_this_machine_says() -> None:
    assert IdleTimes().shares() is not None
