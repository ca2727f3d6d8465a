"""Energy of a loaded network's layers, one after the other, as the host asks for it."""

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

from device.measure.energy import (
    NETWORK_PRECISION,
    EnergyBench,
    Idle,
    Loop,
    Run,
    idle_between,
    loop_document,
)
from device.measure.metering import recorder_of, sensor_of
from device.measure.power import Power
from device.sensors import Meter, open_gauges

Layer = Callable[[], None]


class LayerEnergy:
    """Measures the power of a network's layers on one placement.

    Args:
        layers: For each layer what runs it to its end, in network order.
        submit: Runs something in the thread that the layers belong to, and waits for it.
        cpus: CPUs of the placement.
        meter: The board's rails.
        clock: Monotonic seconds.
    """

    def __init__(
        self,
        layers: Sequence[Layer],
        submit: Callable[[Callable[[], int]], int],
        cpus: Sequence[int],
        meter: Meter,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._layers = tuple(layers)
        self._submit = submit
        self._clock = clock
        self._before: Power | None = None
        self._sensor = sensor_of(meter, self._run(self._layers))
        self._bench = (
            EnergyBench(recorder_of(meter, self._sensor, cpus), self._sensor, clock, time.sleep)
            if self._sensor
            else None
        )

    def sensor_document(self) -> dict[str, Any] | None:
        """What the power is read from, as JSON; None where it cannot be read."""
        if self._sensor is None:
            return None
        lengths = {"loop_s": self._sensor.loop_s, "idle_s": self._sensor.idle_s}
        return asdict(self._sensor) | lengths

    def measure(self, positions: Sequence[int], *, is_network: bool) -> dict[str, Any]:
        """Takes the power of some layers, and of the idle board before and after them.

        Idle power that was taken just before is not taken again.

        Args:
            positions: Which layers.
            is_network: Measure the whole network, too.

        Returns:
            `idle`; `layers`, a document for each; `network`. Each may be None where power could not be read.
        """
        if self._bench is None:
            return {"idle": None, "layers": [None] * len(positions), "network": None}
        before = self._before or self._bench.idle()
        loops = [self._bench.loop(self._run([self._layers[position]]), before) for position in positions]
        whole = self._bench.loop(self._run(self._layers), before, NETWORK_PRECISION) if is_network else None
        after = self._bench.idle()
        self._before = after
        return _document(idle_between(before, after), loops, whole)

    def _run(self, layers: Sequence[Layer]) -> Run:
        def run(seconds: float) -> int:
            return self._submit(lambda: _repeat(layers, seconds, self._clock))

        return run


def _document(idle: Idle | None, loops: Sequence[Loop], whole: Loop | None) -> dict[str, Any]:
    return {
        "idle": asdict(idle) if idle else None,
        "layers": [loop_document(loop, idle) for loop in loops],
        "network": loop_document(whole, idle) if whole else None,
    }


def _repeat(layers: Sequence[Layer], seconds: float, clock: Callable[[], float]) -> int:
    end_s, count = clock() + seconds, 0
    while True:
        for layer in layers:
            layer()
        count += 1
        if clock() >= end_s:
            return count


def board_meter() -> Meter:
    """The rails of this board.

    Raises:
        PowerSourceError: `$STAGELINE_POWER` names no source.
    """
    return Meter(open_gauges())
