"""What a comparison of engines says: medians over the rounds, and the ratios between engines. Pure."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from statistics import median
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from host.planner import Plan

UNSTEADY_SCATTER = 0.05
"""From this relative scatter between the rounds on, figures deserve a warning."""


class Engine(StrEnum):
    """What runs the network."""

    ONNXRUNTIME = "onnxruntime"
    STAGELINE = "stageline"


class Mode(StrEnum):
    """How an engine uses the board's cores."""

    SINGLE_CORE = "single-core"
    """One frame at a time on one core."""

    ALL_CORES = "all-cores"
    """One frame at a time on all cores of a processor (for ONNX Runtime: of the board)."""

    SESSION_PER_CORE = "session-per-core"
    """A session of its own on every core of the board, all at the same time."""

    PIPELINE = "pipeline"
    """The plan with the greatest throughput."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Contender:
    """An engine in one of its modes.

    Attributes:
        engine: What runs.
        mode: How.
        cpus: Ids of the CPUs that it uses, where it is no plan.
        plan: What is deployed for it, where it is one.
    """

    engine: Engine
    mode: Mode
    cpus: tuple[int, ...] = ()
    plan: "Plan | None" = field(default=None, hash=False)

    @property
    def name(self) -> str:
        """What it is called on the board and where it is told of."""
        return f"{self.engine} {self.mode}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """What a contender did in one round.

    Attributes:
        latency_ms: Median time of a frame; in a pipeline of a frame that is alone inside.
        throughput_fps: Frames a second.
        frames: How many frames were timed.
    """

    latency_ms: float
    throughput_fps: float
    frames: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A contender with all of its turns, at least one."""

    contender: Contender
    turns: tuple[Turn, ...]

    @property
    def latency_ms(self) -> float:
        """Median over the rounds."""
        return median(turn.latency_ms for turn in self.turns)

    @property
    def throughput_fps(self) -> float:
        """Median over the rounds."""
        return median(turn.throughput_fps for turn in self.turns)

    @property
    def frames(self) -> int:
        """How many frames were timed in all rounds."""
        return sum(turn.frames for turn in self.turns)

    @property
    def scatter(self) -> float:
        """Median absolute deviation of the rounds' throughput, relative to their median."""
        middle = self.throughput_fps
        return median(abs(turn.throughput_fps - middle) for turn in self.turns) / middle


@dataclass(frozen=True, slots=True, kw_only=True)
class Ratios:
    """Stageline divided by the other engine; nothing where there is no other engine.

    Attributes:
        single_core_latency: Of the latencies on one core; below one Stageline is faster.
        best_throughput: Of each engine's best throughput in any mode; above one Stageline is faster.
    """

    single_core_latency: float | None
    best_throughput: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Engines side by side on one board.

    Attributes:
        model: Name of the network.
        board: Name of the board.
        entries: The other engine's first.
        rounds: How many turns each had.
        cores: How many CPU cores the board has.
        versions: Versions on the board of what was measured.
        largest_difference: Between the engines' outputs, relative to the largest value; nothing with one engine.
    """

    model: str
    board: str
    entries: tuple[Entry, ...]
    rounds: int
    cores: int
    versions: Mapping[str, str]
    largest_difference: float | None = None

    @property
    def ratios(self) -> Ratios:
        """How the engines compare."""
        return Ratios(
            single_core_latency=self._ratio(lambda engine: self._single_core(engine).latency_ms),
            best_throughput=self._ratio(lambda engine: self.best(engine).throughput_fps),
        )

    def of(self, engine: Engine) -> tuple[Entry, ...]:
        """An engine's entries."""
        return tuple(entry for entry in self.entries if entry.contender.engine is engine)

    def entry(self, engine: Engine, mode: Mode) -> Entry | None:
        """An engine's entry in a mode, where there is one."""
        return next((entry for entry in self.of(engine) if entry.contender.mode is mode), None)

    def best(self, engine: Engine) -> Entry:
        """An engine's entry with the greatest throughput."""
        return max(self.of(engine), key=lambda entry: entry.throughput_fps)

    def _single_core(self, engine: Engine) -> Entry:
        return next(entry for entry in self.of(engine) if entry.contender.mode is Mode.SINGLE_CORE)

    def _ratio(self, figure: Callable[[Engine], float]) -> float | None:
        if not self.of(Engine.ONNXRUNTIME):
            return None
        return figure(Engine.STAGELINE) / figure(Engine.ONNXRUNTIME)


def unsteady(entries: Iterable[Entry]) -> list[Entry]:
    """The entries whose rounds scatter too much to be trusted."""
    return [entry for entry in entries if entry.scatter > UNSTEADY_SCATTER]
