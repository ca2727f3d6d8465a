"""An aarch64 board without hardware: Debian's userland and Python, run by QEMU instruction by instruction.

Everything comes from this machine's own apt and pip configuration into one folder of about 180 MB; nothing is installed
and nobody needs to be root. QEMU plays a Cortex-A57, so instructions that a Jetson TX2 lacks end the program. It
shows that kernels compile, link, load and compute; of speed it says nothing.

    python -m tests.emulated_board.board    makes the board and says where it is
"""

import fcntl
import os
import shlex
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import IO

from host.locations import cache_directory

_USERLAND = ("python3-minimal", "libpython3-stdlib", "libstdc++6", "libgcc-s1", "libc6")
_EMULATOR = "qemu-aarch64-static"
_LINKER = "aarch64-linux-gnu-ld.gold"

_PACKAGES = (
    "apache-tvm",
    "apache-tvm-ffi",
    "numpy",
    "ml_dtypes",
    "grpcio",
    "grpcio-health-checking",
    "protobuf",
)
"""What this machine has, in the same versions."""

_PACKAGES_OF_ANY_VERSION = ("cloudpickle", "psutil", "tornado", "typing_extensions")

_GLIBC = ("2_28", "2_27", "2_26", "2_24", "2_17")
"""What a wheel may be built for; pip takes only what is named, not what is older."""

_COMPILER = ("libtvm_compiler.so", "include", "src")
"""Parts of TVM that a board does not need."""

_PREPARE_TIMEOUT_S = 600


class NotPreparedError(Exception):
    """The board cannot be made here; says what is missing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EmulatedBoard:
    """A prepared board.

    Attributes:
        folder: Where everything lies.
    """

    folder: Path

    @property
    def linker(self) -> Path:
        """Links aarch64 objects, and runs on this machine."""
        return self.folder / _LINKER

    @property
    def site(self) -> Path:
        """The board's Python packages."""
        return self.folder / "site"

    @property
    def python(self) -> list[str]:
        """The command that starts the board's Python."""
        emulator = [str(self.folder / _EMULATOR), "-cpu", "cortex-a57", "-L", str(self.folder / "root")]
        return [*emulator, str(self.folder / "root/usr/bin/python3")]

    def run(
        self, arguments: Sequence[str], *, timeout_s: float, path: Sequence[Path] = ()
    ) -> subprocess.CompletedProcess[str]:
        """Runs the board's Python, with TVM's runtime and without its compiler.

        Args:
            arguments: What follows `python`.
            timeout_s: Ends it.
            path: Folders of modules besides the packages.
        """
        return subprocess.run(
            [*self.python, *arguments],
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
            env=self._environment(path),
            stdin=subprocess.DEVNULL,
        )

    def start(
        self, arguments: Sequence[str], log: IO[bytes], *, path: Sequence[Path] = ()
    ) -> subprocess.Popen[bytes]:
        """Starts the board's Python, as `run` does, and leaves it running.

        Args:
            arguments: What follows `python`.
            log: Where everything that it says goes.
            path: Folders of modules besides the packages.
        """
        return subprocess.Popen(
            [*self.python, *arguments],
            stdout=log,
            stderr=log,
            env=self._environment(path),
            stdin=subprocess.DEVNULL,
        )

    def _environment(self, path: Sequence[Path]) -> dict[str, str]:
        return {
            "HOME": str(self.folder),
            "PATH": "/usr/bin:/bin",
            "PYTHONPATH": os.pathsep.join(map(str, (self.site, *path))),
            "STAGELINE_PYTHON": shlex.join(self.python),
            "TVM_USE_RUNTIME_LIB": "1",
            "GRPC_ENABLE_FORK_SUPPORT": "0",
        }


def default_folder() -> Path:
    """Where the board lies: in the user's cache, outside any checkout."""
    return cache_directory() / "emulated-board"


def prepare(folder: Path) -> EmulatedBoard:
    """The board in a folder; made when it is not there yet.

    Raises:
        NotPreparedError: A tool, the network or a package is missing.
    """
    with alone(folder):
        _make_if_missing(folder)
    return EmulatedBoard(folder=folder)


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Keeps other test processes from making the same folder."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with folder.with_suffix(".lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _make_if_missing(folder: Path) -> None:
    if not folder.exists():
        missing = [tool for tool in ("apt-get", "dpkg-deb", "dpkg") if shutil.which(tool) is None]
        if missing:
            raise NotPreparedError(f"an emulated board is made of Debian's packages: no {', '.join(missing)}")
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix="emulated-board-") as partial:
            made = Path(partial) / "board"
            made.mkdir()
            _fill(EmulatedBoard(folder=made), Path(partial))
            made.rename(folder)


def _fill(board: EmulatedBoard, work: Path) -> None:
    for package in _Archive(work / "arm64", "arm64").with_dependencies(_USERLAND):
        _call(["dpkg-deb", "-x", str(package), str(board.folder / "root")])
    archive = _Archive(work / "own", _call(["dpkg", "--print-architecture"]).strip())
    _take(archive.alone("qemu-user-static"), _EMULATOR, board.folder)
    _take(archive.alone("binutils-aarch64-linux-gnu"), _LINKER, board.folder)
    _install_wheels(board)
    first = board.run(
        ["-c", "import tvm"], timeout_s=_PREPARE_TIMEOUT_S
    )  # the next start finds compiled modules
    if first.returncode != 0:
        raise NotPreparedError(f"the board does not start: {' '.join(first.stderr.split()[-40:])}")


class _Archive:
    """Debian's packages for one architecture: the machine's sources, and a state of our own.

    Args:
        folder: For lists and packages.
        architecture: As Debian calls it.
    """

    def __init__(self, folder: Path, architecture: str) -> None:
        for part in ("state/lists/partial", "cache/archives/partial"):
            (folder / part).mkdir(parents=True)
        (folder / "status").touch()
        settings = {
            "APT::Architecture": architecture,
            "APT::Architectures": architecture,
            "APT::Install-Recommends": "false",
            "APT::Sandbox::User": "",
            "Acquire::Languages": "none",
            "Debug::NoLocking": "true",
            "Dir::State": str(folder / "state"),
            "Dir::State::status": str(folder / "status"),
            "Dir::Cache": str(folder / "cache"),
        }
        self._folder = folder
        self._settings = folder / "apt.conf"
        self._settings.write_text("".join(f'{name} "{value}";\n' for name, value in settings.items()))
        self._apt("update")

    def with_dependencies(self, names: Sequence[str]) -> list[Path]:
        """Downloads packages and all that they need."""
        self._apt("install", "--download-only", "--yes", *names)
        return sorted((self._folder / "cache/archives").glob("*.deb"))

    def alone(self, name: str) -> Path:
        """Downloads one package."""
        self._apt("download", name)
        return next(self._folder.glob(f"{name}_*.deb"))

    def _apt(self, *words: str) -> None:
        environment = os.environ | {"APT_CONFIG": str(self._settings), "DEBIAN_FRONTEND": "noninteractive"}
        _call(["apt-get", "-qq", *words], cwd=self._folder, env=environment)


def _take(package: Path, name: str, folder: Path) -> None:
    """Extracts one program of a package."""
    with tempfile.TemporaryFile() as data:
        subprocess.run(["dpkg-deb", "--fsys-tarfile", str(package)], stdout=data, check=True)
        data.seek(0)
        with tarfile.open(fileobj=data) as tar:
            member = next(entry for entry in tar if entry.isfile() and Path(entry.name).name == name)
            program = tar.extractfile(member)
            if program is None:
                raise NotPreparedError(f"{package.name} has {name} as no plain file")
            (folder / name).write_bytes(program.read())
    (folder / name).chmod(0o755)


def _install_wheels(board: EmulatedBoard) -> None:
    python = next((board.folder / "root/usr/bin").glob("python3.*[0-9]")).name.removeprefix("python")
    platforms = [f"manylinux_{glibc}_aarch64" for glibc in _GLIBC] + ["manylinux2014_aarch64"]
    tags = [f"cp{python.replace('.', '')}", "abi3", "none"]
    packages = [f"{name}=={version(name)}" for name in _PACKAGES]
    _call(
        [
            *(sys.executable, "-m", "pip", "install", "--quiet", "--target", str(board.site)),
            *("--no-deps", "--no-compile", "--only-binary=:all:", "--implementation", "cp"),
            *("--python-version", python),
            *(word for tag in tags for word in ("--abi", tag)),
            *(word for name in platforms for word in ("--platform", name)),
            *(*packages, *_PACKAGES_OF_ANY_VERSION),
        ]
    )
    for part in (path for name in _COMPILER for path in (board.site / "tvm").rglob(name)):
        if part.is_dir():
            shutil.rmtree(part)
        else:
            part.unlink(missing_ok=True)


def _call(command: Sequence[str], *, cwd: Path | None = None, env: dict[str, str] | None = None) -> str:
    try:
        result = subprocess.run(
            command,
            cwd=cwd,
            env=env,
            capture_output=True,
            text=True,
            timeout=_PREPARE_TIMEOUT_S,
            stdin=subprocess.DEVNULL,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise NotPreparedError(f"{command[0]} did not end within {_PREPARE_TIMEOUT_S} s") from error
    if result.returncode != 0:
        words = " ".join(result.stderr.split()[-40:])
        raise NotPreparedError(f"{' '.join(command[:4])} ... ended with {result.returncode}: {words}")
    return result.stdout


if __name__ == "__main__":
    print(prepare(default_folder()).folder)
