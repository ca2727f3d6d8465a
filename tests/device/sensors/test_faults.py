"""A reading that cannot be had is absent: never zero, never invented, asked for again only if the kernel says so."""

import errno
from pathlib import Path

import pytest

from device.files import Files
from device.sensors import Meter
from device.sensors.source import find_gauges
from tests.device.trees import power

RAIL = "VDD_SYS_CPU"
POWER_FILE = "in_power1_input"


class Faulty:
    """Reads files, but the power of one rail as a script says: an error number, or what it contains."""

    def __init__(self, *answers: int | bytes) -> None:
        self._answers = list(answers)
        self.asked = 0

    def __call__(self, path: Path) -> bytes:
        if not (path.name == POWER_FILE and "0-0041" in str(path)):
            return path.read_bytes()
        answer = self._answers[min(self.asked, len(self._answers) - 1)]
        self.asked += 1
        if isinstance(answer, int):
            raise OSError(answer, "as the script says")
        return answer


def reading(root: Path, faulty: Faulty) -> float | None:
    files = Files(power.tx2_rails(root, has_carrier=False), faulty)
    (gauge,) = [gauge for gauge in find_gauges(files, sleep=lambda _: None) if gauge.rail.name == RAIL]
    faulty.asked = 0
    return gauge.read()


def test_a_sensor_that_asks_for_patience_is_asked_again(tmp_path: Path) -> None:
    faulty = Faulty(errno.EAGAIN, errno.EAGAIN, b"1915\n")
    assert reading(tmp_path, faulty) == 1915
    assert faulty.asked == 3


def test_patience_has_an_end(tmp_path: Path) -> None:
    faulty = Faulty(errno.EAGAIN)
    assert reading(tmp_path, faulty) is None
    assert faulty.asked == 5


@pytest.mark.parametrize(
    "answer", [errno.EIO, errno.ENODATA, errno.EACCES, b"", b"\n", b"(null)\n", b"what\n"]
)
def test_what_cannot_be_had_is_absent_and_not_asked_for_again(tmp_path: Path, answer: int | bytes) -> None:
    faulty = Faulty(answer)
    assert reading(tmp_path, faulty) is None
    assert faulty.asked == 1


@pytest.mark.parametrize(("text", "value"), [(b"-76\n", -76), (b"229", 229), (b"0\n", 0), (b"229 mw\n", 229)])
def test_what_is_there_is_kept_as_it_is(tmp_path: Path, text: bytes, value: float) -> None:
    assert reading(tmp_path, Faulty(text)) == value


def test_a_negative_current_is_a_negative_power(tmp_path: Path) -> None:
    power.hwmon_ina3221(tmp_path, 1, {"VDD_IN": (5032, -4)})
    (gauge,) = find_gauges(Files(tmp_path))
    assert gauge.read() == pytest.approx(-20.128)


def test_rails_without_a_name_are_left_out(tmp_path: Path) -> None:
    power.tx2_rails(tmp_path, has_carrier=False)
    folder = tmp_path / "sys/bus/i2c/devices/0-0041/iio:device1"
    (folder / "rail_name_1").write_text("(null)\n")
    (folder / "rail_name_2").unlink()
    names = [gauge.rail.name for gauge in find_gauges(Files(tmp_path))]
    assert names == ["VDD_SYS_GPU", "VDD_SYS_SOC", "VDD_4V0_WIFI", "VDD_IN"]


def test_the_total_is_absent_while_a_part_of_it_is(tmp_path: Path) -> None:
    meter = Meter(tuple(find_gauges(Files(power.agx_xavier_rails(tmp_path)))))
    (tmp_path / "sys/bus/i2c/devices/1-0041/iio:device1/in_power2_input").write_text("")
    sample = meter.sample()
    assert len(sample) == 5
    assert meter.total_mw(sample) is None


def test_without_a_device_tree_the_window_is_not_known(tmp_path: Path) -> None:
    meter = Meter(tuple(find_gauges(Files(power.nano_rails(tmp_path)))))
    assert meter.window_s is None
    assert meter.step_mw is None
