"""INA3221 power monitors under NVIDIA's own driver `ina3221x`, which L4T up to 32 has (JetPack 4 and older).

A device's channels stand in a folder `iio:deviceN`, whose number is the order of probing, or in `iio_device`. In
triggered mode a read starts a conversion and blocks for as long as it takes.
"""

import time
from collections.abc import Iterator
from functools import partial
from pathlib import PurePosixPath

from device.files import Files
from device.sensors.gauges import Gauge
from device.sensors.ina3221 import CHANNELS, step_mw, window_s
from device.sensors.rails import Rail, role_of
from device.sensors.reading import Sleep, read_device_tree, read_number, read_text

_UNUSED = "NC"


def find_ina3221x(files: Files, sleep: Sleep = time.sleep) -> Iterator[Gauge]:
    """Every named channel of every chip.

    Args:
        files: Where to look.
        sleep: Waits for seconds.
    """
    for name_file in sorted(files.glob("sys/bus/i2c/devices/*/name")):
        if read_text(files, name_file, sleep) == "ina3221x":
            yield from _channels(files, str(PurePosixPath(name_file).parent), sleep)


def _channels(files: Files, chip: str, sleep: Sleep) -> Iterator[Gauge]:
    folders = [*files.glob(f"{chip}/iio:device*"), *files.glob(f"{chip}/iio_device")]
    for folder in sorted(folders)[:1]:
        for channel in range(CHANNELS):
            name = read_text(files, f"{folder}/rail_name_{channel}", sleep)
            if name is not None and name != _UNUSED:
                yield _gauge(files, chip, f"{folder}/in_", channel, name, sleep)


def _gauge(files: Files, chip: str, prefix: str, channel: int, name: str, sleep: Sleep) -> Gauge:
    path = (
        f"{prefix}power{channel}_input"  # voltage and current by themselves would come from two conversions
    )
    configuration = read_device_tree(files, f"{chip}/of_node/ti,continuous-config")
    shunt_mohm = read_device_tree(files, f"{chip}/of_node/channel@{channel}/ti,shunt-resistor-mohm")
    bus_mv = read_number(files, f"{prefix}voltage{channel}_input", sleep)
    return Gauge(
        rail=Rail(name=name, role=role_of(name), path=path),
        read=partial(read_number, files, path, sleep),
        window_s=window_s(configuration) if configuration is not None else None,
        step_mw=step_mw(shunt_mohm=shunt_mohm or 0, bus_mv=bus_mv or 0),
    )
