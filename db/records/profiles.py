"""Measured profiles, the environments they were measured in, and how they are listed."""

import hashlib
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, NoReturn

from db.documents import canonical
from db.errors import RecordError


class ProfileStatus(StrEnum):
    """How far the measurement of a profile came."""

    PARTIAL = "partial"
    """Interrupted; a later run continues from these samples."""
    STEADY = "steady"
    """Finished, with samples that agree."""
    UNSTEADY = "unsteady"
    """Finished, but the samples scatter more than was allowed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """Everything that a latency depends on besides layer, placement and level.

    Attributes:
        tvm: Version of TVM.
        tvm_ffi: Version of TVM's FFI.
        target: TVM's target as a dictionary.
        board_fingerprint: Identity of the board; the board must be stored before the first profile.
        operating_point: Name of the board's clock setting.
        kernel_version: Version of the schedules that generated the code.
    """

    tvm: str
    tvm_ffi: str
    target: Mapping[str, Any]
    board_fingerprint: str
    operating_point: str
    kernel_version: str

    @property
    def fingerprint(self) -> str:
        """SHA-256 over all attributes: profiles are comparable where this is equal."""
        parts = [
            self.tvm,
            self.tvm_ffi,
            self.target,
            self.board_fingerprint,
            self.operating_point,
            self.kernel_version,
        ]
        return hashlib.sha256(canonical(parts).encode()).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """Measured latency and energy of one layer on one placement at one level.

    Attributes:
        layer_hash: Structural hash of the layer.
        environment: Where it was measured.
        processor: Name of the processor.
        cores: How many of its cores were used.
        level: The processor's clock level.
        latency_us: Median of the samples.
        latency_mad_us: Median absolute deviation of the samples from their median.
        samples_us: Every sample, in the order taken.
        status: How far the measurement came.
        measured_at: When the last sample was taken, with a time zone.
        energy_uj: Energy above idle a call; None without a sensor.
        schedule: How the layer's kernels were scheduled: their variants, such as `plain+direct-1-14-32-pixels`; empty
            where that was not recorded.
        candidates_us: Median latency of every schedule that was tried, this one included, in the order of trial: the
            likeliest first. Empty where nothing was to be chosen.
        slowdown: How many times as long a call takes while the board's other cores work, too; None where that was not
            measured.

    Raises:
        RecordError: A number is negative or not finite, it has no core or no sample, or no time zone.
    """

    layer_hash: str
    environment: Environment
    processor: str
    cores: int
    level: str
    latency_us: float
    latency_mad_us: float
    samples_us: tuple[float, ...]
    status: ProfileStatus
    measured_at: datetime
    energy_uj: float | None = None
    schedule: str = ""
    candidates_us: Mapping[str, float] = field(default_factory=dict, hash=False)
    slowdown: float | None = None

    def __post_init__(self) -> None:
        """Refuses what no measurement can give."""
        for name, value in self._quantities():
            if not (math.isfinite(value) and value >= 0):
                self._refuse(f"{name} is {value}, expected a finite number from 0 up")
        if not self.samples_us:
            self._refuse("it has no samples")
        if self.cores < 1:
            self._refuse(f"cores is {self.cores}, expected at least 1")
        if self.measured_at.tzinfo is None:
            self._refuse(f"measured_at {self.measured_at} has no time zone")

    def _quantities(self) -> Iterator[tuple[str, float]]:
        yield "latency_us", self.latency_us
        yield "latency_mad_us", self.latency_mad_us
        if self.energy_uj is not None:
            yield "energy_uj", self.energy_uj
        if self.slowdown is not None:
            yield "slowdown", self.slowdown
        for index, sample in enumerate(self.samples_us):
            yield f"samples_us[{index}]", sample
        for schedule, latency in self.candidates_us.items():
            yield f"candidates_us[{schedule}]", latency

    def _refuse(self, reason: str) -> NoReturn:
        placement = f"{self.processor}x{self.cores}"
        raise RecordError(f"the profile of layer {self.layer_hash} on {placement} cannot be stored: {reason}")


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfileFilter:
    """Which profiles a listing shows; a field that is None takes everything.

    Attributes:
        model: Name of the network.
        board: Name of the board.
        layer: Name of the layer.
        processor: Name of the processor.
        cores: Number of cores.
        level: Clock level.
        operating_point: Name of the board's clock setting.
        status: How far the measurement came.
        newest_only: Leave out what a later measurement of the same layer on the same placement superseded.
    """

    model: str | None = None
    board: str | None = None
    layer: str | None = None
    processor: str | None = None
    cores: int | None = None
    level: str | None = None
    operating_point: str | None = None
    status: ProfileStatus | None = None
    newest_only: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class RunnerUp:
    """The fastest of the schedules that a layer could have had instead of its own.

    Attributes:
        schedule: Its name.
        latency_us: Its median in the trial.
        winner_us: Median in the same trial of the schedule that the layer has.
    """

    schedule: str
    latency_us: float
    winner_us: float

    @property
    def slower_by(self) -> float | None:
        """How much longer it took, as a share: 0.05 for 5 %; None where the winner's time was too short to tell."""
        return self.latency_us / self.winner_us - 1 if self.winner_us else None


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerLatency:
    """A profile seen from a network: one row of the view `v_layer_latency`.

    Attributes:
        model: Name of the network.
        board: Name of the board.
        position: Place of the layer in execution order, from 0.
        layer: Name of the layer.
        layer_hash: Structural hash of the layer.
        placement: Processor and cores, such as `a57x2`; an accelerator stands alone.
        processor: Name of the processor.
        cores: Number of cores.
        level: Clock level.
        operating_point: Name of the board's clock setting.
        latency_us: Median of the samples.
        latency_mad_us: Median absolute deviation of the samples.
        energy_uj: Energy above idle a call; None without a sensor.
        energy_error_uj: Half of its 95 % confidence interval; None where it is not known.
        samples_us: Every sample.
        status: How far the measurement came.
        measured_at: When the last sample was taken.
        environment: Fingerprint of the environment.
        tvm: Version of TVM.
        kernel_version: Version of the schedules.
        is_newest: No later measurement of the same layer on the same placement superseded it.
        schedule: How the layer's kernels were scheduled; empty where that was not recorded.
        candidates_us: Median latency of every schedule that was tried, as in `Profile`.
    """

    model: str
    board: str
    position: int
    layer: str
    layer_hash: str
    placement: str
    processor: str
    cores: int
    level: str
    operating_point: str
    latency_us: float
    latency_mad_us: float
    energy_uj: float | None
    samples_us: tuple[float, ...]
    status: ProfileStatus
    measured_at: datetime
    environment: str
    tvm: str
    kernel_version: str
    is_newest: bool
    energy_error_uj: float | None = None
    schedule: str = ""
    candidates_us: Mapping[str, float] = field(default_factory=dict, hash=False)

    @property
    def alternatives_us(self) -> Mapping[str, float]:
        """What the schedules took that were tried and not chosen."""
        return {name: time for name, time in self.candidates_us.items() if name != self.schedule}

    @property
    def runner_up(self) -> RunnerUp | None:
        """The fastest alternative; None where there was none."""
        others = self.alternatives_us
        if not others:
            return None
        name = min(others, key=lambda other: others[other])
        # Times of one trial compare best: the profile's own were taken later, without the others around.
        winner_us = self.candidates_us.get(self.schedule, self.latency_us)
        return RunnerUp(schedule=name, latency_us=others[name], winner_us=winner_us)


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelTotal:
    """A network on one placement in one environment: one row of the view `v_model_totals`.

    Attributes:
        model: Name of the network.
        board: Name of the board.
        operating_point: Name of the board's clock setting.
        placement: Processor and cores, such as `a57x2`; an accelerator stands alone.
        level: Clock level.
        layers: Number of layers of the network.
        measured_layers: How many of them have a finished profile.
        unsteady_layers: How many of them were measured but scatter.
        latency_us: Sum over the finished profiles: the network's latency once all layers are measured.
        energy_uj: The same of the energies; None where one of them is unknown.
        measured_at: When the last sample was taken.
        is_newest: No later measurement superseded any of the profiles.
    """

    model: str
    board: str
    operating_point: str
    placement: str
    level: str
    layers: int
    measured_layers: int
    unsteady_layers: int
    latency_us: float
    energy_uj: float | None
    measured_at: datetime
    is_newest: bool

    @property
    def is_complete(self) -> bool:
        """Whether every layer of the network has a finished profile."""
        return self.measured_layers == self.layers
