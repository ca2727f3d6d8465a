"""Plans and what was measured when they ran."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanRecord:
    """A stored plan.

    Attributes:
        id: Its number, by which people speak of it; never used twice.
        created_at: When it was stored.
        document: The `stageline.plan/1` document; `measured` is what its last deployment measured.
        model_fingerprint: The network it was made for; None where that is not in the database.
        board_fingerprint: The board it was made for; None where that is not in the database.
    """

    id: int
    created_at: datetime
    document: Mapping[str, Any]
    model_fingerprint: str | None
    board_fingerprint: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanSummary:
    """One line about a stored plan.

    Attributes:
        id: Its number.
        created_at: When it was stored.
        model: Name of the network.
        board: Name of the board.
        objective: What it was optimised for.
        operating_point: Name of the board's clock setting.
        pipeline: Its placements in order, such as `denver2x2 | gpu | a57x2 *2` (two replicas).
        period_us: Predicted period.
        latency_us: Predicted latency.
        energy_uj_per_frame: Predicted energy a frame; None where it is unknown.
        gain: Period of the best single placement over its own; None where there is none.
        deployments: How often it was deployed.
        measured_period_us: Period that the last deployment measured; None before the first.
    """

    id: int
    created_at: datetime
    model: str
    board: str
    objective: str
    operating_point: str
    pipeline: str
    period_us: float
    latency_us: float
    energy_uj_per_frame: float | None
    gain: float | None
    deployments: int
    measured_period_us: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeploymentRecord:
    """What was measured when a plan ran on its board.

    Attributes:
        id: Its number.
        plan_id: Number of the plan.
        deployed_at: When it was stored.
        measured: The measurement as it stands in a plan's `measured`.
    """

    id: int
    plan_id: int
    deployed_at: datetime
    measured: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Slowdown:
    """How a stage fared in a running pipeline.

    Attributes:
        model_fingerprint: The network; None where it is not in the database.
        processor: Where the stage ran.
        cores: On how many of its cores.
        first_layer: Its first layer.
        last_layer: Its last layer.
        is_alone: Whether it was the only stage, with one replica.
        has_replicas: Whether some stage of its pipeline had several.
        slowdown: Time of its layers over the sum of their profiles.
    """

    model_fingerprint: str | None
    processor: str
    cores: int
    first_layer: str
    last_layer: str
    is_alone: bool
    has_replicas: bool
    slowdown: float
