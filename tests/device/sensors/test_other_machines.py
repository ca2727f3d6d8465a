"""Counters of PCs, batteries of laptops, graphics cards, recordings and computed rails behind the same interface."""

import ctypes
import json
from pathlib import Path
from typing import Any

import pytest

from device.errors import PowerSourceError
from device.files import Files
from device.sensors import Gauge, Meter, Rail, find_rails, open_gauges
from device.sensors.hwmon import find_hwmon
from device.sensors.nvml import find_nvml
from device.sensors.replay import read_recording, replay
from device.sensors.source import SOURCE_VARIABLE, find_gauges
from device.sensors.synthetic import IDLE_MW, PER_CPU_MW, STEP_MW, SyntheticRail
from tests.device.trees import power


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


def count_up(root: Path, domain: str, energy_uj: int) -> None:
    (root / f"sys/class/powercap/{domain}/energy_uj").write_text(f"{energy_uj}\n")


def test_a_pc_has_its_domains_once(tmp_path: Path) -> None:
    rails = find_rails(power.x86_rails(tmp_path))
    assert [(rail.name, rail.role) for rail in rails] == [
        ("package-0", "cpu"),
        ("core-0", "other"),
        ("dram-0", "ddr"),
        ("package-1", "cpu"),
    ]


def test_a_counter_gives_the_mean_power_since_the_sample_before(tmp_path: Path) -> None:
    clock = Clock()
    pc = Meter(tuple(find_gauges(Files(power.x86_rails(tmp_path)))), clock)
    assert [rail.name for rail in pc.total] == ["package-0", "package-1"]
    assert pc.sample() == {}
    clock.now_s += 2
    count_up(tmp_path, "intel-rapl:0", 1_000_000 + 30_000_000)
    count_up(tmp_path, "intel-rapl:1", 1_000_000 + 10_000_000)
    assert pc.total_mw(pc.sample()) == pytest.approx(20_000)


def test_a_counter_that_wraps_goes_on(tmp_path: Path) -> None:
    clock = Clock()
    power.x86_rails(tmp_path)
    count_up(tmp_path, "intel-rapl:0", 262_143_328_850 - 999_999)
    pc = Meter(tuple(find_gauges(Files(tmp_path))), clock)
    pc.sample()
    clock.now_s += 1
    count_up(tmp_path, "intel-rapl:0", 4_000_000)
    path = "sys/class/powercap/intel-rapl:0/energy_uj"
    assert pc.sample()[path] == pytest.approx(5000, abs=0.1)


def test_the_platform_domain_contains_the_packages(tmp_path: Path) -> None:
    pc = Meter(tuple(find_gauges(Files(power.x86_rails(tmp_path, has_psys=True)))))
    assert [rail.name for rail in pc.total] == ["psys"]


def test_counters_that_only_root_may_read_make_no_total(tmp_path: Path) -> None:
    def refuse(path: Path) -> bytes:
        if path.name == "energy_uj":
            raise PermissionError(path)
        return path.read_bytes()

    pc = Meter(tuple(find_gauges(Files(power.x86_rails(tmp_path), refuse))))
    assert len(pc.rails) == 4
    assert pc.total == ()
    assert pc.total_mw(pc.sample()) is None


@pytest.mark.parametrize("has_power", [True, False])
def test_a_battery_tells_what_it_gives(tmp_path: Path, has_power: bool) -> None:
    laptop = Meter(tuple(find_gauges(Files(power.laptop_battery(tmp_path, has_power=has_power)))))
    assert laptop.total_mw(laptop.sample()) == pytest.approx(9500)


def test_a_battery_that_is_charged_tells_nothing(tmp_path: Path) -> None:
    laptop = Meter(tuple(find_gauges(Files(power.laptop_battery(tmp_path, status="Charging")))))
    assert [rail.name for rail in laptop.rails] == ["BAT0"]
    assert laptop.total == ()


def test_other_monitors_tell_power_and_energy(tmp_path: Path) -> None:
    base = "sys/class/hwmon/hwmon0"
    power.write(
        tmp_path,
        {
            f"{base}/name": "power_meter\n",
            f"{base}/power1_average": "42500000\n",
            "sys/class/hwmon/hwmon1/name": "scmi_sensors\n",
            "sys/class/hwmon/hwmon1/energy1_input": "123456\n",
            "sys/class/hwmon/hwmon1/energy1_label": "big\n",
        },
    )
    meter, counter = sorted(find_hwmon(Files(tmp_path)), key=lambda gauge: gauge.is_counter)
    assert (meter.rail.name, meter.rail.role, meter.read()) == ("power_meter-power1", "total", 42500)
    assert (counter.rail.name, counter.rail.role, counter.read()) == ("big", "other", 123456)


class FakeDriver:
    """A library with one card.

    Args:
        energy_mj: What its counter says; None for a card that has none.
    """

    def __init__(self, energy_mj: int | None) -> None:
        self._energy_mj = energy_mj

    def __getattr__(self, name: str) -> Any:
        return lambda *arguments: self._answer(name, arguments)

    def _answer(self, name: str, arguments: tuple[Any, ...]) -> int:
        values = {
            "nvmlDeviceGetCount_v2": 1,
            "nvmlDeviceGetPowerUsage": 70_500,
            "nvmlDeviceGetTotalEnergyConsumption": self._energy_mj,
        }
        if name in values:
            value = values[name]
            if value is None:
                return 3
            ctypes.cast(arguments[-1], ctypes.POINTER(ctypes.c_uint))[0] = value
        return 0


@pytest.mark.parametrize(("energy_mj", "reading"), [(1234, 1_234_000.0), (None, 70_500.0)])
def test_a_graphics_card_tells_energy_where_it_counts_it(energy_mj: int | None, reading: float) -> None:
    driver = FakeDriver(energy_mj)
    (card,) = find_nvml(lambda _: driver)
    assert card.is_counter == (energy_mj is not None)
    assert card.read() == reading
    assert card.rail.role == "gpu"


def test_without_the_driver_there_is_no_graphics_card() -> None:
    def missing(name: str) -> Any:
        raise OSError(name)

    assert list(find_nvml(missing)) == []


def test_packages_and_graphics_cards_add_up() -> None:
    gauges = [
        Gauge(rail=Rail(name=name, role=role, path=name), read=lambda: 10_000.0)
        for name, role in (("package-0", "cpu"), ("dram-0", "ddr"), ("nvidia-0", "gpu"))
    ]
    pc = Meter(gauges)
    assert pc.total_mw(pc.sample()) == 20_000


def test_a_recording_is_replayed_and_begins_again(tmp_path: Path) -> None:
    (tmp_path / "r.csv").write_text("time_s,VDD_IN,VDD_SYS_CPU\n5,2000,100\n6,3000,\n7,2500,300\n8,0,0\n")
    clock = Clock()
    rails = Meter(replay(read_recording(tmp_path / "r.csv"), clock), clock)
    seen = []
    for _ in range(4):
        seen.append((rails.total_mw(rails.sample()), rails.sample().get("replay:VDD_SYS_CPU")))
        clock.now_s += 1.0
    assert seen == [(2000, 100), (3000, None), (2500, 300), (2000, 100)]


def test_a_recording_may_be_json(tmp_path: Path) -> None:
    (tmp_path / "r.json").write_text(json.dumps({"time_s": [0, 1], "VDD_IN": [2000, None]}))
    assert read_recording(tmp_path / "r.json").power_mw == {"VDD_IN": [2000.0, None]}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "time_s,VDD_IN\n",
        "VDD_IN\n1\n",
        "time_s\n1\n",
        "time_s,VDD_IN\n2,1\n1,1\n",
        "time_s,VDD_IN\nx,1\n",
    ],
)
def test_what_is_no_recording_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "r.csv").write_text(text)
    with pytest.raises(PowerSourceError, match=r"r\.csv"):
        read_recording(tmp_path / "r.csv")


def test_a_synthetic_rail_follows_the_cpus(tmp_path: Path) -> None:
    clock = Clock()
    rail = SyntheticRail(Files(tmp_path), clock)
    power.write(tmp_path, {"proc/stat": "cpu  100 0 0 1000 0 0 0 0 0 0\n"})
    assert rail.read() == pytest.approx(IDLE_MW, abs=STEP_MW)
    clock.now_s += 0.1
    power.write(tmp_path, {"proc/stat": "cpu  120 0 0 1000 0 0 0 0 0 0\n"})
    assert rail.read() == pytest.approx(IDLE_MW + 2 * PER_CPU_MW, abs=STEP_MW)
    clock.now_s += 0.1
    assert rail.read() == pytest.approx(IDLE_MW, abs=STEP_MW)


def test_sources_are_chosen_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    assert [gauge.rail.name for gauge in open_gauges("synthetic")] == ["synthetic"]
    assert [gauge.window_s for gauge in open_gauges("synthetic:20")] == [0.02]
    assert open_gauges("none") == ()
    monkeypatch.setenv(SOURCE_VARIABLE, "none")
    assert open_gauges() == ()
    assert find_rails() == ()


@pytest.mark.parametrize(
    "source",
    ["wall", "replay", "replay:", "replay:nowhere.csv", "synthetic:x", "synthetic:-1", "synthetic:inf"],
)
def test_what_is_no_source_is_refused(source: str) -> None:
    with pytest.raises(PowerSourceError):
        open_gauges(source)
