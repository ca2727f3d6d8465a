"""Power as it was recorded somewhere else, for tests and demonstrations."""

import csv
import json
import time
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any

from device.errors import PowerSourceError
from device.sensors.gauges import Clock, Gauge
from device.sensors.rails import Rail, role_of

TIME = "time_s"


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """Power of some rails over time.

    Attributes:
        times_s: When, ascending.
        power_mw: For each rail its power at these times; None where it could not be had.
    """

    times_s: Sequence[float]
    power_mw: Mapping[str, Sequence[float | None]]


def read_recording(path: Path) -> Recording:
    """Reads a recording.

    Args:
        path: A CSV file whose first line is `time_s` and the rails' names, with milliwatts below them, or a JSON object
            with the same names and arrays. An empty cell, or null, is a reading that could not be had.

    Raises:
        PowerSourceError: It cannot be read, or is no such file.
    """
    try:
        text = path.read_text()
        columns = _from_json(text) if path.suffix == ".json" else _from_csv(text)
        times_s = [float(value) for value in columns.pop(TIME)]
        power_mw = {
            name: [None if value in {"", None} else float(value) for value in values]
            for name, values in columns.items()
        }
    except OSError as error:
        raise PowerSourceError(f"cannot read the recording {path}: {error.strerror}") from error
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise PowerSourceError(
            f"{path} is not a recording of power: {error}",
            hint=f"it needs a column {TIME} and one for each rail",
        ) from error
    if not times_s or not power_mw or sorted(times_s) != times_s:
        raise PowerSourceError(f"{path} needs one rail at least, and times that ascend")
    return Recording(times_s=times_s, power_mw=power_mw)


def replay(recording: Recording, clock: Clock = time.monotonic) -> tuple[Gauge, ...]:
    """The recording's rails; it starts now and begins again when it is over.

    Args:
        recording: What to replay.
        clock: Monotonic seconds.
    """
    started_s = clock()
    steps_s = [later - earlier for earlier, later in pairwise(recording.times_s)]
    return tuple(
        Gauge(
            rail=Rail(name=name, role=role_of(name), path=f"replay:{name}"),
            read=partial(_value, recording, name, lambda: clock() - started_s),
            window_s=median(steps_s) or None if steps_s else None,
        )
        for name in recording.power_mw
    )


def _value(recording: Recording, name: str, elapsed_s: Clock) -> float | None:
    first_s, last_s = recording.times_s[0], recording.times_s[-1]
    length_s = last_s - first_s
    time_s = first_s + (elapsed_s() % length_s if length_s > 0 else 0.0)
    return recording.power_mw[name][bisect_right(recording.times_s, time_s) - 1]


def _from_csv(text: str) -> dict[str, Sequence[Any]]:
    names, *rows = [row for row in csv.reader(text.splitlines()) if row]
    return dict(zip(names, zip(*rows, strict=True), strict=True))


def _from_json(text: str) -> dict[str, Sequence[Any]]:
    return dict(json.loads(text))
