"""Boards are read as they are wired: by chip and by name, whatever the numbers that Linux gave out."""

from collections.abc import Callable
from pathlib import Path

import pytest

from device.files import Files
from device.sensors import Meter, find_rails, read_rails
from device.sensors.ina3221 import hwmon_window_s, window_s
from device.sensors.rails import role_of
from device.sensors.source import find_gauges
from tests.device.trees import power

Build = Callable[[Path], Path]


def meter(root: Path) -> Meter:
    return Meter(tuple(find_gauges(Files(root), sleep=lambda _: None)))


def power_by_name(root: Path) -> dict[str, float | None]:
    return {rail.name: power_mw for rail, power_mw in read_rails(root, sleep=lambda _: None)}


def test_a_jetson_tx2_tells_all_rails_with_their_power(tmp_path: Path) -> None:
    found = power_by_name(power.tx2_rails(tmp_path))
    assert list(found)[:6] == [
        *("VDD_SYS_GPU", "VDD_SYS_SOC", "VDD_4V0_WIFI"),
        *("VDD_IN", "VDD_SYS_CPU", "VDD_SYS_DDR"),
    ]
    assert found["VDD_IN"] == 5324
    assert found["VDD_SYS_GPU"] == 229
    assert found["VDD_SYS_DDR"] == 325
    assert len(found) == 12


def test_another_carrier_board_has_the_modules_rails_only(tmp_path: Path) -> None:
    assert len(find_rails(power.tx2_rails(tmp_path, has_carrier=False))) == 6


@pytest.mark.parametrize("build", [power.tx2_rails, lambda root: power.tx2_rails(root, first_device=1)])
def test_devices_are_found_whatever_their_numbers(tmp_path: Path, build: Build) -> None:
    assert power_by_name(build(tmp_path))["VDD_IN"] == 5324


def test_devices_of_older_releases_have_no_number(tmp_path: Path) -> None:
    assert power_by_name(power.tx2_rails(tmp_path, is_old=True))["VDD_SYS_CPU"] == 1915


def test_the_total_of_a_tx2_is_its_input_alone(tmp_path: Path) -> None:
    tx2 = meter(power.tx2_rails(tmp_path))
    assert [rail.name for rail in tx2.total] == ["VDD_IN"]
    assert tx2.total_mw(tx2.sample()) == 5324


def test_window_and_steps_of_a_tx2_come_from_the_device_tree(tmp_path: Path) -> None:
    tx2 = meter(power.tx2_rails(tmp_path))
    assert tx2.window_s == pytest.approx(0.43008)
    assert tx2.step_mw == pytest.approx(76.6, abs=0.1)


@pytest.mark.parametrize(
    ("build", "total", "total_mw"),
    [
        (power.tx2_nx_rails, ["VDD_IN"], 3987),
        (power.nano_rails, ["POM_5V_IN"], 2048),
        (power.xavier_nx_rails, ["VDD_IN"], 4464),
        (power.agx_xavier_rails, ["GPU", "CPU", "SOC", "CV", "VDDRQ", "SYS5V"], 4577),
        (power.agx_orin_rails, ["VDD_GPU_SOC", "VDD_CPU_CV", "VIN_SYS_5V0"], 7965.6),
        (power.orin_nano_rails, ["VDD_IN"], 5032),
    ],
)
def test_the_total_counts_nothing_twice(
    tmp_path: Path, build: Build, total: list[str], total_mw: float
) -> None:
    board = meter(build(tmp_path))
    assert [rail.name for rail in board.total] == total
    assert board.total_mw(board.sample()) == pytest.approx(total_mw, abs=3)


def test_unconnected_channels_are_left_out(tmp_path: Path) -> None:
    names = [rail.name for rail in find_rails(power.agx_orin_rails(tmp_path))]
    assert names == ["VDD_GPU_SOC", "VDD_CPU_CV", "VIN_SYS_5V0", "VDDQ_VDD2_1V8AO"]


@pytest.mark.parametrize(
    ("name", "role"),
    [
        ("VDD_IN", "total"),
        ("VDD_SYS_CPU", "cpu"),
        ("VDD_CPU", "cpu"),
        ("VDD_CPU_GPU_CV", "cpu+gpu"),
        ("VDD_GPU_SOC", "gpu+soc"),
        ("VDD_5V0_DDR", "ddr"),
        ("VDD_M2_IN", "other"),
        ("VDD_MUX", "other"),
        ("", "other"),
    ],
)
def test_roles_go_by_whole_names(name: str, role: str) -> None:
    assert role_of(name) == role


@pytest.mark.parametrize(
    ("configuration", "seconds"),
    [(0x7727, 0.4224), (0x7C07, 0.43008), (0x7127, 0.0066), (0x1127, 0.0022), (0x0127, None)],
)
def test_windows_come_from_the_configuration_register(configuration: int, seconds: float | None) -> None:
    assert window_s(configuration) == (None if seconds is None else pytest.approx(seconds))


@pytest.mark.parametrize(
    ("interval_ms", "samples", "seconds"), [(7, 1, 0.007), (106, 16, 0.106), (7, 16, 0.112), (0, 1, 0.001)]
)
def test_intervals_that_leave_the_samples_out_are_recognised(
    interval_ms: int, samples: int, seconds: float
) -> None:
    found = hwmon_window_s(interval_ms=interval_ms, samples=samples, channels=3)
    assert found == pytest.approx(seconds)


def test_a_machine_without_sensors_has_no_rails(tmp_path: Path) -> None:
    assert find_rails(tmp_path) == ()
    assert meter(tmp_path).total_mw({}) is None
