"""Copies between a process's memory and a device's are timed both ways, by size."""

from functools import partial
from itertools import count

from device.measure.transfer import SAMPLES, SIZES, time_transfers
from device.program import Port, PythonRuntime
from device.program.memory import Array


class FarAway(PythonRuntime):
    """A device to which a byte takes a nanosecond, and two on the way back."""

    def __init__(self) -> None:
        super().__init__({})
        self.now_ns = 0

    def receive(self, array: Array) -> Port:
        return Port(tensor=array, copies=(partial(self._pass, array.nbytes), partial(self._pass, 1000)))

    def send(self, array: Array) -> Port:
        return Port(tensor=array, copies=(partial(self._pass, 2 * array.nbytes),))

    def _pass(self, duration_ns: int) -> None:
        self.now_ns += duration_ns


def test_every_size_is_timed_both_ways() -> None:
    runtime = FarAway()
    found = time_transfers(runtime, lambda: runtime.now_ns)
    assert found["in"] == {str(size): [size / 1e3 + 1] * SAMPLES for size in SIZES}
    assert found["out"] == {str(size): [2 * size / 1e3] * SAMPLES for size in SIZES}


def test_shared_memory_costs_nothing() -> None:
    ticks = count()
    found = time_transfers(PythonRuntime({}), lambda: next(ticks) * 0)
    assert {sample for by_size in found.values() for some in by_size.values() for sample in some} == {0.0}
