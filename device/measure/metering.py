"""Readings of the board's total power while something else runs, taken beside it, on a CPU of its own if possible."""

import os
import threading
import time
from collections import deque
from collections.abc import Callable, Collection, Iterable, Sequence
from contextlib import suppress

from device.measure.energy import Run, Sensor
from device.measure.power import Series, changes_s
from device.sensors import Meter

READINGS_PER_WINDOW = 4

MOST_READINGS = 100_000
"""Older ones are forgotten: a pipeline may run for months."""

_LEAST_INTERVAL_S = 0.005
_LOOK_S = 4.0
_UNKNOWN_WINDOW_S = 0.5
"""Taken where a sensor neither says its window nor changes often enough to show it: as slow as any that is known."""


class MeterRecorder:
    """Takes readings in a thread.

    Args:
        read: Gives the board's total power in milliwatts; None where it cannot be had, which leaves no reading.
        interval_s: Time between readings.
        cpus: Where the thread may run; anywhere if empty.
        clock: Monotonic seconds.
    """

    def __init__(
        self,
        read: Callable[[], float | None],
        interval_s: float,
        cpus: Iterable[int] = (),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._read = read
        self._interval_s = interval_s
        self._cpus = frozenset(cpus)
        self._clock = clock
        self._readings: deque[tuple[float, float]] = deque(maxlen=MOST_READINGS)
        self._thread: threading.Thread | None = None
        self._ending = threading.Event()

    def start(self) -> None:
        """Begins to take readings, forgetting those before."""
        self._readings = deque(maxlen=MOST_READINGS)
        self._ending.clear()
        self._thread = threading.Thread(target=self._record, name="power", daemon=True)
        self._thread.start()

    def series(self) -> Series:
        """The readings since the start."""
        return Series.of(self._readings.copy())

    def stop(self) -> None:
        """Ends taking them."""
        if self._thread is not None:
            self._ending.set()
            self._thread.join()
            self._thread = None

    def _record(self) -> None:
        if self._cpus:
            with suppress(OSError):  # none of them may be used: then beside what is measured
                os.sched_setaffinity(0, self._cpus)
        readings = self._readings
        while True:
            power_mw = self._read()
            if power_mw is not None:
                readings.append((self._clock(), power_mw))
            if self._ending.wait(self._interval_s):
                return


def total_reader(meter: Meter) -> Callable[[], float | None]:
    """Gives the board's total power in milliwatts."""
    return lambda: meter.total_mw(meter.sample())


def spare_cpus(cpus: Collection[int]) -> frozenset[int]:
    """The CPUs of this process that do not take part in a measurement; where all do, any others.

    The latter are for `isolcpus`, which leaves CPUs such as a Jetson TX2's Denver2 cores out of every process until
    it asks for them. Whether such a CPU exists and may be used is found out by trying.
    """
    usable = frozenset(os.sched_getaffinity(0)) - frozenset(cpus)
    return usable or frozenset(range(os.sysconf("SC_NPROCESSORS_CONF"))) - frozenset(cpus)


def sensor_of(meter: Meter, run: Run) -> Sensor | None:
    """What a board's total power is read from; its window is measured where the sensor does not tell it.

    Args:
        meter: The board's rails.
        run: A steady load, under which readings change from window to window.

    Returns:
        The sensor; None where the total cannot be read.
    """
    if not meter.total:
        return None
    return Sensor(
        rail=" + ".join(rail.name for rail in meter.total),
        window_s=meter.window_s or _measured_window_s(meter, run),
        step_mw=meter.step_mw,
    )


def recorder_of(meter: Meter, sensor: Sensor, cpus: Sequence[int]) -> MeterRecorder:
    """Takes readings beside what runs on some CPUs.

    Args:
        meter: The board's rails.
        sensor: What their total is read from.
        cpus: CPUs of what is measured.
    """
    interval_s = max(sensor.window_s / READINGS_PER_WINDOW, _LEAST_INTERVAL_S)
    return MeterRecorder(total_reader(meter), interval_s, spare_cpus(cpus))


def _measured_window_s(meter: Meter, run: Run) -> float:
    recorder = MeterRecorder(total_reader(meter), _LEAST_INTERVAL_S)
    recorder.start()
    try:
        run(_LOOK_S)
    finally:
        recorder.stop()
    return changes_s(recorder.series()) or _UNKNOWN_WINDOW_S
