"""A store in a temporary folder, and records to fill it with."""

import itertools
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

import db
from db.records import (
    BoardRecord,
    Environment,
    IdlePower,
    LayerEnergy,
    LayerRecord,
    MeanPower,
    ModelRecord,
    PowerSensor,
    ProcessorRecord,
    Profile,
    ProfileStatus,
    TuningRecord,
)
from db.store import Store

ROOT = Path(db.__file__).parents[1]
NEW_YEAR = datetime(2026, 1, 1, tzinfo=UTC)


class Samples:
    """Records of a small network on a board with two processors; every argument overrides a field."""

    def clock(self) -> Callable[[], datetime]:
        """A clock that advances by a second whenever it is read."""
        seconds = itertools.count()
        return lambda: NEW_YEAR + timedelta(seconds=next(seconds))

    def board(self, **changes: Any) -> BoardRecord:
        """A board with four CPU cores and a GPU."""
        processors = (
            ProcessorRecord(name="a57", kind="cpu", cores=4),
            ProcessorRecord(name="gpu", kind="gpu", cores=1),
        )
        fields: dict[str, Any] = {"name": "tx2", "fingerprint": "board-1", "processors": processors}
        return BoardRecord(**(fields | {"description": {"model": "Jetson TX2"}} | changes))

    def layer(self, name: str, **changes: Any) -> LayerRecord:
        """A layer whose structural hash follows from its name."""
        fields: dict[str, Any] = {
            "name": name,
            "structural_hash": f"hash-{name}",
            "flops": 2e6,
            "output_bytes": 4096,
        }
        return LayerRecord(**(fields | changes))

    def model(self, **changes: Any) -> ModelRecord:
        """A network of three layers."""
        layers = tuple(self.layer(name) for name in ("conv1", "conv2", "fc"))
        fields: dict[str, Any] = {
            "name": "tinynet",
            "fingerprint": "model-1",
            "weight_bytes": 1234,
            "layers": layers,
        }
        return ModelRecord(**(fields | {"graph": {"schema": "stageline.graph/1"}} | changes))

    def environment(self, **changes: Any) -> Environment:
        """What the board's profiles are measured in."""
        fields: dict[str, Any] = {
            "tvm": "0.27.0",
            "tvm_ffi": "0.1.14",
            "target": {"kind": "llvm", "mcpu": "cortex-a57"},
            "board_fingerprint": "board-1",
            "operating_point": "maxn",
            "kernel_version": "generic-1",
        }
        return Environment(**(fields | changes))

    def profile(self, layer: str = "conv1", **changes: Any) -> Profile:
        """A steady profile of one layer on two cores."""
        fields: dict[str, Any] = {
            "layer_hash": f"hash-{layer}",
            "environment": self.environment(),
            "processor": "a57",
            "cores": 2,
            "level": "2035200",
            "latency_us": 100.0,
            "latency_mad_us": 0.5,
            "samples_us": (99.5, 100.0, 100.5),
            "status": ProfileStatus.STEADY,
            "measured_at": NEW_YEAR,
        }
        return Profile(**(fields | changes))

    def tuning_record(self, **changes: Any) -> TuningRecord:
        """What a search found for a kernel on one core."""
        fields: dict[str, Any] = {
            "kernel": "kernel-1",
            "variant": "direct-1-14-32-pixels",
            "environment": self.environment(),
            "processor": "a57",
            "cores": 1,
            "trace": '[[["GetSBlock", [], ["sums", "main"], ["b0"]]], []]',
            "latency_us": 12.5,
            "trial": 1,
            "measured_at": NEW_YEAR,
        }
        return TuningRecord(**(fields | changes))

    def energy(self, layer: str = "conv1", **changes: Any) -> LayerEnergy:
        """What a layer draws on two cores: 3 W above idle for 400 us."""
        fields: dict[str, Any] = {
            "layer_hash": f"hash-{layer}",
            "environment": self.environment(),
            "processor": "a57",
            "cores": 2,
            "level": "2035200",
            "sensor": PowerSensor(rail="VDD_IN", window_s=0.43, step_mw=76.0),
            "power": MeanPower(mean_mw=5000.0, sd_mw=50.0, error_mw=30.0),
            "idle": MeanPower(mean_mw=2000.0, sd_mw=45.0, error_mw=20.0),
            "idle_drift_mw": 5.0,
            "is_idle_drifting": False,
            "independent_readings": 10,
            "latency_us": 400.0,
            "energy_uj": 1200.0,
            "energy_error_uj": 14.4,
            "is_resolved": True,
            "measured_at": NEW_YEAR,
        }
        return LayerEnergy(**(fields | changes))

    def idle_power(self, **changes: Any) -> IdlePower:
        """What the board draws while nothing runs."""
        fields: dict[str, Any] = {
            "board_fingerprint": "board-1",
            "operating_point": "maxn",
            "rail": "VDD_IN",
            "power": MeanPower(mean_mw=2000.0, sd_mw=45.0, error_mw=20.0),
            "measured_at": NEW_YEAR,
        }
        return IdlePower(**(fields | changes))

    def plan(self, **changes: Any) -> dict[str, Any]:
        """A plan of two stages, the second of them replicated."""
        stages = [
            {
                "first": 0,
                "last": 1,
                "layers": ["conv1", "conv2"],
                "processor": "gpu",
                "cores": 1,
                "replicas": 1,
            }
            | {"time_us": 90.0, "energy_uj": None},
            {"first": 2, "last": 2, "layers": ["fc"], "processor": "a57", "cores": 2, "replicas": 2}
            | {"time_us": 200.0, "energy_uj": None},
        ]
        document: dict[str, Any] = {
            "schema": "stageline.plan/1",
            "model": "tinynet",
            "board": "tx2",
            "operating_point": "maxn",
        }
        document |= {"objective": "throughput", "stages": stages, "period_us": 100.0, "throughput_fps": 1e4}
        document |= {"latency_us": 290.0, "energy_uj_per_frame": None}
        document |= {"baseline": {"processor": "a57", "cores": 4, "period_us": 230.0}, "gain": 2.3}
        return document | {"bound_us": 95.0, "measured": None} | changes

    def measured(self, **changes: Any) -> dict[str, Any]:
        """What a deployment of the plan measured."""
        stages = [{"time_us": 91.0}, {"time_us": 208.0}]
        document: dict[str, Any] = {"period_us": 104.0, "throughput_fps": 9615.4, "latency_us": 301.0}
        return document | {"energy_uj_per_frame": None, "stages": stages, "frames": 500} | changes

    def fill(self, store: Store, *, is_scheduled: bool = True, has_energy: bool = True) -> int:
        """Stores a board, a network, all its profiles, a plan and a deployment; gives the plan's number."""
        store.put_board(self.board())
        store.put_model(self.model())
        store.put_profiles(self.profiles(is_scheduled=is_scheduled))
        store.put_tuning_records([self.tuning_record()] if is_scheduled else [])
        if has_energy:
            store.put_energies([self.energy()])
            store.put_idle_power(self.idle_power())
        plan_id = store.add_plan(self.plan(), model_fingerprint="model-1", board_fingerprint="board-1")
        store.add_deployment(plan_id, self.measured(), [1.02, 1.04])
        return plan_id

    def profiles(self, *, is_scheduled: bool = True) -> list[Profile]:
        """Every layer of the network on two CPU cores and on the GPU; the first schema knew no schedules."""
        cuda = self.environment(target={"kind": "cuda", "arch": "sm_62"})
        gpu: dict[str, Any] = {"processor": "gpu", "cores": 1, "level": "1300500000", "environment": cuda}
        latencies = {"conv1": (400.0, 40.0), "conv2": (300.0, 50.0), "fc": (200.0, 500.0)}
        tried = {"direct-1-14-32-pixels": 300.0, "direct-1-7-64-pixels": 320.0}
        chosen = {"schedule": "direct-1-14-32-pixels", "candidates_us": tried} if is_scheduled else {}
        on_cpu = [self.profile(layer, latency_us=cpu, **chosen) for layer, (cpu, _) in latencies.items()]
        return on_cpu + [self.profile(layer, latency_us=us, **gpu) for layer, (_, us) in latencies.items()]


@pytest.fixture
def samples() -> Samples:
    """Records to store."""
    return Samples()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the store's database is."""
    return tmp_path / "stageline.sqlite"


@pytest.fixture
def store(path: Path, samples: Samples) -> Iterator[Store]:
    """An open, empty store whose clock advances by a second whenever it is read."""
    with Store.open(path, clock=samples.clock()) as opened:
        yield opened


@pytest.fixture
def run_python() -> Callable[..., str]:
    """Runs a program in an interpreter of its own and gives what it printed."""

    def run(code: str, *arguments: str) -> str:
        command = [sys.executable, "-c", code, *arguments]
        finished = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=True)
        return finished.stdout.strip()

    return run
