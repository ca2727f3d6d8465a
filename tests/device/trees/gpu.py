"""Writes where Linux shows a GPU."""

from pathlib import Path

from tests.device.trees.power import write


def tegra_gpu(root: Path, device: str) -> Path:
    """A GPU inside a Tegra chip.

    Args:
        root: Where.
        device: Its folder, such as `17000000.gp10b`.
    """
    base = f"sys/devices/{device}"
    write(root, {f"{base}/load": "0\n", f"{base}/railgate_enable": "1\n"})
    write(root, {f"{base}/devfreq/{device}/governor": "nvhost_podgov\n"})
    link = root / f"sys/class/devfreq/{device}"
    link.parent.mkdir(parents=True, exist_ok=True)
    link.symlink_to(f"../../devices/{device}/devfreq/{device}")
    return root


def graphics_card(root: Path, name: str) -> Path:
    """A graphics card under NVIDIA's driver for PCs."""
    return write(
        root,
        {
            "proc/driver/nvidia/gpus/0000:01:00.0/information": f"Model: \t\t {name}\nIRQ:   \t\t 130\n",
            "proc/driver/nvidia/version": "NVRM version: NVIDIA UNIX x86_64 Kernel Module  535.183.01  Sun May 12\n",
        },
    )
