"""What a laptop's battery gives, while it gives something."""

import time
from collections.abc import Iterator
from functools import partial
from pathlib import PurePosixPath

from device.files import Files
from device.sensors.gauges import Gauge
from device.sensors.rails import Rail
from device.sensors.reading import Sleep, product, read_number, read_text

_UW_PER_MW = 1e3
_PW_PER_MW = 1e9


def find_batteries(files: Files, sleep: Sleep = time.sleep) -> Iterator[Gauge]:
    """Every battery; while it is charged or idle its power cannot be had.

    Args:
        files: Where to look.
        sleep: Waits for seconds.
    """
    for type_file in sorted(files.glob("sys/class/power_supply/*/type")):
        if read_text(files, type_file, sleep) == "Battery":
            folder = PurePosixPath(type_file).parent
            yield Gauge(
                rail=Rail(name=folder.name, role="total", path=str(folder)),
                read=partial(_discharge_mw, files, str(folder), sleep),
            )


def _discharge_mw(files: Files, folder: str, sleep: Sleep) -> float | None:
    """Drivers disagree about the current's sign, hence its magnitude."""
    if read_text(files, f"{folder}/status", sleep) != "Discharging":
        return None
    power_uw = read_number(files, f"{folder}/power_now", sleep)
    if power_uw is not None:
        return abs(power_uw) / _UW_PER_MW
    microvolts_times_microamperes = product(
        read_number(files, f"{folder}/voltage_now", sleep), read_number(files, f"{folder}/current_now", sleep)
    )
    return None if microvolts_times_microamperes is None else abs(microvolts_times_microamperes) / _PW_PER_MW
