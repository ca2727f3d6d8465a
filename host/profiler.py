"""Which layers have no profile yet on which placement; measures those on the board and stores them at once."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from db.records import Environment, Profile, ProfileStatus
from db.store import Store
from host.layers.graph import LayerGraph

if TYPE_CHECKING:
    from host.remote.tvm_session import TvmSession

HANDOVER = "handover"
"""Stands where a profile has the hash of its layer: what handing a frame to a stage costs."""

WARM_UP_S = 0.5
"""Long enough for clocks to rise and caches to fill."""

CHUNK_S = 0.4
"""Samples are fetched and stored this often, so that an interruption loses no more than this."""

LEAST_S = 2.0
"""A placement is measured at least this long: a shorter look may catch a machine in an unusual mood."""

PATIENCE_S = 12.0
"""A placement on which some layer is not steady after this time is stored as unsteady, after `MIN_PASSES` passes."""

MIN_PASSES = 15

BENCH_DEADLINE_S = 300.0
"""No pass of a network takes longer; a kernel that hangs is given up after this time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """A processor with a number of its cores, at a level: what a layer is measured on.

    Attributes:
        processor: Name of the processor.
        cores: How many of its cores work.
        cpus: Ids of these cores.
        level: The processor's clock level.
        environment: What its profiles depend on besides.
    """

    processor: str
    cores: int
    cpus: tuple[int, ...]
    level: str
    environment: Environment

    @property
    def name(self) -> str:
        """What people call it: `cpux2`."""
        return f"{self.processor}x{self.cores}"


@dataclass(slots=True, kw_only=True)
class _Readings:
    """The samples of one network's different layers on one placement, growing chunk by chunk.

    Attributes:
        hashes: Structural hash of each different layer, in network order.
        missing: Those that have no finished profile.
        samples_us: For each of `hashes` its samples, earlier runs' included.
        steady: For each of `hashes` the board's last verdict.
    """

    hashes: tuple[str, ...]
    missing: frozenset[str]
    samples_us: list[list[float]]
    steady: list[bool] = field(default_factory=list)

    def add(self, chunk: Mapping[str, Any]) -> None:
        for samples, new in zip(self.samples_us, chunk["samples_us"], strict=True):
            samples.extend(new)
        self.steady = list(chunk["steady"])

    @property
    def is_steady(self) -> bool:
        return all(
            steady for name, steady in zip(self.hashes, self.steady, strict=True) if name in self.missing
        )


class Profiler:
    """Fills the database with what a network still lacks.

    Args:
        store: The profile database.
        graph: The network's layers.
        again: Measure what has a finished profile, too; it is replaced when the new one is finished.
    """

    def __init__(self, store: Store, graph: LayerGraph, *, again: bool = False) -> None:
        self._again = again
        self._store = store
        self._graph = graph
        self._hashes = tuple(dict.fromkeys(layer.structural_hash for layer in graph.layers))

    @property
    def count(self) -> int:
        """How many different layers the network has."""
        return len(self._hashes)

    def profiles(self, placement: Placement) -> dict[str, Profile]:
        """The finished profiles of the network's layers on a placement, by structural hash."""
        return {
            name: profile
            for name, profile in self._stored(placement).items()
            if profile.status is not ProfileStatus.PARTIAL
        }

    def missing(self, placement: Placement) -> frozenset[str]:
        """Structural hashes that are to be measured on a placement."""
        return frozenset(self._hashes) - (set() if self._again else self.profiles(placement).keys())

    def measure(
        self,
        session: "TvmSession",
        module: Path,
        placement: Placement,
        progress: Callable[[str], None] = lambda state: None,
    ) -> list[str]:
        """Measures the missing layers of the network on a placement and stores them chunk by chunk.

        The whole network runs, in its own order, since a layer's latency depends on what the layer before left in the
        caches; only what is missing is stored.

        Args:
            session: A TVM RPC session with the board.
            module: The network's kernels linked for the placement's processor.
            placement: Where to measure.
            progress: Told how far the measurement is.

        Returns:
            Structural hashes that stayed unsteady.
        """
        readings = self._readings(placement)
        if not readings.missing:
            return []
        with _bench(session, self._graph, module, placement, readings) as sample:
            spent_s, passes = 0.0, 0
            while spent_s < LEAST_S or not (readings.is_steady or _is_enough(spent_s, passes)):
                chunk = sample(CHUNK_S)
                readings.add(chunk)
                spent_s, passes = spent_s + CHUNK_S, passes + chunk["passes"]
                self._put(readings, placement, is_last=False)
                progress(
                    f"{placement.name}: {sum(readings.steady)} of {len(readings.steady)} layers steady, {passes} passes"
                )
        self._put(readings, placement, is_last=True)
        verdicts = zip(readings.hashes, readings.steady, strict=True)
        return [name for name, steady in verdicts if name in readings.missing and not steady]

    def _stored(self, placement: Placement) -> dict[str, Profile]:
        rows = self._store.profiles_for(placement.environment.fingerprint, self._hashes)
        wanted = (placement.processor, placement.cores, placement.level)
        return {row.layer_hash: row for row in rows if (row.processor, row.cores, row.level) == wanted}

    def _readings(self, placement: Placement) -> _Readings:
        stored = self._stored(placement)
        partial = {name: row for name, row in stored.items() if row.status is ProfileStatus.PARTIAL}
        return _Readings(
            hashes=self._hashes,
            missing=self.missing(placement),
            samples_us=[list(partial[name].samples_us) if name in partial else [] for name in self._hashes],
        )

    def _put(self, readings: _Readings, placement: Placement, *, is_last: bool) -> None:
        rows = zip(readings.hashes, readings.samples_us, readings.steady, strict=True)
        self._store.put_profiles(
            [
                _profile(name, placement, samples, _status(steady=steady, is_last=is_last))
                for name, samples, steady in rows
                if name in readings.missing
            ]
        )


def _is_enough(spent_s: float, passes: int) -> bool:
    return spent_s >= PATIENCE_S and passes >= MIN_PASSES


def _status(*, steady: bool, is_last: bool) -> ProfileStatus:
    if not is_last:
        return ProfileStatus.PARTIAL
    return ProfileStatus.STEADY if steady else ProfileStatus.UNSTEADY


def _profile(name: str, placement: Placement, samples: Sequence[float], status: ProfileStatus) -> Profile:
    array = np.asarray(samples)
    median = float(np.median(array))
    return Profile(
        layer_hash=name,
        environment=placement.environment,
        processor=placement.processor,
        cores=placement.cores,
        level=placement.level,
        latency_us=median,
        latency_mad_us=float(np.median(np.abs(array - median))),
        samples_us=tuple(samples),
        status=status,
        measured_at=datetime.now(UTC),
    )


@contextmanager
def _bench(
    session: "TvmSession", graph: LayerGraph, module: Path, placement: Placement, readings: _Readings
) -> Iterator[Callable[[float], dict[str, Any]]]:
    """Loads a network on the board and gives the function that samples it."""
    session.upload(json.dumps(graph.program(0, len(graph.layers) - 1)).encode(), "program.json")
    uploaded = (
        f"{placement.name}.so"  # a name of its own: the module of the placement before may still be mapped
    )
    session.upload(module.read_bytes(), uploaded)
    group = {name: index for index, name in enumerate(readings.hashes)}
    request = {
        "program": "program.json",
        "module": uploaded,
        "cpus": placement.cpus,
        "groups": [group[layer.structural_hash] for layer in graph.layers],
        "prior_us": readings.samples_us,
        "warm_up_s": WARM_UP_S,
    }
    call_bench(session, "open", json.dumps(request))
    yield lambda seconds: call_bench(session, "sample", seconds)
    call_bench(session, "close")


def call_bench(
    session: "TvmSession", function: str, *arguments: str | float, deadline_s: float = BENCH_DEADLINE_S
) -> dict[str, Any]:
    """Calls one of the board's measuring functions.

    Raises:
        StagelineError: It failed there.
    """
    return session.ask(f"stageline.measure.{function}", *arguments, deadline_s=deadline_s)
