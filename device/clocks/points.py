"""Which operating points a board has, and how fast each processor runs at them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from device.clocks.cpufreq import cpu_clock, first_of_each, online_cpus, online_path, related_cpus
from device.clocks.devfreq import find_gpu_clock
from device.clocks.emc import CAP, emc_cap_hz
from device.clocks.nvpmodel import find_modes
from device.clocks.ranges import Range, read_steps, round_to_step
from device.clocks.setting import Setting
from device.errors import ClocksError
from device.files import Files

PRESENT = "present"
"""The clocks as they are, where no mode has a name for them."""

DEFAULT = "default"
"""The clocks as they are, where nothing is known of them; and the level of a processor without a clock to set."""

GPU = "gpu"

_TX2_KHZ = (
    345600, 499200, 652800, 806400, 960000, 1113600, 1267200, 1420800, 1574400, 1728000, 1881600, 2035200,
)  # fmt: skip
"""Steps of both clusters of a TX2, for the one that is off: Linux does not tell them then."""

_SHARES = (1.0, 0.75, 0.5)
"""Fixed points that are offered where nobody has named any: these parts of the highest clock, rounded to steps."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatingPoint:
    """A named setting of the whole board's clocks.

    Attributes:
        name: Unique on the board.
        levels: For each processor that runs at this point the name of its level: its highest frequency and, where the
            memory is capped, the memory's. Equal levels mean equal clocks, at whatever points.
        cpus: For each processor the CPUs that stages can be given at this point.
    """

    name: str
    levels: Mapping[str, str]
    cpus: Mapping[str, tuple[int, ...]] = field(default_factory=dict)

    def to_document(self) -> dict[str, Any]:
        """For JSON."""
        cpus = {name: list(members) for name, members in self.cpus.items()}
        return {"name": self.name, "levels": dict(self.levels), "cpus": cpus}


class CpuGroup(Protocol):
    """A processor, as far as clocks are concerned."""

    @property
    def name(self) -> str:
        """Unique on the board."""

    @property
    def cpus(self) -> tuple[int, ...]:
        """All of its CPUs."""

    @property
    def usable(self) -> tuple[int, ...]:
        """Those that stages can be given now."""


def find_points(files: Files, processors: Sequence[CpuGroup]) -> tuple[OperatingPoint, ...]:
    """All operating points, the present one first.

    Args:
        files: Where to look.
        processors: The board's CPUs in groups.
    """
    present = present_point(files, processors)
    try:
        modes = [_point(files, processors, mode.name, mode.setting()) for mode in find_modes(files)]
    except ClocksError:
        modes = []  # a damaged file of modes: the present point stays
    others = modes or fixed_points(files, processors)
    return (present, *(point for point in others if point.name != present.name))


def present_point(files: Files, processors: Sequence[CpuGroup]) -> OperatingPoint:
    """The clocks as they are, by the name of the mode that they are in if there is one."""
    return _point(files, processors, _present_name(files, processors), Setting())


def fixed_point(files: Files, processors: Sequence[CpuGroup], name: str, setting: Setting) -> OperatingPoint:
    """A setting as an operating point."""
    return _point(files, processors, name, setting)


def fixed_points(files: Files, processors: Sequence[CpuGroup]) -> list[OperatingPoint]:
    """A few settings of fixed clocks to choose from, named as a user would write them."""
    points: dict[str, OperatingPoint] = {}
    for share in _SHARES:
        fixed = {p.name: _share_of(files, p, share) for p in processors}
        known = {name: khz for name, khz in fixed.items() if khz is not None}
        if known:
            name = ",".join(f"{name}={khz}" for name, khz in known.items())
            setting = Setting(ranges=tuple(_fixed(files, processors, known)))
            points[name] = _point(files, processors, name, setting)
    return list(points.values())


def _share_of(files: Files, processor: CpuGroup, share: float) -> int | None:
    steps = next((steps for cpu in processor.usable if (steps := cpu_clock(cpu).steps(files))), ())
    return round_to_step(steps, int(share * steps[-1])) if steps else None


def _fixed(files: Files, processors: Sequence[CpuGroup], khz: Mapping[str, int]) -> Iterable[Range]:
    for processor in processors:
        if (value := khz.get(processor.name)) is not None:
            for cpu in first_of_each(files, processor.usable):
                yield Range(clock=cpu_clock(cpu), lowest=value, highest=value)


def _present_name(files: Files, processors: Sequence[CpuGroup]) -> str:
    try:
        for mode in find_modes(files):
            setting = mode.setting()
            wanted = {**setting.switches(files), **setting.values(files)}
            if all(files.maybe(path) == value for path, value in wanted.items()):
                return mode.name
    except ClocksError:
        return PRESENT
    return PRESENT if any(map(str.isdecimal, _known_levels(files, processors))) else DEFAULT


def _known_levels(files: Files, processors: Sequence[CpuGroup]) -> list[str]:
    return [files.maybe(cpu_clock(cpu).upper) or "" for processor in processors for cpu in processor.cpus]


def _point(files: Files, processors: Sequence[CpuGroup], name: str, setting: Setting) -> OperatingPoint:
    now = online_cpus(files)
    online = _online(setting, now)
    cpus = {
        p.name: tuple(cpu for cpu in p.cpus if cpu in p.usable or (cpu in online and cpu not in now))
        for p in processors
    }
    cpus = {name: tuple(cpu for cpu in members if cpu in online) for name, members in cpus.items()}
    memory = _memory(files, setting)
    levels = {p.name: _cpu_level(files, p, setting, online) + memory for p in processors if cpus[p.name]}
    gpu = _gpu_level(files, setting)
    return OperatingPoint(
        name=name,
        levels=levels | ({GPU: gpu + memory} if gpu else {}),
        cpus={name: members for name, members in cpus.items() if members},
    )


def _online(setting: Setting, now: frozenset[int]) -> frozenset[int]:
    numbers = {online_path(cpu): cpu for cpu in range(max(now, default=0) + 64)}
    changed = {numbers[path]: runs for path, runs in setting.online.items() if path in numbers}
    kept = {cpu for cpu in now if changed.get(cpu, True)}
    return frozenset(kept | {cpu for cpu, runs in changed.items() if runs})


def _memory(files: Files, setting: Setting) -> str:
    wanted = dict(setting.files).get(CAP)
    cap = int(wanted) if wanted is not None else emc_cap_hz(files)
    return f"+emc{cap}" if cap else ""


def _cpu_level(files: Files, processor: CpuGroup, setting: Setting, online: frozenset[int]) -> str:
    ranges = {one.clock.upper: one for one in setting.ranges}
    found: list[str] = []
    for cpu in first_of_each(files, (cpu for cpu in processor.cpus if cpu in online)):
        shared = (ranges.get(cpu_clock(other).upper) for other in related_cpus(files, cpu))
        wanted = next((one for one in shared if one is not None and one.highest is not None), None)
        if wanted is not None and wanted.highest is not None:
            found.append(str(round_to_step(_steps(files, processor, wanted), wanted.highest)))
        elif (present := files.maybe(cpu_clock(cpu).upper)) is not None:
            found.append(present)
    return "/".join(dict.fromkeys(found)) or DEFAULT


def _steps(files: Files, processor: CpuGroup, wanted: Range) -> tuple[int, ...]:
    """Steps of a clock; while it is off, those of another one of the processor's, or those of a TX2."""
    own = read_steps(files, wanted.clock.table)
    if own:
        return own
    siblings = (steps for cpu in processor.cpus if (steps := cpu_clock(cpu).steps(files)))
    is_tx2 = "nvidia,tegra186" in (files.maybe("proc/device-tree/compatible") or "").split("\0")
    return next(siblings, _TX2_KHZ if is_tx2 else ())


def _gpu_level(files: Files, setting: Setting) -> str:
    clock = find_gpu_clock(files)
    if clock is None:
        return ""
    for one in setting.ranges:
        if one.clock.upper == clock.upper and one.highest is not None:
            return str(round_to_step(one.clock.steps(files), one.highest))
    return files.maybe(clock.upper) or DEFAULT
