"""A rail that is computed and not measured: so much for a machine that idles, so much more for each busy CPU.

For trying out what plans do with energy on a machine without sensors. It behaves like the monitor of a Jetson TX2: a
reading is an average over a window and comes in steps.
"""

import time
from collections import deque

from device.files import Files
from device.sensors.gauges import Clock, Gauge
from device.sensors.rails import Rail

IDLE_MW = 2000.0
PER_CPU_MW = 3000.0
WINDOW_MS = 100.0
STEP_MW = 19.0
_TICKS_PER_S = 100.0  # USER_HZ, in which /proc/stat counts on every architecture that matters here
_IDLE_FIELDS = (3, 4)


class SyntheticRail:
    """Power computed from `/proc/stat`.

    Args:
        files: Where to look.
        clock: Monotonic seconds.
        window_ms: Over which time a reading is an average.
    """

    def __init__(self, files: Files, clock: Clock = time.monotonic, *, window_ms: float = WINDOW_MS) -> None:
        self._window_s = window_ms / 1e3
        self._files = files
        self._clock = clock
        self._history: deque[tuple[float, float]] = deque()

    def gauge(self) -> Gauge:
        """The rail."""
        rail = Rail(name="synthetic", role="total", path="synthetic")
        return Gauge(rail=rail, read=self.read, window_s=self._window_s, step_mw=STEP_MW)

    def read(self) -> float | None:
        """Milliwatts over the window until now; None where `/proc/stat` cannot be read."""
        busy_s = self._busy_s()
        if busy_s is None:
            return None
        now_s = self._clock()
        self._history.append((now_s, busy_s))
        while len(self._history) > 2 and self._history[1][0] <= now_s - self._window_s:
            self._history.popleft()
        then_s, before_s = self._history[0]
        busy = (busy_s - before_s) / (now_s - then_s) if now_s > then_s else 0.0
        return round((IDLE_MW + PER_CPU_MW * busy) / STEP_MW) * STEP_MW

    def _busy_s(self) -> float | None:
        """CPU time that all CPUs together have spent working."""
        try:
            fields = self._files.text("proc/stat").splitlines()[0].split()[1:9]
        except (OSError, IndexError):
            return None
        ticks = [int(field) for field in fields]
        return sum(count for index, count in enumerate(ticks) if index not in _IDLE_FIELDS) / _TICKS_PER_S
