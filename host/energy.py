"""Energy of a network's layers on a board with power rails: what has no energy yet is measured and stored.

A board has few rails, and one may feed several processors: a Jetson TX2's VDD_SYS_CPU feeds both CPU clusters. So
placements are measured one after the other, from the board's total power, with everything else idle.
"""

import json
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from db.records import IdlePower, LayerEnergy, MeanPower, PowerSensor
from host.exchange import expected_us
from host.layers.graph import Choice, Implementation, LayerGraph, distinct
from host.placement import Placement, placements_of
from host.profiler import Profiler, call_bench, open_bench, upload_module
from host.requests import Reporter
from host.transfers import IN, OUT, layer_hash

if TYPE_CHECKING:
    from db.store import Store
    from host.network import Network
    from host.remote.tvm_session import TvmSession
    from host.session import Session

CHUNK_S = 30.0
"""Idle power is taken again, and energies are stored, after layers have run about this long."""

_NO_SENSOR = "the board tells no power: energies are not measured"
_NO_SENSOR_HINT = "`device-agent describe` shows its rails; on PCs the counters may be readable for root only"


@dataclass(slots=True, kw_only=True)
class EnergyCount:
    """How a measurement of energies went.

    Attributes:
        measured: How many energies are new.
        unresolved: How many of them are smaller than their error.
        unread: How many could not be had because the sensor was silent.
        drifts_mw: Idle powers' changes that were noticed.
        deviations: For each placement by how much the layers' sum is off the whole network, as a share.
    """

    measured: int = 0
    unresolved: int = 0
    unread: int = 0
    drifts_mw: list[float] = field(default_factory=list)
    deviations: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Task:
    """What is to be measured on one placement.

    Attributes:
        placement: Where.
        names: Structural hashes of the layers.
        choice: How all layers of the network are scheduled there.
        kernels: Their kernels.
    """

    placement: Placement
    names: list[str]
    choice: Choice
    kernels: tuple[Implementation, ...]


def measure_energies(session: "Session", network: "Network") -> EnergyCount:
    """Measures the energy of every layer that has a profile and no energy, on every placement.

    Args:
        session: The board and the database.
        network: Its layers have profiles.
    """
    count = EnergyCount()
    tasks = list(_tasks(session, network))
    if not tasks:
        session.reporter.step("Energy", "nothing: every layer's energy is in the database")
        return count
    for task in tasks:
        session.build(network, {task.placement.processor: task.kernels})
    started = time.monotonic()
    sensor = _measure(session, network, tasks, count)
    if sensor is None:
        session.reporter.warn(_NO_SENSOR, _NO_SENSOR_HINT)
    else:
        session.reporter.step("Energy", _summary(count, sensor, len(tasks)), time.monotonic() - started)
        _warn(session.reporter, count)
    return count


def _tasks(session: "Session", network: "Network") -> Iterator[_Task]:
    profiler = Profiler(session.store, network.graph)
    idle = session.store.idle_powers_mw(session.board.fingerprint)
    for point in session.points:
        here = [one for one in session.placements() if one.operating_point == point.name]
        missing = [(one, _without_energy(profiler, one)) for one in here]
        found = [(placement, names) for placement, names in missing if names]
        if not found and point.name not in idle:
            found = [(placements_of(session.board, [point])[0], [])]  # for the idle board's power
        for placement, names in found:
            choice = profiler.choice(placement)
            kernels = network.graph.implementations(choice)
            yield _Task(placement=placement, names=names, choice=choice, kernels=kernels)


def _without_energy(profiler: Profiler, placement: Placement) -> list[str]:
    return [name for name, profile in profiler.profiles(placement).items() if profile.energy_uj is None]


def _measure(
    session: "Session", network: "Network", tasks: Sequence[_Task], count: EnergyCount
) -> PowerSensor | None:
    """Works through the tasks; None where the board tells no power."""
    sensor = None
    with session.lease.tvm_session() as tvm_session, TemporaryDirectory(prefix="stageline-") as folder:
        for task in tasks:
            placement = task.placement
            session.set_point(placement.operating_point)
            module = Path(folder) / f"{placement.name}.so"
            session.builder(session.board.processor(placement.processor)).link(task.kernels, module)
            uploaded = upload_module(tvm_session, module, placement)
            with open_bench(tvm_session, network.graph, uploaded, placement, [task.choice]):
                answer = call_bench(tvm_session, "sensor")["sensor"]
                if answer is None:
                    return None
                sensor = PowerSensor(
                    rail=answer["rail"], window_s=answer["window_s"], step_mw=answer["step_mw"]
                )
                at_once = max(1, int(CHUNK_S / answer["loop_s"]))
                bench = PlacementEnergy(session.store, network, placement, sensor, tvm_session, count)
                bench.measure(task.names, at_once, session.reporter)
                if placement.device != "cpu":
                    bench.measure_transfers()
    return sensor


class PlacementEnergy:
    """Energies of a loaded network on one placement.

    Args:
        store: Where they go.
        network: The network.
        placement: Where it is loaded.
        sensor: What the board's power is read from.
        tvm_session: A session in which the network is loaded.
        count: What to count in.
    """

    def __init__(
        self,
        store: "Store",
        network: "Network",
        placement: Placement,
        sensor: PowerSensor,
        tvm_session: "TvmSession",
        count: EnergyCount,
    ) -> None:
        self._store = store
        self._graph: LayerGraph = network.graph
        self._network_hash = f"network:{network.fingerprint}"
        self._placement = placement
        self._sensor = sensor
        self._session = tvm_session
        self._count = count
        self._profiles = Profiler(store, self._graph).profiles(placement)
        self._groups = {name: index for index, name in enumerate(distinct(self._graph.layers))}

    def measure(self, names: Sequence[str], at_once: int, reporter: Reporter) -> None:
        """Measures layers, then the whole network.

        Args:
            names: Structural hashes of the layers; without any, the idle board and the whole network are measured.
            at_once: How many of them to measure between two looks at the idle board.
            reporter: Told how far the measurement is.
        """
        chunks = [names[first : first + at_once] for first in range(0, len(names), at_once)] or [[]]
        done = 0
        for chunk in chunks:
            state = f"{self._placement.name}: {done} of {len(names)} layers, {self._sensor.rail}"
            reporter.progress("Energy", state)
            is_last = chunk is chunks[-1]
            request = {"groups": [self._groups[name] for name in chunk], "network": is_last}
            answer = call_bench(self._session, "energy", json.dumps(request))
            self._put(chunk, answer)
            done += len(chunk)
            if is_last:
                self._compare(answer)

    def measure_transfers(self) -> None:
        """Measures copies to the placement's device and back."""
        answer = call_bench(self._session, "transfer_energy")
        names = [layer_hash(direction, answer["bytes"]) for direction in (IN, OUT)]
        for fingerprint in self._placement.fingerprints:
            rows = self._store.profiles_for(fingerprint, names)
            self._profiles |= {row.layer_hash: row for row in rows if row.level == self._placement.level}
        self._put(names, answer)

    def _put(self, names: Sequence[str], answer: Mapping[str, Any]) -> None:
        found = [
            self._energy(name, loop, answer["idle"])
            for name, loop in zip(names, answer["layers"], strict=True)
        ]
        energies = [energy for energy in found if energy is not None]
        self._store.put_energies(energies)
        self._count.measured += len(energies)
        self._count.unread += len(found) - len(energies)
        self._count.unresolved += sum(not energy.is_resolved for energy in energies)
        if answer["idle"] is not None:
            self._put_idle(answer["idle"])

    def _put_idle(self, idle: Mapping[str, Any]) -> None:
        if idle["is_drifting"]:
            self._count.drifts_mw.append(idle["drift_mw"])
        environment = self._placement.environment
        self._store.put_idle_power(
            IdlePower(
                board_fingerprint=environment.board_fingerprint,
                operating_point=environment.operating_point,
                rail=self._sensor.rail,
                power=_power(idle),
                measured_at=datetime.now(UTC),
            )
        )

    def _compare(self, answer: Mapping[str, Any]) -> None:
        """Stores the whole network's energy, and how far the layers' sum is off."""
        loop = answer["network"]
        whole = self._energy(self._network_hash, loop, answer["idle"])
        if whole is None:
            return
        self._store.put_energies([whole])
        sum_uj = self._sum_uj()
        if whole.is_resolved and sum_uj is not None:
            self._count.deviations[self._placement.name] = sum_uj / whole.energy_uj - 1

    def _sum_uj(self) -> float | None:
        counts = Counter(layer.structural_hash for layer in self._graph.layers)
        energies = {
            row.layer_hash: row.energy_uj
            for fingerprint in self._placement.fingerprints
            for row in self._store.energies_for(fingerprint, tuple(counts))
            if (row.processor, row.cores, row.level) == self._placement.key
        }
        if energies.keys() != counts.keys():
            return None
        return sum(counts[name] * energy_uj for name, energy_uj in energies.items())

    def _energy(
        self,
        name: str,
        loop: Mapping[str, Any] | None,
        idle: Mapping[str, Any] | None,
    ) -> LayerEnergy | None:
        """A loop's energy, beside the profile of the layer where it has one."""
        if loop is None or idle is None or loop["excess"] is None:
            return None
        excess, profile = loop["excess"], self._profiles.get(name)
        latency_us = expected_us(profile) if profile else loop["call_us"]
        return LayerEnergy(
            layer_hash=name,
            environment=profile.environment if profile else self._placement.environment,
            processor=self._placement.processor,
            cores=self._placement.cores,
            level=self._placement.level,
            sensor=self._sensor,
            power=_power(loop["power"]),
            idle=_power(idle),
            idle_drift_mw=idle["drift_mw"],
            is_idle_drifting=idle["is_drifting"],
            independent_readings=loop["power"]["independent"],
            latency_us=latency_us,
            energy_uj=excess["power_mw"] * latency_us / 1e3,
            energy_error_uj=excess["error_mw"] * latency_us / 1e3,
            is_resolved=excess["is_resolved"],
            measured_at=datetime.now(UTC),
        )


def _power(document: Mapping[str, Any]) -> MeanPower:
    return MeanPower(mean_mw=document["mean_mw"], sd_mw=document["sd_mw"], error_mw=document["error_mw"])


def _summary(count: EnergyCount, sensor: PowerSensor, placements: int) -> str:
    place = "1 placement" if placements == 1 else f"{placements} placements, one at a time"
    text = f"{count.measured} energies on {place}, from {sensor.rail}"
    text += f" ({1e3 * sensor.window_s:.0f} ms window)"
    if count.unresolved:
        text += f", {count.unresolved} smaller than their error"
    if count.deviations:
        worst = max(count.deviations.values(), key=abs)
        text += f"; the layers' sum is off the whole network by {100 * worst:+.1f} % at most"
    return text


def _warn(reporter: Reporter, count: EnergyCount) -> None:
    if count.unread:
        reporter.warn(f"the power sensor was silent during {count.unread} layers", "measure again")
    if count.drifts_mw:
        worst = max(count.drifts_mw, key=abs)
        reporter.warn(
            f"the idle board's power drifted by {worst:+.0f} mW during the measurement",
            "let the board cool or warm up, fix its fan, stop other programs, and measure with --again",
        )
