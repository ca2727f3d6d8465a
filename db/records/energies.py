"""What was measured of a board's power."""

import math
from dataclasses import dataclass
from datetime import datetime

from db.errors import RecordError
from db.records.profiles import Environment


@dataclass(frozen=True, slots=True, kw_only=True)
class PowerSensor:
    """What a board's total power was read from.

    Attributes:
        rail: The rails that add up to it: `VDD_IN`.
        window_s: Over which time a reading is an average.
        step_mw: How finely it is resolved; None where nobody says so.
    """

    rail: str
    window_s: float
    step_mw: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MeanPower:
    """Mean power over a stretch of time, in milliwatts.

    Attributes:
        mean_mw: The mean.
        sd_mw: Standard deviation of the readings.
        error_mw: Half of the mean's 95 % confidence interval.
    """

    mean_mw: float
    sd_mw: float
    error_mw: float


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerEnergy:
    """Power of a board while one layer ran again and again on one placement, and while nothing ran.

    Attributes:
        layer_hash: Structural hash of the layer.
        environment: Where it was measured.
        processor: Name of the processor.
        cores: How many of its cores were used.
        level: The processor's clock level.
        sensor: What was read.
        power: Of the whole board while it ran.
        idle: Of the whole board before and after.
        idle_drift_mw: Idle power after minus before.
        is_idle_drifting: Whether that is more than chance explains.
        independent_readings: Time that it ran over the sensor's window.
        latency_us: The layer's duration, by which power becomes energy.
        energy_uj: Energy of one call above idle; noise may make it negative.
        energy_error_uj: Half of its 95 % confidence interval.
        is_resolved: Whether the energy is larger than its error.
        measured_at: When, with a time zone.

    Raises:
        RecordError: A number is not finite, or there is no time zone.
    """

    layer_hash: str
    environment: Environment
    processor: str
    cores: int
    level: str
    sensor: PowerSensor
    power: MeanPower
    idle: MeanPower
    idle_drift_mw: float
    is_idle_drifting: bool
    independent_readings: int
    latency_us: float
    energy_uj: float
    energy_error_uj: float
    is_resolved: bool
    measured_at: datetime

    def __post_init__(self) -> None:
        """Refuses what no measurement can give."""
        numbers = (
            self.power.mean_mw,
            self.idle.mean_mw,
            self.energy_uj,
            self.energy_error_uj,
            self.latency_us,
        )
        if not all(map(math.isfinite, numbers)) or self.measured_at.tzinfo is None:
            raise RecordError(f"the energy {self} cannot be stored: it is not a measurement's")

    @property
    def total_energy_uj(self) -> float:
        """Energy of one call, the idle board's included."""
        return self.power.mean_mw * self.latency_us / 1e3


@dataclass(frozen=True, slots=True, kw_only=True)
class IdlePower:
    """Power of a board at an operating point while nothing runs.

    Attributes:
        board_fingerprint: Identity of the board; it must be stored before.
        operating_point: Name of the board's clock setting.
        rail: The rails that add up to it.
        power: The power.
        measured_at: When, with a time zone.
    """

    board_fingerprint: str
    operating_point: str
    rail: str
    power: MeanPower
    measured_at: datetime
