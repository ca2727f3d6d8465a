"""Where a board's power comes from: its own rails, a recording, or nowhere."""

import math
import os
import time
from collections.abc import Iterator
from pathlib import Path

from device.errors import PowerSourceError
from device.files import Files
from device.sensors.battery import find_batteries
from device.sensors.gauges import Gauge, Meter
from device.sensors.hwmon import find_hwmon
from device.sensors.ina3221x import find_ina3221x
from device.sensors.nvml import find_nvml
from device.sensors.rails import Rail
from device.sensors.rapl import find_rapl
from device.sensors.reading import Sleep
from device.sensors.replay import read_recording, replay
from device.sensors.synthetic import WINDOW_MS, SyntheticRail

SOURCE_VARIABLE = "STAGELINE_POWER"
"""Names the source for the agent and, through the environment, for its child processes."""

_AUTOMATIC = "auto"
_MOMENT_S = 0.05


def find_gauges(files: Files, sleep: Sleep = time.sleep) -> Iterator[Gauge]:
    """Every rail that Linux knows of on this board, in the order in which people list them.

    Args:
        files: Where to look.
        sleep: Waits for seconds.
    """
    yield from find_ina3221x(files, sleep)
    yield from find_hwmon(files, sleep)
    yield from find_rapl(files, sleep)
    yield from find_batteries(files, sleep)


def open_gauges(source: str | None = None) -> tuple[Gauge, ...]:
    """The rails of a source on this machine.

    Args:
        source: `auto` for the board's own, `none`, `synthetic` or `synthetic:MILLISECONDS`, or `replay:FILE`; by
            default what `$STAGELINE_POWER` says, else `auto`.

    Raises:
        PowerSourceError: There is no such source.
    """
    source = source or os.environ.get(SOURCE_VARIABLE) or _AUTOMATIC
    files = Files(Path("/"))
    kind, _, detail = source.partition(":")
    if source == _AUTOMATIC:
        return (*find_gauges(files), *find_nvml())
    if source == "none":
        return ()
    if kind == "synthetic":
        return (SyntheticRail(files, window_ms=_window_ms(detail)).gauge(),)
    if kind == "replay" and detail:
        return replay(read_recording(Path(detail)))
    raise PowerSourceError(
        f"there is no source of power readings called {source!r}",
        hint="auto, none, synthetic, synthetic:MILLISECONDS, or replay:FILE",
    )


def absolute_source(source: str) -> str:
    """The same source for processes that work in other folders."""
    kind, _, file = source.partition(":")
    return f"{kind}:{Path(file).resolve()}" if kind == "replay" and file else source


def _window_ms(text: str) -> float:
    try:
        window_ms = float(text) if text else WINDOW_MS
    except ValueError:
        window_ms = 0.0
    if not 0 < window_ms < math.inf:
        raise PowerSourceError(f"a window lasts some milliseconds, not {text!r}")
    return window_ms


def find_rails(root: Path = Path("/")) -> tuple[Rail, ...]:
    """Every rail that this board has, in the order in which people list them.

    Args:
        root: Where `/sys` and `/proc` are looked up; for the machine itself `$STAGELINE_POWER` counts.

    Raises:
        PowerSourceError: `$STAGELINE_POWER` names no source.
    """
    gauges = open_gauges() if root == Path("/") else tuple(find_gauges(Files(root)))
    return tuple(gauge.rail for gauge in gauges)


def read_rails(root: Path = Path("/"), sleep: Sleep = time.sleep) -> tuple[tuple[Rail, float | None], ...]:
    """Every rail with its present power in milliwatts, None where it cannot be had now.

    Counters are read twice, a moment apart.

    Args:
        root: As for `find_rails`.
        sleep: Waits for seconds.
    """
    gauges = open_gauges() if root == Path("/") else tuple(find_gauges(Files(root), sleep))
    meter = Meter(gauges)
    meter.sample()
    if any(gauge.is_counter for gauge in gauges):
        sleep(_MOMENT_S)
    sample = meter.sample()
    return tuple((rail, sample.get(rail.path)) for rail in meter.rails)
