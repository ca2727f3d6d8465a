"""Which power rails Linux offers; every file is looked up below a root that tests may choose."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Rail:
    """One supply whose power can be read.

    Attributes:
        name: What the board calls it, such as `VDD_SYS_GPU`.
        role: `total`, `cpu`, `gpu`, `soc`, `ddr`, or `other`.
        path: The file that is read, below the root.
    """

    name: str
    role: str
    path: str


def find_rails(root: Path = Path("/")) -> tuple[Rail, ...]:
    """Every rail that this board has, in the order in which people list them.

    Args:
        root: Where `/sys` and `/proc` are looked up.
    """
    del root
    return ()


def read_rails(root: Path = Path("/")) -> tuple[tuple[Rail, float | None], ...]:
    """Every rail with its present power in milliwatts, None where it cannot be had now.

    Args:
        root: As for `find_rails`.
    """
    return tuple((rail, None) for rail in find_rails(root))
