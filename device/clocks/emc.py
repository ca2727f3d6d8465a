"""The clock of a Tegra's memory: a cap that anybody may read, and a lock in debugfs that only root sees."""

from device.files import Files

CAP = "sys/kernel/nvpmodel_emc_cap/emc_iso_cap"
"""Hz; 0 is none."""

_DEBUG = "sys/kernel/debug/bpmp/debug/clk/emc"
RATE = f"{_DEBUG}/rate"
LOCK = f"{_DEBUG}/mrq_rate_locked"

PATHS = (CAP, RATE, LOCK)


def emc_cap_hz(files: Files) -> int | None:
    """The cap in force; 0 for none, None where there is no such control."""
    text = files.maybe(CAP) or ""
    return int(text) if text.isdecimal() else None


def fix_emc(files: Files, frequency_hz: int) -> tuple[tuple[str, str], ...]:
    """What to write, in this order, to hold the memory at a frequency.

    The cap alone keeps it from going higher; where debugfs is there, the clock is set and locked, as `jetson_clocks`
    does it.
    """
    writes = [(CAP, frequency_hz), (RATE, frequency_hz), (LOCK, 1)]
    return tuple((path, str(value)) for path, value in writes if files.exists(path))
