"""Readings are taken beside what runs, stay out of its CPUs, and energies of real loops come out of them."""

import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from device.measure.layer_energy import LayerEnergy
from device.measure.metering import MeterRecorder, sensor_of, spare_cpus
from device.sensors import Gauge, Meter, Rail

WINDOW_S = 0.002


def rail(name: str = "VDD_IN") -> Rail:
    return Rail(name=name, role="total", path=name)


def meter_of(*values: float | None, window_s: float | None = WINDOW_S) -> Meter:
    """A rail that reads these values one after the other and then the last one for ever."""
    waiting = list(values)
    return Meter(
        [
            Gauge(
                rail=rail(),
                read=lambda: waiting.pop(0) if len(waiting) > 1 else waiting[0],
                window_s=window_s,
                step_mw=1.0,
            )
        ]
    )


def test_a_recorder_keeps_what_could_be_read() -> None:
    seen = threading.Event()
    waiting: list[float | None] = [1.0, None, 2.0]

    def read() -> float | None:
        if not waiting:
            seen.set()
            return 3.0
        return waiting.pop(0)

    recorder = MeterRecorder(read, 0.001)
    recorder.start()
    assert seen.wait(10)
    recorder.stop()
    assert list(recorder.series().power_mw[:3]) == [1.0, 2.0, 3.0]
    assert (recorder.series().times_s[1:] >= recorder.series().times_s[:-1]).all()


def test_a_recorder_runs_where_it_is_told() -> None:
    (cpu, *_) = sorted(os.sched_getaffinity(0))
    affinities: list[set[int]] = []
    recorded = threading.Event()

    def read() -> float:
        affinities.append(os.sched_getaffinity(0))
        recorded.set()
        return 0.0

    recorder = MeterRecorder(read, 0.001, [cpu])
    recorder.start()
    assert recorded.wait(10)
    recorder.stop()
    assert affinities[0] == {cpu}


def test_the_cpus_of_a_placement_are_left_to_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 3, 4, 5})
    assert spare_cpus([0, 3]) == {4, 5}


def test_isolated_cpus_are_asked_for_where_a_placement_takes_all_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 3, 4, 5})
    monkeypatch.setattr(os, "sysconf", lambda _: 6)
    assert spare_cpus([0, 3, 4, 5]) == {1, 2}


def test_a_recorder_goes_on_where_its_cpus_may_not_be_used() -> None:
    recorded = threading.Event()

    def read() -> float:
        recorded.set()
        return 2000.0

    recorder = MeterRecorder(read, 0.001, [1023])
    recorder.start()
    assert recorded.wait(10)
    recorder.stop()


def test_a_window_that_nobody_tells_is_measured() -> None:
    started_s = time.monotonic()

    def read() -> float:
        return float(int((time.monotonic() - started_s) / 0.1) % 7)

    meter = Meter([Gauge(rail=rail(), read=read)])
    pause = threading.Event()

    def run(seconds: float) -> int:
        pause.wait(min(seconds, 2.0))
        return 1

    sensor = sensor_of(meter, run)
    assert sensor is not None
    assert sensor.window_s == pytest.approx(0.1, rel=0.3)


def test_a_board_without_a_total_has_no_sensor() -> None:
    assert sensor_of(Meter([]), lambda _: 1) is None


def energy_of(meter: Meter) -> LayerEnergy:
    worker = ThreadPoolExecutor(1)
    return LayerEnergy([lambda: None, lambda: None], lambda work: worker.submit(work).result(), [0], meter)


def test_layers_and_network_are_measured_between_two_looks_at_the_idle_board() -> None:
    busy = threading.Event()
    meter = Meter([Gauge(rail=rail(), read=lambda: 5000.0 if busy.is_set() else 2000.0, window_s=WINDOW_S)])

    def submit_busily(work: object) -> int:
        busy.set()
        try:
            assert callable(work)
            return int(work())
        finally:
            busy.clear()

    energy = LayerEnergy([lambda: None, lambda: None], submit_busily, [0], meter)
    answer = energy.measure([1], is_network=True)
    assert answer["idle"]["mean_mw"] == pytest.approx(2000, abs=60)
    for loop in (*answer["layers"], answer["network"]):
        assert loop["excess"]["power_mw"] == pytest.approx(3000, abs=100)
        assert loop["excess"]["is_resolved"]
        assert loop["calls"] > 1


def test_a_silent_sensor_leaves_energies_absent() -> None:
    energy = energy_of(meter_of(2000.0, None))
    assert energy.sensor_document() is not None
    answer = energy.measure([0], is_network=False)
    assert answer["idle"] is None
    assert answer["layers"][0]["excess"] is None
    assert answer["network"] is None


def test_without_a_sensor_nothing_runs() -> None:
    energy = energy_of(Meter([]))
    assert energy.sensor_document() is None
    assert energy.measure([0, 1], is_network=True) == {"idle": None, "layers": [None, None], "network": None}
