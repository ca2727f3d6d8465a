"""Files of the machine, below a root that tests may choose and read in a way that tests may disturb."""

from collections.abc import Callable
from pathlib import Path


class Files:
    """Looks up files by their paths from the root, such as `proc/cpuinfo`.

    Args:
        root: What stands for `/`.
        read: Gives a file's bytes; raises OSError.
    """

    def __init__(self, root: Path, read: Callable[[Path], bytes] = Path.read_bytes) -> None:
        self._root = root
        self._read = read

    def data(self, path: str) -> bytes:
        """A file's bytes.

        Raises:
            OSError: It cannot be read.
        """
        return self._read(self._root / path)

    def text(self, path: str) -> str:
        """A file's text; what is no text in it is replaced.

        Raises:
            OSError: It cannot be read.
        """
        return self.data(path).decode(errors="replace")

    def maybe(self, path: str) -> str | None:
        """A file's text; None where it cannot be read."""
        try:
            return self.text(path)
        except OSError:
            return None

    def glob(self, pattern: str) -> list[str]:
        """Paths that match, in alphabetical order."""
        return sorted(str(path.relative_to(self._root)) for path in self._root.glob(pattern))

    def exists(self, path: str) -> bool:
        """Whether there is such a file or folder."""
        return (self._root / path).exists()
