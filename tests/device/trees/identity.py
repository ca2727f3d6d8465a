"""Writes what a board says about who it is."""

from collections.abc import Sequence
from pathlib import Path

from tests.device.trees.power import write

RELEASES = {
    "28.2.1": "# R28 (release), REVISION: 2.1, GCID: 11272647, BOARD: t186ref, EABI: aarch64, "
    "DATE: Thu May 17 07:29:06 UTC 2018\n",
    "32.7.1": "# R32 (release), REVISION: 7.1, GCID: 29818004, BOARD: t186ref, EABI: aarch64, "
    "DATE: Sat Feb 19 17:07:00 UTC 2022\n",
    "35.4.1": "# R35 (release), REVISION: 4.1, GCID: 33958178, BOARD: t186ref, EABI: aarch64, "
    "DATE: Tue Aug  1 19:57:35 UTC 2023\n",
}
"""`/etc/nv_tegra_release`; its word BOARD names no board."""


def device_tree(root: Path, *, model: str, compatible: Sequence[str], source: str = "") -> Path:
    """Names of the hardware, NUL behind each.

    Args:
        root: Where.
        model: What the maker calls it.
        compatible: From the board to the chip.
        source: File name of the device tree, which NVIDIA's releases tell.
    """
    files: dict[str, str | bytes] = {
        "proc/device-tree/model": f"{model}\0",
        "proc/device-tree/compatible": "".join(f"{name}\0" for name in compatible),
    }
    if source:
        files["proc/device-tree/nvidia,dtsfilename"] = f"/dvs/git/hardware/{source}\0"
    return write(root, files)


def l4t(root: Path, release: str) -> Path:
    """The release of NVIDIA's system; those up to 28 have their script for clocks in the user's folder."""
    files: dict[str, str | bytes] = {"etc/nv_tegra_release": RELEASES[release]}
    if release.startswith("28."):
        files["home/nvidia/jetson_clocks.sh"] = "#!/bin/bash\n"
    return write(root, files)


def linux(root: Path, *, hostname: str, machine: str, arguments: str = "") -> Path:
    """The machine's name and architecture, and what its kernel was started with."""
    return write(
        root,
        {
            "proc/sys/kernel/hostname": f"{hostname}\n",
            "proc/sys/kernel/arch": f"{machine}\n",
            "proc/cmdline": f"root=/dev/mmcblk0p1 rw rootwait {arguments}".rstrip() + "\n",
        },
    )
