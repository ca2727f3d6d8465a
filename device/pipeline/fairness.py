"""How long a thread that computes in Python may keep others from running.

A worker needs Python's global lock for a moment between two kernels. If the user's own thread computes in
Python meanwhile, it gives the lock away only after the interpreter's switch interval, 5 ms unless told
otherwise: longer than many a stage. So the interval is shortened for as long as any pipeline of this process
runs.
"""

import sys
import threading

SWITCH_INTERVAL_S = 1e-4
"""Two hundred times what a hand-over costs, so that busy threads still make progress between switches."""


class _Fairness:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._users = 0
        self._before = 0.0

    def begin(self) -> None:
        with self._lock:
            if self._users == 0:
                self._before = sys.getswitchinterval()
                sys.setswitchinterval(min(self._before, SWITCH_INTERVAL_S))
            self._users += 1

    def end(self) -> None:
        with self._lock:
            self._users -= 1
            if self._users == 0:
                sys.setswitchinterval(self._before)


fairness = _Fairness()
"""The one of this process, as the interval is."""
