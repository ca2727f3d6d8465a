"""Writes clocks: cpufreq, devfreq, the memory's cap, and the modes of nvpmodel in both formats."""

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from tests.device.trees.power import write

TX2_KHZ = (
    345600, 499200, 652800, 806400, 960000, 1113600, 1267200, 1420800, 1574400, 1728000, 1881600, 2035200,
)  # fmt: skip
TX2_GPU_HZ = (
    114750000, 216750000, 318750000, 420750000, 522750000, 624750000, 726750000, 854250000, 930750000,
    1032750000, 1122000000, 1236750000, 1300500000,
)  # fmt: skip
TX2_OLD_GPU_HZ = (
    140250000, 229500000, 318750000, 408000000, 497250000, 586500000, 675750000, 765000000, 854250000,
    943500000, 1032750000, 1122000000, 1211250000, 1300500000,
)  # fmt: skip
TX2_CLUSTERS = ((0, 3, 4, 5), (1, 2))

TX2_GPU = "sys/devices/17000000.gp10b/devfreq/17000000.gp10b"
EMC_CAP = "sys/kernel/nvpmodel_emc_cap/emc_iso_cap"
CPUS = "sys/devices/system/cpu"

Limits = tuple[int, int]

_TX2_MODES: tuple[tuple[str, Collection[int], int | None, int | None, int, int], ...] = (
    ("MAXN", range(6), -1, -1, -1, 0),
    ("MAXQ", (0, 3, 4, 5), 1200000, None, 850000000, 1331200000),
    ("MAXP_CORE_ALL", range(6), 1400000, 1400000, 1120000000, 1600000000),
    ("MAXP_CORE_ARM", (0, 3, 4, 5), 2000000, None, 1120000000, 1600000000),
    ("MAXP_CORE_DENVER", (0, 1), 345600, 2035200, 1120000000, 1600000000),
)
"""Name, CPUs online, highest frequencies of A57 (kHz), Denver (kHz) and GPU (Hz), cap of the memory (Hz)."""

_PARAMETERS = "\n".join(
    (
        "< PARAM TYPE=FILE NAME=CPU_ONLINE >",
        *(f"CORE_{cpu} /{CPUS}/cpu{cpu}/online" for cpu in range(6)),
        *(
            f"< PARAM TYPE=CLOCK NAME={name} >\n"
            f"FREQ_TABLE /{CPUS}/cpu{cpu}/cpufreq/scaling_available_frequencies\n"
            f"MAX_FREQ /{CPUS}/cpu{cpu}/cpufreq/scaling_max_freq\n"
            f"MIN_FREQ /{CPUS}/cpu{cpu}/cpufreq/scaling_min_freq"
            for name, cpu in (("CPU_A57", 0), ("CPU_DENVER", 1))
        ),
        "< PARAM TYPE=CLOCK NAME=GPU >",
        f"FREQ_TABLE /{TX2_GPU}/available_frequencies",
        f"MAX_FREQ /{TX2_GPU}/max_freq",
        f"MIN_FREQ /{TX2_GPU}/min_freq",
        "< PARAM TYPE=CLOCK NAME=EMC >",
        f"MAX_FREQ /{EMC_CAP}",
    )
)


def tx2_clocks(root: Path, *, mode: int = 3, is_old: bool = False) -> Path:
    """What a TX2 shows of its clocks in one of its modes.

    Args:
        root: Where.
        mode: Of `nvpmodel`, 0 to 4.
        is_old: Whether its release is L4T 28, with another table for the GPU and the older `nvpmodel.conf`.
    """
    _, online, a57, denver, gpu, cap = _TX2_MODES[mode]
    table = TX2_OLD_GPU_HZ if is_old else TX2_GPU_HZ
    for cluster, highest in zip(TX2_CLUSTERS, (a57, denver), strict=True):
        policy(root, cluster, online=online, steps=TX2_KHZ, upper=_step(TX2_KHZ, highest or -1))
    devfreq(root, TX2_GPU, steps=table, upper=_step(table, gpu))
    write(root, {EMC_CAP: f"{cap}\n"})
    conf = old_nvpmodel_conf() if is_old else nvpmodel_conf()
    return write(root, {"etc/nvpmodel.conf": conf, "var/lib/nvpmodel/status": f"pmode:{mode:04}\n"})


def policy(
    root: Path,
    cpus: Sequence[int],
    *,
    online: Collection[int] | None = None,
    steps: Sequence[int],
    lower: int | None = None,
    upper: int | None = None,
    tells_current: bool = True,
) -> Path:
    """A clock that CPUs share.

    Args:
        root: Where.
        cpus: The CPUs.
        online: Those that see it; all by default.
        steps: kHz, ascending.
        lower: The lowest that is allowed; the first step by default.
        upper: The highest that is allowed; the last step by default.
        tells_current: Whether its present frequency can be read; a plain file does not follow the limits.
    """
    files = {
        "scaling_available_frequencies": " ".join(map(str, steps)) + " \n",
        "scaling_min_freq": f"{lower or steps[0]}\n",
        "scaling_max_freq": f"{upper or steps[-1]}\n",
        "scaling_cur_freq": f"{upper or steps[-1]}\n",
        "cpuinfo_min_freq": f"{steps[0]}\n",
        "cpuinfo_max_freq": f"{steps[-1]}\n",
        "scaling_governor": "schedutil\n",
        "related_cpus": " ".join(map(str, cpus)) + "\n",
    }
    if not tells_current:
        del files["scaling_cur_freq"]
    folder = f"{CPUS}/cpufreq/policy{cpus[0]}"
    write(root, {f"{folder}/{name}": text for name, text in files.items()})
    for cpu in cpus if online is None else set(cpus) & set(online):
        link = root / f"{CPUS}/cpu{cpu}/cpufreq"
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(f"../cpufreq/policy{cpus[0]}")
    return root


def devfreq(root: Path, folder: str, *, steps: Sequence[int], upper: int | None = None) -> Path:
    """A GPU's clock, in Hz."""
    files = {
        "available_frequencies": " ".join(map(str, steps)) + "\n",
        "min_freq": f"{steps[0]}\n",
        "max_freq": f"{upper or steps[-1]}\n",
        "cur_freq": f"{steps[0]}\n",
        "governor": "nvhost_podgov\n",
    }
    return write(root, {f"{folder}/{name}": text for name, text in files.items()})


def nvpmodel_conf() -> str:
    """The TX2's modes as L4T 32 has them."""
    blocks = [_PARAMETERS]
    for number, (name, online, a57, denver, gpu, cap) in enumerate(_TX2_MODES):
        lines = [f"< POWER_MODEL ID={number} NAME={name} >"]
        lines += [f"CPU_ONLINE CORE_{cpu} {int(cpu in online)}" for cpu in range(1, 6)]
        for parameter, highest in (("CPU_A57", a57), ("CPU_DENVER", denver), ("GPU", gpu)):
            if highest is not None:
                lines += [f"{parameter} MIN_FREQ 0", f"{parameter} MAX_FREQ {highest}"]
        blocks.append("\n".join((*lines, f"EMC MAX_FREQ {cap}")))
    return "# NVIDIA's modes\n\n" + "\n\n".join((*blocks, "# mandatory\n< PM_CONFIG DEFAULT=3 >\n"))


def old_nvpmodel_conf() -> str:
    """The same modes in the format that only has blocks of paths and values."""
    blocks = []
    for number, (name, online, a57, denver, gpu, cap) in enumerate(_TX2_MODES):
        values: dict[str, int] = {f"{CPUS}/cpu{cpu}/online": int(cpu in online) for cpu in range(1, 6)}
        for cpu, highest in ((0, a57), (1, denver)):
            if highest is not None:
                values[f"{CPUS}/cpu{cpu}/cpufreq/scaling_min_freq"] = 0
                values[f"{CPUS}/cpu{cpu}/cpufreq/scaling_max_freq"] = highest
        values |= {f"{TX2_GPU}/min_freq": 0, f"{TX2_GPU}/max_freq": gpu, EMC_CAP: cap}
        lines = (f"/{path} {value}" for path, value in values.items())
        blocks.append("\n".join((f"< POWER_MODEL ID={number} NAME={name} >", *lines)))
    return "\n\n".join((*blocks, "< PM_CONFIG DEFAULT=3 >\n"))


def rk3399_clocks(root: Path) -> Path:
    """Two clusters with clocks of their own."""
    policy(root, range(4), steps=(408000, 600000, 816000, 1008000, 1200000, 1416000))
    policy(root, (4, 5), steps=(408000, 816000, 1200000, 1608000, 1800000))
    return root


def _step(steps: Sequence[int], wanted: int) -> int:
    return next((step for step in steps if step >= wanted >= 0), steps[-1])


def read_all(root: Path, paths: Mapping[str, str] | Collection[str]) -> dict[str, str]:
    """What files hold."""
    return {path: (root / path).read_text().strip() for path in paths}
