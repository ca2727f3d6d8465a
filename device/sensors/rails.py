"""Power rails by name: what each one feeds, and which of them together are the whole board."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Rail:
    """One supply whose power can be read.

    Attributes:
        name: What the board calls it, such as `VDD_SYS_GPU`.
        role: `total`, `cpu`, `gpu`, `soc`, `ddr`, `other`, or two of them where one rail feeds both: `cpu+gpu`.
        path: The file that is read, below the root; where there is none, what stands for it. Unique on the board.
    """

    name: str
    role: str
    path: str


_ALIASES = {
    "total": ("VDD_IN", "POM_5V_IN"),
    "cpu": ("VDD_SYS_CPU", "VDD_CPU", "POM_5V_CPU", "CPU", "VDD_CPU_CV"),
    "gpu": ("VDD_SYS_GPU", "VDD_GPU", "POM_5V_GPU", "GPU"),
    "soc": ("VDD_SYS_SOC", "VDD_SOC", "SOC"),
    "ddr": ("VDD_SYS_DDR", "VDD_DDR", "VDD_5V0_DDR", "VDDRQ", "VDDQ_VDD2_1V8AO"),
    "cpu+gpu": ("VDD_CPU_GPU", "VDD_CPU_GPU_CV"),
    "gpu+soc": ("VDD_GPU_SOC",),
}
"""What the rails of Jetson boards feed. NVIDIA's releases and mainline Linux name the same rail differently; parts of
names mean nothing: `VDD_M2_IN` is a slot on the carrier board."""

_ROLES = {name: role for role, names in _ALIASES.items() for name in names}

_TOTALS = (
    ("VDD_IN",),
    ("POM_5V_IN",),
    ("GPU", "CPU", "SOC", "CV", "VDDRQ", "SYS5V"),
    ("VDD_GPU_SOC", "VDD_CPU_CV", "VIN_SYS_5V0"),
)
"""What adds up to a board: the input rail of the module, which feeds all others (TX1 to Xavier NX, Orin NX and Nano),
that of the Nano, all six of the AGX Xavier, three of the AGX Orin, whose memory is fed from `VIN_SYS_5V0`."""


def role_of(name: str) -> str:
    """What a rail of that name feeds; `other` for a name that is not known."""
    return _ROLES.get(name.upper(), "other")


def names_of_total(names: Iterable[str]) -> tuple[str, ...]:
    """The rails that add up to the power of a whole Jetson board, none twice; nothing where that is not known.

    Args:
        names: The rails that can be read.
    """
    present = set(names)
    return next((total for total in _TOTALS if present.issuperset(total)), ())
