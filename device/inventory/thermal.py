"""Thermal zones: where a board tells its temperature."""

import errno
from dataclasses import dataclass

from device.files import Files

_FOLDERS = ("sys/class/thermal/thermal_zone*", "sys/devices/virtual/thermal/thermal_zone*")
_CONSTANT = {"PMIC-Die"}
"""Zones that always say the same: 100 degrees on every Jetson."""

_PLAUSIBLE_C = (-60.0, 200.0)
"""Sensors that are switched off say -256."""

_ATTEMPTS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class ThermalZone:
    """A place whose temperature can be read.

    Attributes:
        name: What the kernel calls it, such as `BCPU-therm`. Their numbers differ by release.
        path: The file that is read, below the root; in thousandths of a degree Celsius.
    """

    name: str
    path: str


def find_zones(files: Files) -> tuple[ThermalZone, ...]:
    """Every zone that says something, in the kernel's order."""
    folders = next(filter(None, map(files.glob, _FOLDERS)), [])
    folders.sort(key=lambda path: (len(path), path))
    named = ((folder, files.maybe(f"{folder}/type")) for folder in folders)
    return tuple(
        ThermalZone(name=name, path=f"{folder}/temp")
        for folder, name in named
        if name and name not in _CONSTANT
    )


def read_celsius(files: Files, zone: ThermalZone) -> float | None:
    """The present temperature; None where it cannot be had."""
    try:
        celsius = int(_read(files, zone.path)) / 1000.0
    except (OSError, ValueError):
        return None
    low, high = _PLAUSIBLE_C
    return celsius if low < celsius < high else None


def _read(files: Files, path: str) -> str:
    """A sensor that is just waking up says EAGAIN."""
    for _ in range(_ATTEMPTS - 1):
        try:
            return files.text(path)
        except OSError as error:
            if error.errno != errno.EAGAIN:
                raise
    return files.text(path)
