"""Power that Linux reports as hardware monitors: INA3221 on L4T from 34 and on mainline, other chips, graphics cards.

Units are those of the kernel's `Documentation/hwmon/sysfs-interface`: microwatts, microjoules, millivolts,
milliamperes.
"""

import time
from collections.abc import Iterator
from functools import partial
from pathlib import PurePosixPath

from device.files import Files
from device.sensors.gauges import Gauge
from device.sensors.ina3221 import CHANNELS, hwmon_window_s, step_mw
from device.sensors.rails import Rail, role_of
from device.sensors.reading import Sleep, product, read_number, read_text

_DRIVER_ROLES = {"power_meter": "total", "amd_energy": "cpu", "fam15h_power": "cpu", "amdgpu": "gpu"}
"""What drivers measure that do not name their rails; `power_meter` is ACPI's, of the whole machine."""

_UNUSED = "NC"
_UNITS_PER_MILLI = 1e3
_CHANNELS = range(1, CHANNELS + 1)


def find_hwmon(files: Files, sleep: Sleep = time.sleep) -> Iterator[Gauge]:
    """Every channel of every monitor that tells power or energy.

    Args:
        files: Where to look.
        sleep: Waits for seconds.
    """
    for name_file in sorted(files.glob("sys/class/hwmon/hwmon*/name")):
        folder = str(PurePosixPath(name_file).parent)
        driver = read_text(files, name_file, sleep) or ""
        if driver == "ina3221":
            yield from _ina3221(files, folder, sleep)
        else:
            yield from _others(files, folder, driver, sleep)


def _ina3221(files: Files, folder: str, sleep: Sleep) -> Iterator[Gauge]:
    window_s = _window_s(files, folder, sleep)
    for channel in _CHANNELS:  # channel 7 is the sum of the shunts' voltages
        name = read_text(files, f"{folder}/in{channel}_label", sleep)
        if name is None or name == _UNUSED:  # AGX Orin has two channels of that name
            continue
        bus_mv = read_number(files, f"{folder}/in{channel}_input", sleep)
        shunt_uohm = read_number(files, f"{folder}/shunt{channel}_resistor", sleep)
        yield Gauge(
            rail=Rail(name=name, role=role_of(name), path=f"{folder}/curr{channel}_input"),
            read=partial(_voltage_times_current, files, folder, channel, sleep),
            window_s=window_s,
            step_mw=step_mw(shunt_mohm=(shunt_uohm or 0) / _UNITS_PER_MILLI, bus_mv=bus_mv or 0),
        )


def _voltage_times_current(files: Files, folder: str, channel: int, sleep: Sleep) -> float | None:
    """Milliwatts; the current decides, which may be negative."""
    power_uw = product(
        read_number(files, f"{folder}/in{channel}_input", sleep),
        read_number(files, f"{folder}/curr{channel}_input", sleep),
    )
    return None if power_uw is None else power_uw / _UNITS_PER_MILLI


def _window_s(files: Files, folder: str, sleep: Sleep) -> float | None:
    interval_ms = read_number(files, f"{folder}/update_interval", sleep)
    if interval_ms is None:
        return None
    enabled = [read_number(files, f"{folder}/in{channel}_enable", sleep) for channel in _CHANNELS]
    return hwmon_window_s(
        interval_ms=interval_ms,
        samples=read_number(files, f"{folder}/samples", sleep) or 1,
        channels=sum(state != 0 for state in enabled),  # kernels that cannot switch them off do not say
    )


def _others(files: Files, folder: str, driver: str, sleep: Sleep) -> Iterator[Gauge]:
    for path in sorted(files.glob(f"{folder}/energy*_input")):
        yield Gauge(
            rail=_rail(files, folder, path, driver, sleep),
            read=partial(read_number, files, path, sleep),
            is_counter=True,
        )
    for path in sorted([*files.glob(f"{folder}/power*_input"), *files.glob(f"{folder}/power*_average")]):
        yield Gauge(
            rail=_rail(files, folder, path, driver, sleep), read=partial(_milliwatts, files, path, sleep)
        )


def _rail(files: Files, folder: str, path: str, driver: str, sleep: Sleep) -> Rail:
    channel = PurePosixPath(path).name.partition("_")[0]
    label = read_text(files, f"{folder}/{channel}_label", sleep)
    name = label or f"{driver or 'hwmon'}-{channel}"
    named = role_of(name)
    return Rail(name=name, role=_DRIVER_ROLES.get(driver, named) if named == "other" else named, path=path)


def _milliwatts(files: Files, path: str, sleep: Sleep) -> float | None:
    power_uw = read_number(files, path, sleep)
    return None if power_uw is None else power_uw / _UNITS_PER_MILLI
