"""What searches for schedules found."""

import hashlib
import math
from dataclasses import dataclass
from datetime import datetime

from db.documents import canonical
from db.errors import RecordError
from db.records.profiles import Environment


@dataclass(frozen=True, slots=True, kw_only=True)
class TuningRecord:
    """A schedule of a kernel that a search has measured: with the kernel's definition, all that it takes to build it.

    Attributes:
        kernel: Digest of what the kernel computes.
        variant: Name of the analytic variant that it competes with and whose order of the weights it takes.
        environment: Where it was measured.
        processor: Name of the processor.
        cores: How many of its cores were used.
        trace: What was done to the definition's loops, as TVM's JSON.
        latency_us: Median of the samples, of the kernel by itself.
        trial: How many schedules of the kernel had been measured there, this one included.
        measured_at: When, with a time zone.

    Raises:
        RecordError: The latency is not a positive number, or it has no trial, core or time zone.
    """

    kernel: str
    variant: str
    environment: Environment
    processor: str
    cores: int
    trace: str
    latency_us: float
    trial: int
    measured_at: datetime

    def __post_init__(self) -> None:
        """Refuses what no measurement can give."""
        is_time = math.isfinite(self.latency_us) and self.latency_us > 0
        if not is_time or self.trial < 1 or self.cores < 1 or self.measured_at.tzinfo is None:
            raise RecordError(f"the tuning record {self} cannot be stored: it is not a measurement's")

    @property
    def digest(self) -> str:
        """16 hexadecimal digits: equal for what compiles to the same kernel."""
        environment = self.environment
        parts = [self.kernel, self.variant, environment.tvm, environment.kernel_version, self.trace]
        return hashlib.sha256(canonical(parts).encode()).hexdigest()[:16]
