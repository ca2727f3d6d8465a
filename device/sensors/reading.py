"""Reading sensor files, which may say "later", fail, or say nothing."""

import time
from collections.abc import Callable

from device.files import Files

Sleep = Callable[[float], None]

_ATTEMPTS = 5
_RETRY_S = 0.02
_CELL_BYTES = 4


def read_text(files: Files, path: str, sleep: Sleep = time.sleep) -> str | None:
    """What a file says without the space around it; None where it cannot be read, is empty or says `(null)`.

    EAGAIN, by which a sensor asks for patience, is tried again a few times. Nothing else is: a disabled channel
    (ENODATA) stays disabled, and an empty file is an answer.

    Args:
        files: Where to look.
        path: The file, below the root.
        sleep: Waits for seconds.
    """
    for attempt in range(_ATTEMPTS):
        if attempt:
            sleep(_RETRY_S)
        try:
            text = files.text(path).strip("\0\n\t ")
        except BlockingIOError:
            continue
        except OSError:
            return None
        return None if text in {"", "(null)"} else text
    return None


def read_number(files: Files, path: str, sleep: Sleep = time.sleep) -> int | None:
    """The whole number that a file begins with, whatever its sign; None as for `read_text`, or where there is none."""
    text = read_text(files, path, sleep)
    try:
        return int(text.split()[0]) if text else None
    except ValueError:
        return None


def product(*factors: int | None) -> float | None:
    """Their product; None where one is missing."""
    result = 1.0
    for factor in factors:
        if factor is None:
            return None
        result *= factor
    return result


def read_device_tree(files: Files, path: str) -> int | None:
    """A cell of the device tree, a number of 32 bits with its most significant byte first; None where there is none."""
    try:
        cell = files.read(files.root / path)  # no text: its bytes may be anything
    except OSError:
        return None
    return int.from_bytes(cell[:_CELL_BYTES]) if len(cell) >= _CELL_BYTES else None
