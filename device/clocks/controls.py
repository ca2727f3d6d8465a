"""The files that steer clocks and CPUs: read through `Files`, written through one function that tests may replace."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from device.errors import ClocksError
from device.files import Files

CPUS = "sys/devices/system/cpu"

Write = Callable[[str, str], None]


@dataclass(frozen=True, slots=True)
class Controls:
    """Reads and writes below a root.

    Attributes:
        files: What is read.
        write: Writes a text to a path relative to the root; raises OSError.
    """

    files: Files
    write: Write

    @classmethod
    def below(cls, root: Path) -> "Controls":
        """The files below a root, `/` or a copy of a board's files."""
        return cls(Files(root), lambda path, text: _write(root, path, text))

    def put(self, path: str, value: str) -> None:
        """Writes a value.

        Raises:
            ClocksError: Linux does not take it.
        """
        try:
            self.write(path, value)
        except OSError as error:
            raise ClocksError(f"cannot write {value} to /{path}: {error.strerror or error}") from error

    def present(self, paths: Mapping[str, str] | tuple[str, ...]) -> dict[str, str]:
        """What those of some files hold that can be read."""
        found = {path: self.files.maybe(path) for path in paths}
        return {path: text for path, text in found.items() if text is not None}


def _write(root: Path, path: str, text: str) -> None:
    """Writes to a file that is there: the kernel's are never made, and a link never leads out of the root."""
    place = Path(os.path.realpath(root / path))
    if not place.is_relative_to(os.path.realpath(root)):
        raise PermissionError(f"{path} leads out of {root}")
    descriptor = os.open(place, os.O_WRONLY | os.O_TRUNC | os.O_CLOEXEC)
    try:
        os.write(descriptor, f"{text}\n".encode())
    finally:
        os.close(descriptor)
