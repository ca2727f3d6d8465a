"""Energies come out as they are from a sensor much slower than a layer, or with an error that says how far off."""

from dataclasses import dataclass

import numpy as np
import pytest

from device.measure.energy import NETWORK_PRECISION, EnergyBench, Excess, Idle, Loop, excess, idle_between
from tests.device.measure.synthetic_rail import IDLE_MW, SENSOR, SyntheticBoard

BUSY_MW = 5000.0
EXCESS_MW = BUSY_MW - IDLE_MW
SEEDS = range(12)


@dataclass(frozen=True, kw_only=True)
class Layer:
    """A layer as it truly is."""

    excess_mw: float
    call_s: float

    @property
    def energy_uj(self) -> float:
        return self.excess_mw * self.call_s * 1e3


@dataclass(frozen=True, kw_only=True)
class Measured:
    """What came out."""

    idle: Idle
    loops: list[Loop]

    @property
    def excesses(self) -> list[Excess]:
        return [excess(loop.power, self.idle) for loop in self.loops if loop.power is not None]

    @property
    def energies_uj(self) -> list[float]:
        return [
            above.power_mw * loop.call_us / 1e3 for above, loop in zip(self.excesses, self.loops, strict=True)
        ]


def measure(board: SyntheticBoard, layers: list[Layer], network: Layer | None = None) -> Measured:
    bench = EnergyBench(board, SENSOR, board.clock, board.sleep)
    before = bench.idle()
    loops = [bench.loop(board.layer(excess_mw=one.excess_mw, call_s=one.call_s), before) for one in layers]
    if network:
        whole = board.layer(excess_mw=network.excess_mw, call_s=network.call_s)
        loops.append(bench.loop(whole, before, NETWORK_PRECISION))
    idle = idle_between(before, bench.idle())
    assert idle is not None
    return Measured(idle=idle, loops=loops)


def network(seed: int) -> list[Layer]:
    """Layers between 40 us and 10 ms, far below the sensor's window."""
    times = np.random.default_rng(seed).uniform(np.log(40e-6), np.log(10e-3), 8)
    return [Layer(excess_mw=EXCESS_MW, call_s=float(time)) for time in np.exp(times)]


@pytest.mark.parametrize("seed", SEEDS)
def test_layers_are_within_three_percent(seed: int) -> None:
    layers = network(seed)
    found = measure(SyntheticBoard(seed), layers).energies_uj
    assert found == pytest.approx([layer.energy_uj for layer in layers], rel=0.03)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_network_is_within_one_percent_by_its_layers_and_as_a_whole(seed: int) -> None:
    layers = network(seed)
    whole = Layer(excess_mw=EXCESS_MW, call_s=sum(layer.call_s for layer in layers))
    measured = measure(SyntheticBoard(seed), layers, whole)
    *parts, together = measured.energies_uj
    assert together == pytest.approx(whole.energy_uj, rel=0.01)
    assert sum(parts) == pytest.approx(whole.energy_uj, rel=0.01)
    idle_uj = measured.idle.mean_mw * whole.call_s * 1e3
    assert together + idle_uj == pytest.approx(BUSY_MW * whole.call_s * 1e3, rel=0.01)


def test_errors_cover_the_truth_for_layers_of_any_power() -> None:
    powers = [100.0, 400.0, 1000.0, 3000.0, 6000.0]
    covered = [
        abs(above.power_mw - power) <= above.error_mw
        for seed in range(40)
        for power, above in zip(
            powers,
            measure(SyntheticBoard(seed), [Layer(excess_mw=power, call_s=1e-3) for power in powers]).excesses,
            strict=True,
        )
    ]
    assert np.mean(covered) >= 0.93


@pytest.mark.parametrize("excess_mw", [10.0, 137.0, 3000.0])
def test_steps_without_noise_are_in_the_error(excess_mw: float) -> None:
    (above,) = measure(SyntheticBoard(noise_mw=0.0), [Layer(excess_mw=excess_mw, call_s=1e-3)]).excesses
    assert abs(above.power_mw - excess_mw) <= above.error_mw < 76.0


def test_a_layer_that_draws_less_than_the_sensor_sees_is_not_resolved() -> None:
    faint, plain = measure(
        SyntheticBoard(3), [Layer(excess_mw=4.0, call_s=1e-3), Layer(excess_mw=900.0, call_s=1e-3)]
    ).excesses
    assert not faint.is_resolved
    assert plain.is_resolved


@pytest.mark.parametrize("seed", SEEDS)
def test_idle_power_that_drifts_is_noticed(seed: int) -> None:
    layers = network(seed)
    drifting = measure(SyntheticBoard(seed, drift_mw_per_s=4.0), layers).idle
    assert drifting.is_drifting
    assert drifting.drift_mw > 0
    assert not measure(SyntheticBoard(seed), layers).idle.is_drifting


def test_a_drift_widens_the_error() -> None:
    layers = [Layer(excess_mw=EXCESS_MW, call_s=1e-3)] * 6
    still, drifting = (
        measure(SyntheticBoard(1, drift_mw_per_s=drift), layers).idle.error_mw for drift in (0.0, 6.0)
    )
    assert drifting > 2 * still


def test_a_faint_layer_is_looked_at_longer() -> None:
    board = SyntheticBoard(2)
    bench = EnergyBench(board, SENSOR, board.clock, board.sleep)
    before = bench.idle()
    faint, strong = (
        bench.loop(board.layer(excess_mw=power, call_s=1e-3), before) for power in (100.0, 6000.0)
    )
    assert faint.calls > 2 * strong.calls


def test_without_readings_there_is_no_power() -> None:
    board = SyntheticBoard(silent=True)
    bench = EnergyBench(board, SENSOR, board.clock, board.sleep)
    assert bench.idle() is None
    loop = bench.loop(board.layer(excess_mw=EXCESS_MW, call_s=1e-3), None)
    assert loop.power is None
    assert loop.call_us == pytest.approx(1000.0)
    assert idle_between(None, None) is None
