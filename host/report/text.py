"""Quantities and names as people read them."""

import unicodedata

_PREFIXES = ("", "k", "M", "G", "T")
_STEP = 1_000.0
_LEAST_IN_MJ = 0.1
_ROUNDS_TO_NEXT = 0.99995
"""From this share of a unit on, one decimal would show it as a thousand of the smaller one."""


def printable(text: str) -> str:
    """Text from a file or another machine, without what would steer the terminal."""
    return "".join(character if _is_harmless(character) else _escaped(character) for character in text)


def duration_text(duration_us: float) -> str:
    """A time of a layer, stage or frame: `15.9 ms`. Units: microseconds."""
    if duration_us < _ROUNDS_TO_NEXT * _STEP:
        return f"{duration_us:.1f} us"
    duration_ms = duration_us / _STEP
    if duration_ms < _ROUNDS_TO_NEXT * _STEP:
        return f"{duration_ms:.{2 if duration_ms < 9.995 else 1}f} ms"
    return f"{duration_ms / _STEP:.2f} s"


def seconds_text(seconds: float) -> str:
    """How long something took: `12.4 s`, `3 min 5 s`."""
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s"


def rate_text(frames_per_second: float) -> str:
    """A throughput: `62.1 fps`."""
    return f"{frames_per_second:.{1 if frames_per_second < _STEP else 0}f} fps"


def energy_text(energy_uj: float | None, error_uj: float | None = None) -> str:
    """Energy of a layer or frame: `118 mJ`, `1.20 mJ +- 0.01`; `no sensor` where it is unknown.

    Args:
        energy_uj: The energy in microjoules.
        error_uj: How far off it may be.
    """
    if energy_uj is None:
        return "no sensor"
    size_uj = max(energy_uj, error_uj or 0.0)
    unit, scale = ("mJ", _STEP) if size_uj >= _LEAST_IN_MJ * _STEP else ("uJ", 1.0)
    digits = 0 if size_uj >= 10 * scale else 2
    text = f"{energy_uj / scale:.{digits}f} {unit}"
    return text if error_uj is None else f"{text} +- {error_uj / scale:.{max(digits, 1)}f}"


def bytes_text(size_bytes: float) -> str:
    """A size in decimal units: `16.9 MB`."""
    return _scaled(size_bytes, "B")


def operations_text(operations: float) -> str:
    """A number of floating-point operations: `1.14 GFLOP`."""
    return _scaled(operations, "FLOP")


def percent_text(share: float) -> str:
    """A deviation with its sign: `-1.3 %`."""
    return f"{100 * share:+.1f} %"


def _scaled(number: float, unit: str) -> str:
    step = 0
    while number >= _STEP and step < len(_PREFIXES) - 1:
        number, step = number / _STEP, step + 1
    digits = 0 if step == 0 else 2 if number < 10 else 1
    return f"{number:.{digits}f} {_PREFIXES[step]}{unit}"


def _is_harmless(character: str) -> bool:
    return character == "\n" or unicodedata.category(character) not in ("Cc", "Cf", "Cs")


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")
