"""Which plans a user accepts."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from host.errors import UsageError
from host.planner.costs import CostTable


@dataclass(frozen=True, slots=True, kw_only=True)
class Constraints:
    """Which plans a user accepts; by default all of them.

    A limit counts as met when it is exceeded by less than a billionth, so that a plan's own printed numbers
    may be used as limits.

    Attributes:
        max_stages: Most stages.
        no_replicas: Every stage runs once only.
        min_fps: Least throughput.
        max_latency_ms: Most latency, the sum of the stage times.
        max_power_w: Most average power, the idle board's included: energy of a frame / period.
        source_fps: Rate at which frames come; no plan is faster, and none needs to be.
        use: Processors that must run at least one stage.
        avoid: Processors that must run none; they count neither for the baseline nor for the bound.
        cuts: Layers after which a stage must end.

    Raises:
        UsageError: A limit is not a positive finite number, or a processor is to be used and avoided.
    """

    max_stages: int | None = None
    no_replicas: bool = False
    min_fps: float | None = None
    max_latency_ms: float | None = None
    max_power_w: float | None = None
    source_fps: float | None = None
    use: tuple[str, ...] = ()
    avoid: tuple[str, ...] = ()
    cuts: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.max_stages is not None and self.max_stages < 1:
            raise UsageError(f"a plan has at least one stage, not at most {self.max_stages}")
        limits = {"min_fps": "fps", "max_latency_ms": "ms", "max_power_w": "W", "source_fps": "fps"}
        for name, unit in limits.items():
            limit = getattr(self, name)
            if limit is not None and not (math.isfinite(limit) and limit > 0):
                raise UsageError(f"{name} is {limit} {unit}; it must be a finite number above zero")
        if both := sorted(set(self.use) & set(self.avoid)):
            raise UsageError(f"{', '.join(both)} cannot be used and avoided at once")

    @property
    def source_period_us(self) -> float:
        """Time between two frames of the source; 0 when frames come as fast as they are taken."""
        return 1e6 / self.source_fps if self.source_fps is not None else 0.0

    def check_names(self, table: CostTable) -> None:
        """Refuses names that a table does not have.

        Raises:
            UsageError: A processor or a layer is unknown, all processors are avoided, or nothing follows a
                cut.
        """
        processors = [processor.name for processor in table.processors]
        layers = [layer.name for layer in table.layers]
        _require_known("processor", (*self.use, *self.avoid), processors, table.board)
        _require_known("layer", self.cuts, layers, table.model)
        if layers[-1] in self.cuts:
            raise UsageError(f"nothing follows {layers[-1]}, the last layer: there is nothing to cut off")
        if set(processors) <= set(self.avoid):
            raise UsageError(f"every processor of {table.board} is avoided")


def _require_known(kind: str, names: Sequence[str], known: Sequence[str], owner: str) -> None:
    for name in names:
        if name not in known:
            shown = ", ".join(known) if kind == "processor" else f"from {known[0]} to {known[-1]}"
            raise UsageError(f"{owner} has no {kind} {name!r}", hint=f"its {kind}s: {shown}")
