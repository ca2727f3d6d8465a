"""Does with a tree's files what Linux does when clocks and CPUs are written to, and notes every write."""

import errno
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from device.clocks.controls import Controls
from device.files import Files
from tests.device.trees.clocks import CPUS, TX2_CLUSTERS

_PAIRS = {"scaling_min_freq": "scaling_max_freq", "min_freq": "max_freq"}


class Killed(BaseException):
    """Stands for SIGKILL: nobody catches it."""


@dataclass(slots=True)
class FakeKernel:
    """Linux on a TX2, below a root.

    Attributes:
        root: Of the tree.
        caps: Highest values that it keeps, by path: what thermal limits do.
        before_write: Called with the number of each write before it happens; may raise.
        writes: Every path and value, in order.
    """

    root: Path
    caps: dict[str, int] = field(default_factory=dict)
    before_write: Callable[[int], None] = lambda number: None
    writes: list[tuple[str, str]] = field(default_factory=list)

    @property
    def controls(self) -> Controls:
        return Controls(Files(self.root), self.write)

    def write(self, path: str, text: str) -> None:
        self.before_write(len(self.writes))
        place = self.root / path
        if not place.exists():
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
        self.writes.append((path, text))
        if place.name == "online":
            self._switch(place.parent, text)
        elif place.name.endswith("_freq"):
            self._limit(place, int(text))
        place.write_text(f"{min(int(text), self.caps.get(path, int(text)))}\n")

    def state(self) -> dict[str, str]:
        """Every file that can be written, by path; the clocks of CPUs that are off are not seen."""
        patterns = (
            f"{CPUS}/cpu*/online",
            f"{CPUS}/cpu*/cpufreq/scaling_m*_freq",
            "sys/devices/*/devfreq/*/m*_freq",
        )
        paths = [path for pattern in patterns for path in self.root.glob(pattern)]
        paths.append(self.root / "sys/kernel/nvpmodel_emc_cap/emc_iso_cap")
        return {path.relative_to(self.root).as_posix(): path.read_text().strip() for path in paths}

    def _switch(self, cpu: Path, text: str) -> None:
        number = int(cpu.name.removeprefix("cpu"))
        cluster = next(cluster for cluster in TX2_CLUSTERS if number in cluster)
        policy = self.root / f"{CPUS}/cpufreq/policy{cluster[0]}"
        link = cpu / "cpufreq"
        if text == "0":
            link.unlink(missing_ok=True)
        elif not link.is_symlink():
            if not any((cpu.parent / f"cpu{other}/cpufreq").is_symlink() for other in cluster):
                self._forget_limits(policy)
            link.symlink_to(f"../cpufreq/{policy.name}")

    @staticmethod
    def _forget_limits(policy: Path) -> None:
        """A cluster that was off altogether has no limits when it comes back."""
        for limit in ("min", "max"):
            (policy / f"scaling_{limit}_freq").write_text((policy / f"cpuinfo_{limit}_freq").read_text())

    @staticmethod
    def _limit(place: Path, value: int) -> None:
        for lower, upper in _PAIRS.items():
            low, high = place.with_name(lower), place.with_name(upper)
            if place.name == lower and value > int(high.read_text()):
                raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
            if place.name == upper and value < int(low.read_text()):
                raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
