"""Every board's power rails stand in its description, by name and by what they feed, with what they draw now."""

import json
from pathlib import Path

import pytest

from device.inventory import detect_board, read_sensors
from tests.device.trees import boards

TX2_MODULE = {
    "VDD_SYS_GPU": ("gpu", 229),
    "VDD_SYS_SOC": ("soc", 153),
    "VDD_4V0_WIFI": ("other", 0),
    "VDD_IN": ("total", 5324),
    "VDD_SYS_CPU": ("cpu", 1915),
    "VDD_SYS_DDR": ("ddr", 325),
}


def rails(root: Path) -> dict[str, tuple[str, float | None]]:
    board = detect_board(root=root)
    sensors = board.to_document(read_sensors(board, root))["sensors"]
    assert json.loads(json.dumps(sensors)) == sensors
    return {sensor["rail"]: (sensor["role"], sensor["unit_mw"]) for sensor in sensors}


@pytest.mark.parametrize("mode", boards.TX2_ONLINE)
@pytest.mark.parametrize("release", ["28.2.1", "32.7.1"])
@pytest.mark.parametrize("first_device", [0, 1])
def test_a_tx2s_rails_are_the_same_in_every_mode_and_numbering(
    tmp_path: Path, mode: int, release: str, first_device: int
) -> None:
    root = boards.tx2(tmp_path, mode=mode, release=release, has_carrier=False, first_device=first_device)
    assert rails(root) == TX2_MODULE


def test_the_rails_of_a_carrier_board_come_on_top(tmp_path: Path) -> None:
    found = rails(boards.tx2(tmp_path))
    assert found.items() >= TX2_MODULE.items()
    assert {found[name][0] for name in found.keys() - TX2_MODULE.keys()} == {"other"}
    assert len(found) == 12


@pytest.mark.parametrize(
    ("build", "expected"),
    [
        (boards.tx2_nx, {"VDD_IN": "total", "VDD_CPU_GPU": "cpu+gpu", "VDD_SOC": "soc"}),
        (boards.tx1, {"VDD_IN": "total", "VDD_GPU": "gpu", "VDD_CPU": "cpu"}),
        (boards.nano, {"POM_5V_IN": "total", "POM_5V_GPU": "gpu", "POM_5V_CPU": "cpu"}),
        (boards.xavier_nx, {"VDD_IN": "total", "VDD_CPU_GPU_CV": "cpu+gpu", "VDD_SOC": "soc"}),
        (
            boards.agx_xavier,
            {"GPU": "gpu", "CPU": "cpu", "SOC": "soc", "CV": "other", "VDDRQ": "ddr", "SYS5V": "other"},
        ),
        (
            boards.agx_orin,
            {"VDD_GPU_SOC": "gpu+soc", "VDD_CPU_CV": "cpu", "VIN_SYS_5V0": "other", "VDDQ_VDD2_1V8AO": "ddr"},
        ),
        (boards.orin_nano, {"VDD_IN": "total", "VDD_CPU_GPU_CV": "cpu+gpu", "VDD_SOC": "soc"}),
        (boards.raspberry_pi, {}),
    ],
)
def test_rails_have_the_roles_of_their_board(
    tmp_path: Path, build: boards.Build, expected: dict[str, str]
) -> None:
    found = rails(build(tmp_path))
    assert {name: role for name, (role, _) in found.items()} == expected
    assert all(power is not None for _, power in found.values())


@pytest.mark.parametrize("has_power", [True, False])
def test_a_laptop_on_battery_tells_its_total(tmp_path: Path, *, has_power: bool) -> None:
    ((role, power_mw),) = rails(boards.laptop(tmp_path, has_power=has_power)).values()
    assert role == "total"
    assert power_mw == pytest.approx(9500)


def test_counters_of_a_pc_are_rails_and_none_is_there_twice(tmp_path: Path) -> None:
    board = detect_board(root=boards.x86(tmp_path))
    paths = [rail.path for rail in board.rails]
    assert len(paths) == len(set(paths))
    assert "package-0" in " ".join(rail.name for rail in board.rails)
    assert not [path for path in paths if "mmio" in path]


def test_a_rail_that_cannot_be_read_has_no_power(tmp_path: Path) -> None:
    root = boards.nano(tmp_path)
    (root / "sys/bus/i2c/devices/6-0040/iio:device0/in_power1_input").write_text("")
    assert rails(root)["POM_5V_GPU"] == ("gpu", None)
