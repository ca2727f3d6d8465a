"""Finding out what this machine is from what Linux says; every file is looked up below a root that tests may choose."""

import os
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from device import cuda
from device.clocks import find_points
from device.files import Files
from device.inventory.board import Board, Readings
from device.inventory.cpus import find_cpus, read_cpuinfo
from device.inventory.gpu import Gpu, find_gpu
from device.inventory.identity import identify
from device.inventory.processors import find_processors, notes_on
from device.inventory.thermal import find_zones, read_celsius
from device.sensors import find_rails, read_rails

_PACKAGES = {"stageline": "stageline", "tvm": "apache-tvm", "tvm_ffi": "apache-tvm-ffi"}
_ROOT = Path("/")


def detect_board(
    name: str | None = None,
    root: Path = _ROOT,
    read: Callable[[Path], bytes] = Path.read_bytes,
    *,
    tries_gpu: bool = True,
) -> Board:
    """Describes this machine, or the one whose files are below a root.

    Below another root than `/` nothing of this machine counts: neither its name, architecture and packages nor the
    CPUs that this process may use, and no library is loaded.

    Args:
        name: What to call it; the host name when None.
        root: Where `/proc`, `/sys` and `/etc` are looked up.
        read: Reads a file.
        tries_gpu: Whether to find out if TVM can use the GPU, which takes seconds.
    """
    files = Files(root, read)
    identity = identify(files, read_cpuinfo(files))
    own = os.sched_getaffinity(0) if root == _ROOT else None
    cpus = find_cpus(files, identity.compatible, own)
    processors = find_processors(cpus, identity.machine)
    gpu = find_gpu(files, identity.compatible, cuda.state if tries_gpu else None)
    return Board(
        name=name or identity.hostname or "board",
        model=identity.model,
        release=identity.release,
        hostname=identity.hostname,
        machine=identity.machine,
        processors=processors,
        operating_points=find_points(files, processors),
        rails=find_rails(root),
        zones=find_zones(files),
        gpu=gpu,
        versions=_versions(files),
        notes=(*notes_on(cpus, processors, has_modes=identity.is_jetson), *notes_on_gpu(gpu)),
    )


def read_sensors(
    board: Board, root: Path = _ROOT, read: Callable[[Path], bytes] = Path.read_bytes
) -> Readings:
    """What a board's sensors say now.

    Args:
        board: The board.
        root: Where it was found.
        read: Reads a file.
    """
    files = Files(root, read)
    celsius = {zone.path: read_celsius(files, zone) for zone in board.zones}
    power_mw = {rail.path: power for rail, power in read_rails(root)}
    return Readings(
        power_mw={path: value for path, value in power_mw.items() if value is not None},
        celsius={path: value for path, value in celsius.items() if value is not None},
    )


def installed_versions() -> dict[str, str]:
    """Versions of what a measurement depends on, read without loading it."""
    found = {}
    for name, package in _PACKAGES.items():
        try:
            found[name] = version(package)
        except PackageNotFoundError:
            found[name] = "missing"
    return found


def _versions(files: Files) -> dict[str, str]:
    kernel = files.maybe("proc/sys/kernel/osrelease")
    packages = installed_versions() if files.root == _ROOT else {}
    return packages | ({"linux": kernel} if kernel else {})


def notes_on_gpu(gpu: Gpu | None) -> list[str]:
    """What the user should know about a GPU that stages cannot be placed on."""
    if gpu is None:
        return []
    name = f"GPU {gpu.name}" + (f" ({gpu.arch})" if gpu.arch else "")
    if not gpu.usable:
        return [f"{name} is not usable: {gpu.reason}"]
    return []
