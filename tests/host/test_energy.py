"""What a board answers becomes energies in the database: with errors, in chunks, and with a word about what is odd."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import pytest

from db.records import BoardRecord, Environment, PowerSensor, ProcessorRecord, Profile, ProfileStatus
from db.store import Store
from host.energy import EnergyCount, PlacementEnergy
from host.layers import KernelCall, Layer, LayerGraph, Tensor
from host.placement import Placement

ENVIRONMENT = Environment(
    tvm="1",
    tvm_ffi="1",
    target={"kind": "llvm"},
    board_fingerprint="f",
    operating_point="maxn",
    kernel_version="1",
)
PLACEMENT = Placement(processor="a57", cores=1, cpus=(0,), level="maxn", environment=ENVIRONMENT)
SENSOR = PowerSensor(rail="VDD_IN", window_s=0.4, step_mw=76.0)
NAMES = ("conv", "pool", "fc")
IDLE_MW = 2000.0


@dataclass(frozen=True)
class Network:
    """As much of a network as an energy needs."""

    graph: LayerGraph
    fingerprint: str = "network"


class Board:
    """Answers as a board does.

    Args:
        excess_mw: For each group of equal layers what it adds to the idle power; None where the sensor is silent.
        network: What the whole network adds, and its time in microseconds.
        drift_mw: By how much the idle power drifts.
    """

    def __init__(
        self,
        excess_mw: list[float | None],
        network: tuple[float, float] = (3000.0, 400.0),
        drift_mw: float = 0.0,
    ) -> None:
        self._excess_mw, self._network, self._drift_mw = excess_mw, network, drift_mw
        self.requests: list[dict[str, Any]] = []

    def ask(self, function: str, text: str, *, deadline_s: float) -> dict[str, Any]:
        assert function == "stageline.measure.energy"
        request = json.loads(text)
        self.requests.append(request)
        idle = {"mean_mw": IDLE_MW, "sd_mw": 45.0, "error_mw": 15.0}
        return {
            "idle": idle | {"drift_mw": self._drift_mw, "is_drifting": self._drift_mw != 0},
            "layers": [loop(self._excess_mw[group], 100.0) for group in request["groups"]],
            "network": loop(*self._network) if request["network"] else None,
        }


def loop(excess_mw: float | None, call_us: float) -> dict[str, Any]:
    if excess_mw is None:
        return {"call_us": call_us, "calls": 10, "power": None, "excess": None}
    power = {"mean_mw": IDLE_MW + excess_mw, "sd_mw": 50.0, "error_mw": 25.0, "independent": 10}
    excess = {"power_mw": excess_mw, "error_mw": 30.0, "is_resolved": excess_mw > 30.0}
    return {"call_us": call_us, "calls": 10, "power": power, "excess": excess}


class Silence:
    """A reporter that says nothing."""

    def step(self, title: str, detail: str, seconds: float | None = None) -> None:
        pass

    def progress(self, title: str, detail: str) -> None:
        pass

    def warn(self, text: str, hint: str = "") -> None:
        pass


def network() -> Network:
    """Three layers, the first of them twice."""
    kinds = ("conv", "conv", "pool", "fc")
    layers = tuple(
        Layer(
            name=f"{kind}{index}",
            calls=(KernelCall(kernel=kind, arguments=(f"t{index}", f"t{index + 1}")),),
            inputs=(f"t{index}",),
            outputs=(f"t{index + 1}",),
            weights=(),
            flops=1.0,
            structural_hash=kind,
        )
        for index, kind in enumerate(kinds)
    )
    tensors = {f"t{index}": Tensor(name=f"t{index}", shape=(4,), dtype="float32") for index in range(5)}
    return Network(
        LayerGraph(
            name="net", inputs=("t0",), outputs=(("y", "t4"),), tensors=tensors, layers=layers, kernels={}
        )
    )


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "p.sqlite") as opened:
        processors = (ProcessorRecord(name="a57", kind="cpu", cores=1),)
        opened.put_board(BoardRecord(name="b", fingerprint="f", processors=processors, description={}))
        opened.put_profiles(
            Profile(
                layer_hash=name,
                environment=ENVIRONMENT,
                processor="a57",
                cores=1,
                level="maxn",
                latency_us=100.0,
                latency_mad_us=0.0,
                samples_us=(100.0,),
                status=ProfileStatus.STEADY,
                measured_at=datetime.now(UTC),
            )
            for name in NAMES
        )
        yield opened


def measure(store: Store, board: Board, at_once: int = 9) -> EnergyCount:
    count = EnergyCount()
    bench = PlacementEnergy(store, cast(Any, network()), PLACEMENT, SENSOR, cast(Any, board), count)
    bench.measure(NAMES, at_once, Silence())
    return count


def energies(store: Store) -> dict[str, float | None]:
    return {row.layer_hash: row.energy_uj for row in store.profiles_for(ENVIRONMENT.fingerprint, NAMES)}


def test_power_above_idle_times_latency_is_a_layers_energy(store: Store) -> None:
    assert measure(store, Board([3000.0, 1500.0, 800.0])).measured == 3
    assert energies(store) == {"conv": 300.0, "pool": 150.0, "fc": 80.0}
    (conv,) = store.energies_for(ENVIRONMENT.fingerprint, ["conv"])
    assert conv.energy_error_uj == pytest.approx(3.0)
    assert conv.total_energy_uj == pytest.approx(500.0)
    assert store.idle_powers_mw("f") == {"maxn": IDLE_MW}


def test_a_silent_sensor_leaves_no_energy(store: Store) -> None:
    count = measure(store, Board([3000.0, None, 800.0]))
    assert (count.measured, count.unread) == (2, 1)
    assert energies(store) == {"conv": 300.0, "pool": None, "fc": 80.0}
    assert count.deviations == {}


def test_an_energy_below_its_error_is_stored_as_such(store: Store) -> None:
    assert measure(store, Board([3000.0, -20.0, 10.0])).unresolved == 2
    (pool,) = store.energies_for(ENVIRONMENT.fingerprint, ["pool"])
    assert not pool.is_resolved
    assert pool.energy_uj == -2.0
    assert energies(store)["pool"] == 0.0


def test_the_layers_sum_is_compared_with_the_whole_network(store: Store) -> None:
    count = measure(store, Board([3000.0, 1500.0, 800.0], network=(2000.0, 400.0)))
    assert count.deviations == {"a57x1": pytest.approx((2 * 300 + 150 + 80) / 800 - 1)}
    (whole,) = store.energies_for(ENVIRONMENT.fingerprint, ["network:network"])
    assert whole.energy_uj == 800.0


def test_layers_are_measured_in_chunks_and_the_network_last(store: Store) -> None:
    board = Board([3000.0, 1500.0, 800.0])
    measure(store, board, at_once=2)
    assert board.requests == [
        {"groups": [0, 1], "network": False},
        {"groups": [2], "network": True},
    ]


def test_a_drifting_idle_power_is_counted(store: Store) -> None:
    assert measure(store, Board([3000.0, 1500.0, 800.0], drift_mw=90.0)).drifts_mw == [90.0]
