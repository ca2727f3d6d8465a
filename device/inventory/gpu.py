"""The GPU: which one there is by what Linux shows, and whether TVM can use it by trying."""

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from pathlib import Path

from device.cuda import CudaState, state
from device.files import Files

_TEGRA = {
    "nvidia,tegra210": ("GM20B", "sm_53"),
    "nvidia,tegra186": ("GP10B", "sm_62"),
    "nvidia,tegra194": ("GV11B", "sm_72"),
    "nvidia,tegra234": ("GA10B", "sm_87"),
}
"""GPU and compute capability by chip."""

_TEGRA_FOLDERS = ("*.gp10b", "*.gv11b", "*.ga10b", "*.gm20b", "*.gpu", "gpu.0")
_TEGRA_PARENTS = ("sys/devices", "sys/devices/platform", "sys/devices/platform/*", "sys/class/devfreq")

_CARDS = (
    (r"RTX 50\d\d|RTX PRO \d+ Blackwell", "sm_120"),
    (r"GB?[12]00", "sm_100"),
    (r"B[12]00", "sm_100"),
    (r"G?H[12]00|H20|H800", "sm_90"),
    (r"RTX 40\d\d|L40S?|L4|L20|RTX \d+ Ada", "sm_89"),
    (r"RTX 30\d\d|A10G?|A2|A16|A40|RTX A\d+", "sm_86"),
    (r"A100|A30|A800", "sm_80"),
    (r"RTX 20\d\d|GTX 16\d\d|T4|TITAN RTX|Quadro RTX \d+", "sm_75"),
    (r"V100S?|TITAN V", "sm_70"),
    (r"GTX 10\d\d|P4|P40|TITAN Xp?", "sm_61"),
    (r"P100", "sm_60"),
)
"""Compute capabilities of graphics cards by parts of their names (developer.nvidia.com/cuda-gpus)."""

_MODEL = re.compile(r"^Model:[ \t]*(\S.*?)[ \t]*$", re.MULTILINE)
_ROOT = Path("/")
_NEEDED_CUDA = 13
_CUDART = re.compile(r"libcudart\.so\.(\d+)(?:\.(\d+))?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Gpu:
    """A GPU of NVIDIA's.

    Attributes:
        name: What it is called.
        arch: What code for it is compiled for, such as `sm_62`; empty where it is not known.
        path: Where Linux shows it.
        usable: Whether TVM can run kernels on it.
        reason: Why not, and what to do; empty when it can.
    """

    name: str
    arch: str
    path: str
    usable: bool = False
    reason: str = ""


def find_gpu(
    files: Files, compatible: Collection[str], probe: Callable[[], CudaState] | None = state
) -> Gpu | None:
    """The first GPU, if there is one.

    Args:
        files: Where to look.
        compatible: Names of board and chip in the device tree.
        probe: Tries whether TVM can use it, if that is wanted. Not called below another root: it loads libraries
            of this machine.
    """
    found = _tegra(files, compatible) or _card(files)
    if found is None:
        return None
    if files.root != _ROOT:
        return replace(found, reason=_unproved(files))
    if probe is None:
        return replace(found, reason="not tried yet: `device-agent describe` tries it")
    answer = probe()
    return replace(found, arch=answer.arch or found.arch, usable=answer.usable, reason=answer.reason)


def _tegra(files: Files, compatible: Collection[str]) -> Gpu | None:
    chip = next((name for name in compatible if name in _TEGRA), None)
    if chip is None:
        return None
    patterns = (f"{parent}/{folder}" for parent in _TEGRA_PARENTS for folder in _TEGRA_FOLDERS)
    path = next((path for pattern in patterns for path in files.glob(pattern)), None)
    name, arch = _TEGRA[chip]
    return Gpu(name=name, arch=arch, path=path) if path else None


def _card(files: Files) -> Gpu | None:
    for path in files.glob("proc/driver/nvidia/gpus/*/information"):
        match = _MODEL.search(files.maybe(path) or "")
        name = match[1] if match else "NVIDIA GPU"
        return Gpu(name=name, arch=capability(name), path=path)
    return None


def capability(name: str) -> str:
    """What code for a graphics card is compiled for; empty for one that is not known."""
    return next((arch for pattern, arch in _CARDS if re.search(rf"\b(?:{pattern})\b", name)), "")


def _unproved(files: Files) -> str:
    """What can be said of a board that is not this machine."""
    reason = "not tried: only the board itself can load its libraries"
    versions = [
        (int(match[1]), match[0].removeprefix("libcudart.so."))
        for path in files.glob("usr/local/cuda*/lib64/libcudart.so.*")
        if (match := _CUDART.search(path))
    ]
    if versions and max(versions)[0] < _NEEDED_CUDA:
        version = max(versions)[1]
        return (
            f"{reason}; its CUDA is {version}, and TVM wants {_NEEDED_CUDA}: "
            "`device-agent build-cuda-shim` there makes up for it"
        )
    return reason
