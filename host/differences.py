"""What changed between two sets of profiles: two boards, two versions of the kernels, or two dates."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from db.records import LayerLatency, ProfileFilter
from db.store import Store
from host.errors import InputError
from host.planner import CostTable
from host.report.plan import placement_name

_DEVIATIONS: Final = 5.0
_LEAST: Final = 0.01
"""A latency has changed when it differs by more than so many median absolute deviations, and by more than 1 %."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Latency:
    """What a layer takes on a placement.

    Attributes:
        latency_us: The median.
        mad_us: The median absolute deviation; 0 where it is not known.
        schedule: How its kernels are scheduled; empty where it is not known.
    """

    latency_us: float
    mad_us: float = 0.0
    schedule: str = ""


Key = tuple[str, str, str]
"""Layer, placement, level."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """A layer on a placement in both sets, or in one of them.

    Attributes:
        layer: Its name.
        placement: Where it runs.
        level: The processor's clock level.
        before: In the first set; None where it is not there.
        after: In the second set.
    """

    layer: str
    placement: str
    level: str
    before: Latency | None
    after: Latency | None

    @property
    def ratio(self) -> float | None:
        """Latency after over latency before; None where one of them is missing or nothing."""
        if self.before is None or self.after is None or not self.before.latency_us:
            return None
        return self.after.latency_us / self.before.latency_us

    @property
    def is_changed(self) -> bool:
        """Whether the latencies differ by more than they scatter."""
        if self.before is None or self.after is None:
            return True
        change = abs(self.after.latency_us - self.before.latency_us)
        scatter = math.hypot(self.before.mad_us, self.after.mad_us)
        return change > _DEVIATIONS * scatter and change > _LEAST * self.before.latency_us


def differences(before: Mapping[Key, Latency], after: Mapping[Key, Latency]) -> list[Difference]:
    """Everything that is in either set, in the first one's order."""
    return [
        Difference(layer=key[0], placement=key[1], level=key[2], before=before.get(key), after=after.get(key))
        for key in dict.fromkeys((*before, *after))
    ]


def of_table(table: CostTable) -> dict[Key, Latency]:
    """The latencies in a `stageline.profile/1` file."""
    return {
        (layer.name, placement_name(place.processor, place.cores), level): Latency(latency_us=cost.latency_us)
        for layer in table.layers
        for (place, level), cost in layer.costs.items()
    }


def of_store(store: Store, model: str, board: str, version: str | None) -> dict[Key, Latency]:
    """The newest latencies of a network on a board.

    Args:
        store: The profile database.
        model: Name of the network.
        board: Name of the board.
        version: How the kernels' version begins; None for any.

    Raises:
        InputError: There are none.
    """
    rows = store.profiles(ProfileFilter(model=model, board=board, newest_only=False))
    found = {}
    for row in sorted(_of_version(rows, version), key=lambda row: row.measured_at):
        latency = Latency(latency_us=row.latency_us, mad_us=row.latency_mad_us, schedule=row.schedule)
        found[row.position, row.layer, row.placement, row.level] = latency
    if not found:
        kernels = f" with kernels of version {version}" if version else ""
        versions = sorted({row.kernel_version for row in rows})
        hint = f"there are {', '.join(versions)}" if versions else "`host profiles list` shows what there is"
        raise InputError(f"no profile of {model} on {board}{kernels} is in {store.path}", hint=hint)
    return {key[1:]: found[key] for key in sorted(found)}


def _of_version(rows: tuple[LayerLatency, ...], version: str | None) -> Iterator[LayerLatency]:
    return (row for row in rows if version is None or row.kernel_version.startswith(version))


def is_file(source: str) -> bool:
    """Whether a source is a file rather than the name of a board."""
    return Path(source).is_file() or source.endswith(".json")
