"""Reading what Linux and a board's software say in small files, below a root that may stand in for `/`."""

import errno
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

_MAX_LINKS = 8


@dataclass(frozen=True, slots=True)
class Files:
    """The files below a root. Paths are relative to it, with `/` between their parts and none in front.

    An absolute link in a copied system means the copy's own file: nothing of this machine is read below another root.

    Attributes:
        root: `/`, or a copy of a board's files.
        read: Reads one file; tests put failures here that no plain file shows, such as EAGAIN.
    """

    root: Path
    read: Callable[[Path], bytes] = Path.read_bytes

    def text(self, path: str) -> str:
        """What a file holds, unchanged.

        Raises:
            OSError: It is missing or cannot be read.
        """
        return self.read(self._locate(path)).decode(errors="replace")

    def maybe(self, path: str) -> str | None:
        """What a file holds without white space and NUL at its ends; None if missing, unreadable or empty."""
        try:
            return self.text(path).strip("\0 \t\r\n") or None
        except OSError:
            return None

    def glob(self, pattern: str) -> list[str]:
        """Paths that match, sorted; none where folders cannot be listed or vanish meanwhile."""
        try:
            found = [path.relative_to(self.root).as_posix() for path in self.root.glob(pattern)]
        except OSError:
            return []
        return sorted(found)

    def exists(self, path: str) -> bool:
        """Whether there is a file or folder, as far as this process may see."""
        try:
            return self._locate(path).exists()
        except OSError:
            return False

    def _locate(self, path: str) -> Path:
        found = self.root / path
        if self.root == Path("/"):
            return found
        top = Path(os.path.realpath(self.root))
        for _ in range(_MAX_LINKS):
            target = Path(os.path.realpath(found))
            if target.is_relative_to(top):
                return found
            found = top / target.relative_to("/")
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), str(found))
