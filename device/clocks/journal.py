"""What was there before clocks were changed, on disk, so that it outlives whoever changed them."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from device.clocks.setting import Values
from device.errors import ClocksError


@dataclass(frozen=True, slots=True)
class Journal:
    """A file that holds values by path as long as the board is not as it was found.

    Attributes:
        path: Of the file, on a file system that a restart of the board empties, such as `/run`: a restart brings the
            clocks back by itself.
    """

    path: Path

    def read(self) -> dict[str, str]:
        """The values to bring back; none where nothing was changed.

        Raises:
            ClocksError: The file cannot be read, or is none of ours.
        """
        try:
            document = json.loads(self.path.read_text())
        except FileNotFoundError:
            return {}
        except (OSError, ValueError) as error:
            raise ClocksError(f"cannot read {self.path}: {error}", hint="restart the board") from error
        if not isinstance(document, dict) or not all(map(_is_value, document.items())):
            raise ClocksError(f"{self.path} does not hold clocks", hint="restart the board")
        return document

    def keep(self, values: Values) -> None:
        """Adds values of paths that it does not hold yet; they are on disk when this returns.

        Raises:
            ClocksError: They cannot be written.
        """
        held = self.read()
        if values.keys() <= held.keys():
            return
        try:
            self._replace({**values, **held})
        except OSError as error:
            raise ClocksError(f"cannot write {self.path}: {error.strerror}") from error

    def clear(self) -> None:
        """The board is as it was found."""
        self.path.unlink(missing_ok=True)

    def _replace(self, values: Mapping[str, str]) -> None:
        partial = self.path.with_suffix(".partial")
        with partial.open("w") as file:
            json.dump(values, file)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(self.path)
        folder = os.open(self.path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def _is_value(item: tuple[object, object]) -> bool:
    path, text = item
    return (
        isinstance(path, str)
        and isinstance(text, str)
        and path.startswith("sys/")
        and ".." not in path.split("/")
    )
