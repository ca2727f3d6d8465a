"""Energy counters of Intel's and AMD's processors (RAPL), as Linux's power capping framework shows them.

Since 2020 only root may read them unless the system's owner gives the files to somebody.
"""

import time
from collections.abc import Iterator
from functools import partial
from pathlib import PurePosixPath

from device.files import Files
from device.sensors.gauges import Gauge
from device.sensors.rails import Rail
from device.sensors.reading import Sleep, read_number, read_text

_ROLES = {"psys": "total", "dram": "ddr"}

_WINDOW_S = 0.02
"""The counters advance every millisecond; over so many of them that does not matter."""


def find_rapl(files: Files, sleep: Sleep = time.sleep) -> Iterator[Gauge]:
    """Every domain once: `intel-rapl-mmio` shows the packages a second time and is left out.

    A package's role is the CPU; its cores, which it contains, have the role `other`.

    Args:
        files: Where to look.
        sleep: Waits for seconds.
    """
    for name_file in sorted(files.glob("sys/class/powercap/intel-rapl:*/name")):
        folder = str(PurePosixPath(name_file).parent)
        path, name = f"{folder}/energy_uj", read_text(files, name_file, sleep) or ""
        role = "cpu" if name.startswith("package") else _ROLES.get(name, "other")
        last_uj = read_number(files, f"{folder}/max_energy_range_uj", sleep)
        yield Gauge(
            rail=Rail(name=_full_name(folder, name), role=role, path=path),
            read=partial(read_number, files, path, sleep),
            is_counter=True,
            wraps_at_uj=last_uj + 1 if last_uj else None,
            window_s=_WINDOW_S,
        )


def _full_name(folder: str, name: str) -> str:
    """Domains inside a package carry its number: `dram-1`."""
    _, _, numbers = folder.partition(":")
    return f"{name}-{numbers.partition(':')[0]}" if ":" in numbers else name
