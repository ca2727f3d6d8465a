"""Which board this is: its name, the maker's names for it, its system's release."""

import platform
import re
import socket
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from device.files import Files

_TREE = "proc/device-tree"

_MODULES = {
    "2180": "Jetson TX1",
    "2371": "Jetson TX1",
    "2771": "Jetson TX2",
    "2888": "Jetson AGX Xavier",
    "2972": "Jetson AGX Xavier",
    "3310": "Jetson TX2",
    "3448": "Jetson Nano",
    "3448-0003": "Jetson Nano 2GB",
    "3450": "Jetson Nano",
    "3489": "Jetson TX2i",
    "3489-0888": "Jetson TX2 4GB",
    "3541": "Jetson Nano 2GB",
    "3636": "Jetson TX2 NX",
    "3668": "Jetson Xavier NX",
    "3701": "Jetson AGX Orin",
    "3767": "Jetson Orin Nano",
    "3767-0000": "Jetson Orin NX",
    "3767-0001": "Jetson Orin NX",
}
"""NVIDIA's numbers of modules and kits, which the device tree gives beside those of carrier boards."""

_CHIPS = {
    "nvidia,tegra210": "Tegra X1",
    "nvidia,tegra186": "Tegra X2",
    "nvidia,tegra194": "Xavier",
    "nvidia,tegra234": "Orin",
}
_MODULE = re.compile(r"\bp?(\d{4})(?:[-:](\d{4}))?")
_L4T = re.compile(r"# R(\d+) \(release\), REVISION: ([\d.]+)")
_PRETTY_NAME = re.compile(r'^PRETTY_NAME="?([^"\n]+)', re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Who a board is.

    Attributes:
        hostname: The machine's name; empty where nothing says so.
        machine: Architecture as `uname -m` says it; `unknown` where nothing says so.
        model: Its hardware in words.
        release: Its system, such as `L4T 32.7.1`; empty where nothing says so.
        compatible: Names in the device tree from board to chip; none where there is no such tree.
    """

    hostname: str
    machine: str
    model: str
    release: str
    compatible: tuple[str, ...]

    @property
    def is_jetson(self) -> bool:
        """Whether it is one of NVIDIA's boards, whose modes switch CPUs on and off."""
        return not _CHIPS.keys().isdisjoint(self.compatible)


def identify(files: Files, cpuinfo: Mapping[int, Mapping[str, str]]) -> Identity:
    """Says which board the files belong to.

    Below another root than `/` everything comes from there: this machine is not asked.
    """
    compatible = tuple((files.maybe(f"{_TREE}/compatible") or "").split("\0"))
    machine = _machine(files, cpuinfo)
    return Identity(
        hostname=_hostname(files),
        machine=machine,
        model=_model(files, compatible, cpuinfo) or machine,
        release=_release(files),
        compatible=tuple(filter(None, compatible)),
    )


def _hostname(files: Files) -> str:
    if files.root == Path("/"):
        return socket.gethostname()
    return files.maybe("proc/sys/kernel/hostname") or files.maybe("etc/hostname") or ""


def _machine(files: Files, cpuinfo: Mapping[int, Mapping[str, str]]) -> str:
    """Kernels before 6.1 do not tell their architecture in a file; `/proc/cpuinfo` differs by architecture."""
    if files.root == Path("/"):
        return platform.machine()
    if told := files.maybe("proc/sys/kernel/arch"):
        return told
    entry = next(iter(cpuinfo.values()), {})
    if "flags" in entry:
        return "x86_64" if "lm" in entry["flags"].split() else "i686"
    if "CPU architecture" in entry:
        return "aarch64" if entry["CPU architecture"] in {"8", "AArch64"} else "armv7l"
    return "riscv64" if entry.get("isa", "").startswith("rv64") else "unknown"


def _model(files: Files, compatible: tuple[str, ...], cpuinfo: Mapping[int, Mapping[str, str]]) -> str:
    told = files.maybe(f"{_TREE}/model") or ""
    chip = next((_CHIPS[name] for name in compatible if name in _CHIPS), "")
    if chip:
        module = next(_modules(files, compatible), "")
        return module or f"{told or 'a board'} ({chip})"
    return told or next((entry["model name"] for entry in cpuinfo.values() if "model name" in entry), "")


def _modules(files: Files, compatible: tuple[str, ...]) -> Iterator[str]:
    """Names of NVIDIA's modules; the device tree's `model` is a code name on their own releases, such as `quill`."""
    source = (files.maybe(f"{_TREE}/nvidia,dtsfilename") or "").rpartition("/")[2]
    identifiers = (files.maybe(f"{_TREE}/nvidia,boardids") or "").replace("\0", " ")
    for text in (*compatible, source, identifiers):
        for match in _MODULE.finditer(text):
            names = map(_MODULES.get, (f"{match[1]}-{match[2]}", match[1], match[2]))
            yield from filter(None, names)


def _release(files: Files) -> str:
    if match := _L4T.search(files.maybe("etc/nv_tegra_release") or ""):
        return f"L4T {match[1]}.{match[2]}"
    match = _PRETTY_NAME.search(files.maybe("etc/os-release") or "")
    return match[1].strip() if match else ""
