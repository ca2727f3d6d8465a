"""Writes temperatures as Linux shows them."""

from collections.abc import Mapping
from pathlib import Path

from tests.device.trees.power import write

TX2_ZONES = {
    "BCPU-therm": 38500,
    "MCPU-therm": 38500,
    "GPU-therm": 35500,
    "PLL-therm": 38500,
    "Tboard_tegra": 32000,
    "Tdiode_tegra": 33250,
    "PMIC-Die": 100000,
    "thermal-fan-est": 37300,
}
"""Thousandths of a degree by zone; PMIC-Die always says 100 degrees."""


def zones(root: Path, degrees: Mapping[str, int | str]) -> Path:
    """Thermal zones, numbered in their order.

    Args:
        root: Where.
        degrees: Millidegrees by type, or what else their file holds.
    """
    for number, (name, value) in enumerate(degrees.items()):
        base = f"sys/devices/virtual/thermal/thermal_zone{number}"
        write(root, {f"{base}/type": f"{name}\n", f"{base}/temp": f"{value}\n"})
        link = root / f"sys/class/thermal/thermal_zone{number}"
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(f"../../devices/virtual/thermal/thermal_zone{number}")
    return root
