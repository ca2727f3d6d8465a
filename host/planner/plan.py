"""A plan: which layers run where, and what that is predicted to take."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, Self

from host.errors import InputError
from host.planner.fields import Record, check_schema

SCHEMA: Final = "stageline.plan/1"
FRONT_SCHEMA: Final = "stageline.front/1"

_PLAN = frozenset(
    {
        "schema",
        "model",
        "board",
        "operating_point",
        "objective",
        "stages",
        "period_us",
        "throughput_fps",
        "latency_us",
        "energy_uj_per_frame",
        "baseline",
        "gain",
        "bound_us",
        "measured",
    }
)
_STAGE = frozenset({"first", "last", "layers", "processor", "cores", "replicas", "time_us", "energy_uj"})
_BASELINE = frozenset({"processor", "cores", "period_us"})
_MEASURED = frozenset(
    {"period_us", "throughput_fps", "latency_us", "energy_uj_per_frame", "stages", "frames"}
)
_MEASURED_STAGE = frozenset({"time_us"})
_READING = frozenset({"time_s", "power_mw"})


class Objective(StrEnum):
    """What a plan is the best in."""

    THROUGHPUT = "throughput"
    ENERGY = "energy"
    LATENCY = "latency"


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanStage:
    """A contiguous run of layers on one placement.

    Attributes:
        first: Position of the first layer.
        last: Position of the last layer.
        layers: Their names.
        processor: Where they run.
        cores: How many of its cores each replica uses.
        replicas: How many copies take frames in turn.
        time_us: Hand-over, incoming transfer and layers, for one frame in one replica.
        energy_uj: Energy above idle for one frame, with the incoming transfer; None without a sensor.
    """

    first: int
    last: int
    layers: tuple[str, ...]
    processor: str
    cores: int
    replicas: int
    time_us: float
    energy_uj: float | None

    def to_document(self) -> dict[str, Any]:
        """The stage's part of a plan's document."""
        return {
            "first": self.first,
            "last": self.last,
            "layers": list(self.layers),
            "processor": self.processor,
            "cores": self.cores,
            "replicas": self.replicas,
            "time_us": self.time_us,
            "energy_uj": self.energy_uj,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Baseline:
    """The fastest single placement: one stage, one replica.

    Attributes:
        processor: Where all layers run.
        cores: How many of its cores.
        period_us: Time between two outputs.
    """

    processor: str
    cores: int
    period_us: float


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasuredStage:
    """What a deployed stage took.

    Attributes:
        time_us: Time for one frame in one replica.
    """

    time_us: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What a deployed plan took.

    Attributes:
        period_us: Steady-state time between two outputs.
        throughput_fps: Its inverse.
        latency_us: Time of one frame through all stages.
        energy_uj_per_frame: None without a sensor.
        stages: In the plan's order.
        frames: How many frames were measured.
        power: Readings of the board's power meanwhile: seconds since the first, milliwatts; none without a sensor.
    """

    period_us: float
    throughput_fps: float
    latency_us: float
    energy_uj_per_frame: float | None
    stages: tuple[MeasuredStage, ...]
    frames: int
    power: tuple[tuple[float, float], ...] = ()

    def to_document(self) -> dict[str, Any]:
        """The `measured` part of a plan's document; without readings of the power there is no key for them."""
        readings = [{"time_s": time_s, "power_mw": power_mw} for time_s, power_mw in self.power]
        return {
            "period_us": self.period_us,
            "throughput_fps": self.throughput_fps,
            "latency_us": self.latency_us,
            "energy_uj_per_frame": self.energy_uj_per_frame,
            "stages": [{"time_us": stage.time_us} for stage in self.stages],
            "frames": self.frames,
        } | ({"power": readings} if readings else {})


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """An operating point, the stages, and what they are predicted to take.

    Attributes:
        model: Name of the network.
        board: Name of the board.
        operating_point: The setting of the clocks.
        objective: What was looked for.
        stages: In the order in which a frame passes them.
        period_us: Steady-state time between two outputs.
        throughput_fps: Its inverse.
        latency_us: The sum of the stage times.
        energy_uj_per_frame: With the idle power; None where anything of it was not measured.
        baseline: None where no placement has a cost for every layer.
        gain: Baseline period / period; None without a baseline.
        bound_us: The least period that a fractional split of the same costs could reach.
        measured: None before a deployment.
    """

    model: str
    board: str
    operating_point: str
    objective: str
    stages: tuple[PlanStage, ...]
    period_us: float
    throughput_fps: float
    latency_us: float
    energy_uj_per_frame: float | None
    baseline: Baseline | None
    gain: float | None
    bound_us: float
    measured: Measured | None = None

    def to_document(self) -> dict[str, Any]:
        """The `stageline.plan/1` document."""
        baseline = self.baseline
        return {
            "schema": SCHEMA,
            "model": self.model,
            "board": self.board,
            "operating_point": self.operating_point,
            "objective": self.objective,
            "stages": [stage.to_document() for stage in self.stages],
            "period_us": self.period_us,
            "throughput_fps": self.throughput_fps,
            "latency_us": self.latency_us,
            "energy_uj_per_frame": self.energy_uj_per_frame,
            "baseline": baseline
            and {"processor": baseline.processor, "cores": baseline.cores, "period_us": baseline.period_us},
            "gain": self.gain,
            "bound_us": self.bound_us,
            "measured": self.measured and self.measured.to_document(),
        }

    @classmethod
    def from_document(cls, document: object) -> Self:
        """Reads what `to_document` gave.

        Raises:
            InputError: Something is missing, unknown, of the wrong kind or does not fit together; says where.
        """
        check_schema(document, SCHEMA)
        root = Record(document, (), _PLAN)
        stages = _stages(root)
        return cls(
            model=root.text("model"),
            board=root.text("board"),
            operating_point=root.text("operating_point"),
            objective=root.text("objective"),
            stages=stages,
            period_us=root.positive("period_us"),
            throughput_fps=root.positive("throughput_fps"),
            latency_us=root.number("latency_us"),
            energy_uj_per_frame=root.number_or_none("energy_uj_per_frame"),
            baseline=_baseline(root),
            gain=root.number_or_none("gain"),
            bound_us=root.number("bound_us"),
            measured=_measured(root, len(stages)),
        )


def front_document(plans: Sequence[Plan]) -> dict[str, Any]:
    """The `stageline.front/1` document of plans of which none beats another.

    Args:
        plans: At least one, all of one network on one board.
    """
    return {
        "schema": FRONT_SCHEMA,
        "model": plans[0].model,
        "board": plans[0].board,
        "plans": [plan.to_document() for plan in plans],
    }


def _stages(root: Record) -> tuple[PlanStage, ...]:
    stages: list[PlanStage] = []
    for row in root.records("stages", _STAGE):
        first, last, layers = row.whole("first"), row.whole("last"), row.texts("layers")
        if first != (expected := stages[-1].last + 1 if stages else 0):
            raise row.refuse("first", f", and the stage must begin at layer {expected}")
        if last - first + 1 != len(layers) or not layers:
            raise row.refuse("last", f", which does not fit {first} as the first of {len(layers)} layers")
        stages.append(
            PlanStage(
                first=first,
                last=last,
                layers=layers,
                processor=row.text("processor"),
                cores=row.whole("cores", minimum=1),
                replicas=row.whole("replicas", minimum=1),
                time_us=row.number("time_us"),
                energy_uj=row.number_or_none("energy_uj"),
            )
        )
    if not stages:
        raise InputError("stages is empty; a plan has at least one")
    return tuple(stages)


def _baseline(root: Record) -> Baseline | None:
    if root.is_null("baseline"):
        return None
    row = root.record("baseline", _BASELINE)
    return Baseline(
        processor=row.text("processor"),
        cores=row.whole("cores", minimum=1),
        period_us=row.number("period_us"),
    )


def _measured(root: Record, stages: int) -> Measured | None:
    if root.is_null("measured"):
        return None
    row = root.record("measured", _MEASURED, frozenset({"power"}))
    found = tuple(
        MeasuredStage(time_us=stage.number("time_us")) for stage in row.records("stages", _MEASURED_STAGE)
    )
    if len(found) != stages:
        raise InputError(f"{row.where('stages')} has {len(found)} entries, and the plan has {stages} stages")
    return Measured(
        period_us=row.positive("period_us"),
        throughput_fps=row.positive("throughput_fps"),
        latency_us=row.number("latency_us"),
        energy_uj_per_frame=row.number_or_none("energy_uj_per_frame"),
        stages=found,
        frames=row.whole("frames", minimum=1),
        power=tuple(
            (reading.number("time_s"), reading.number("power_mw"))
            for reading in row.records("power", _READING)
        ),
    )
