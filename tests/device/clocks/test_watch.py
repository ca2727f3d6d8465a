"""What makes a measurement void, and that it is made again."""

from collections.abc import Callable
from pathlib import Path

import pytest

from device.clocks.watch import PAUSES_S, ClockWatch, watched
from device.errors import VoidMeasurementError
from device.files import Files
from tests.device.trees import boards
from tests.device.trees.clocks import CPUS, EMC_CAP, policy
from tests.device.trees.power import write

A57 = f"{CPUS}/cpufreq/policy0"
COOLING = "sys/class/thermal/cooling_device0"
ZONE = "sys/class/thermal/thermal_zone0"

Change = Callable[[Path], object]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    boards.tx2(tmp_path, mode=0)
    write(tmp_path, {f"{COOLING}/type": "thermal-cpufreq-0\n", f"{COOLING}/cur_state": "0\n"})
    write(tmp_path, {"sys/class/thermal/cooling_device1/type": "pwm-fan\n"})
    write(tmp_path, {"sys/class/thermal/cooling_device1/cur_state": "0\n"})
    trip = {"trip_point_0_type": "passive\n", "trip_point_0_temp": "95500\n", "temp": "60000\n"}
    return write(tmp_path, {f"{ZONE}/{name}": text for name, text in trip.items()})


def put(path: str, text: str) -> Change:
    return lambda root: (root / path).write_text(f"{text}\n")


CHANGES = [
    (put(f"{A57}/scaling_max_freq", "1113600"), "scaling_max_freq went from 2035200 to 1113600"),
    (put(EMC_CAP, "1331200000"), "emc_iso_cap went from 0 to 1331200000"),
    (put(f"{CPUS}/cpu2/online", "0"), "cpu2/online went from 1 to 0"),
    (put(f"{COOLING}/cur_state", "2"), "cur_state is 2: clocks are slowed down"),
    (put(f"{ZONE}/temp", "96000"), "thermal_zone0 reached 96 degrees C"),
]


@pytest.mark.parametrize(("change", "words"), CHANGES)
def test_a_change_makes_the_measurement_void(root: Path, change: Change, words: str) -> None:
    with pytest.raises(VoidMeasurementError, match=words):
        _measure(root, [change] * (1 + len(PAUSES_S)), put_back=True)


@pytest.mark.parametrize(("change", "words"), CHANGES)
def test_a_measurement_that_a_passing_change_spoiled_is_made_again(
    root: Path, change: Change, words: str
) -> None:
    assert _measure(root, [change, change], put_back=True) == 3


def test_a_mode_that_was_changed_for_good_stays_a_change(root: Path) -> None:
    with pytest.raises(VoidMeasurementError, match="2035200 to 1113600"):
        _measure(root, [put(f"{A57}/scaling_max_freq", "1113600")])


def test_clocks_that_stay_slowed_down_are_not_measured(root: Path) -> None:
    with pytest.raises(VoidMeasurementError, match="slowed down"):
        _measure(root, [put(f"{COOLING}/cur_state", "2")])


def test_what_does_not_concern_the_clocks_does_not_matter(root: Path) -> None:
    changes = [put("sys/class/thermal/cooling_device1/cur_state", "3"), put(f"{ZONE}/temp", "80000")]
    assert _measure(root, changes) == 1


def test_a_held_clock_that_runs_slower_makes_the_measurement_void(tmp_path: Path) -> None:
    policy(tmp_path, [0], steps=(600000, 1200000), lower=1200000)
    with pytest.raises(VoidMeasurementError, match="CPU 0 ran at 600000 kHz instead of 1200000"):
        _measure(tmp_path, [put(f"{A57}/scaling_cur_freq", "600000")])


def test_a_clock_that_may_vary_may_do_so(root: Path) -> None:
    assert _measure(root, [put(f"{A57}/scaling_cur_freq", "345600")]) == 1


def test_a_machine_that_tells_nothing_is_measured(tmp_path: Path) -> None:
    assert _measure(tmp_path, []) == 1


def _measure(root: Path, changes: list[Change], *, put_back: bool = False) -> int:
    """How often it had to be measured; the n-th measurement meets the n-th change, which may pass afterwards."""
    watch = ClockWatch(Files(root), [0, 3])
    before = {path: path.read_text() for path in root.rglob("*") if path.is_file()}
    count = 0

    def measure() -> int:
        nonlocal count
        if count < len(changes):
            changes[count](root)
        count += 1
        return count

    def pause(seconds: float) -> None:
        assert seconds > 0
        if put_back:
            for path, text in before.items():
                path.write_text(text)

    return watched(measure, watch, pause)
