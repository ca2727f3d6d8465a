"""The clock of a Tegra's GPU."""

from device.clocks.ranges import Clock
from device.files import Files

_GPUS = ("*.gp10b", "*.gv11b", "*.ga10b", "*.gpu", "*.gm20b")
_PARENTS = ("sys/devices", "sys/devices/platform", "sys/devices/platform/*")


def find_gpu_clock(files: Files) -> Clock | None:
    """The files of the GPU's clock, in Hz; None without such a GPU.

    Its governor is left as it is: every governor, `userspace` too, keeps between the lowest and the highest frequency.
    """
    for parent in _PARENTS:
        for gpu in _GPUS:
            if found := files.glob(f"{parent}/{gpu}/devfreq/*/max_freq"):
                return _clock(found[0].removesuffix("/max_freq"))
    found = [path for gpu in _GPUS for path in files.glob(f"sys/class/devfreq/{gpu}/max_freq")]
    return _clock(found[0].removesuffix("/max_freq")) if found else None


def _clock(folder: str) -> Clock:
    return Clock(
        lower=f"{folder}/min_freq",
        upper=f"{folder}/max_freq",
        current=f"{folder}/cur_freq",
        table=f"{folder}/available_frequencies",
    )
