"""Fixed frequencies: as a user writes them, and as they go to whoever may set them."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

from device.clocks.cpufreq import cpu_clock, first_of_each
from device.clocks.devfreq import find_gpu_clock
from device.clocks.emc import CAP, fix_emc
from device.clocks.nvpmodel import find_modes
from device.clocks.points import GPU, CpuGroup
from device.clocks.ranges import Clock, Range, round_to_step
from device.clocks.setting import Setting
from device.errors import ClocksError
from device.files import Files

EMC = "emc"

_PART = re.compile(r"([A-Za-z]\w*)=(\d{1,12})")
_MOST_CPUS = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Fixed:
    """Frequencies that clocks are held at; what has none stays as it is.

    Attributes:
        cpus_khz: By CPU.
        gpu_hz: Of the GPU; None to leave it.
        emc_hz: Of the memory; None to leave it.
    """

    cpus_khz: Mapping[int, int] = field(default_factory=dict)
    gpu_hz: int | None = None
    emc_hz: int | None = None

    def setting(self, files: Files) -> Setting:
        """What to write where.

        Raises:
            ClocksError: A clock is not there, or a frequency is none of its steps: nothing but what the board itself
                lists is ever written.
        """
        ranges = []
        for cpu in first_of_each(files, sorted(self.cpus_khz)):
            ranges.append(_held(files, cpu_clock(cpu), self.cpus_khz[cpu], f"CPU {cpu}"))
        if self.gpu_hz is not None:
            clock = find_gpu_clock(files)
            if clock is None:
                raise ClocksError("the clock of the GPU cannot be set: this board shows none")
            ranges.append(_held(files, clock, self.gpu_hz, "the GPU"))
        return Setting(ranges=tuple(ranges), files=self._memory(files))

    def _memory(self, files: Files) -> tuple[tuple[str, str], ...]:
        if self.emc_hz is None:
            return ()
        _require_step(emc_steps(files), self.emc_hz, "the memory")
        return fix_emc(files, self.emc_hz)

    def to_document(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "cpus_khz": {str(cpu): khz for cpu, khz in self.cpus_khz.items()},
            "gpu_hz": self.gpu_hz,
            "emc_hz": self.emc_hz,
        }

    @classmethod
    def from_document(cls, document: Any) -> Self:
        """Reads what `to_document` gave, from whoever it came.

        Raises:
            ClocksError: It is something else.
        """
        try:
            cpus = {int(cpu): _whole(khz) for cpu, khz in document["cpus_khz"].items()}
            gpu, emc = (_whole_or_none(document[key]) for key in ("gpu_hz", "emc_hz"))
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise ClocksError("frequencies of the wrong form were asked for") from error
        if len(cpus) > _MOST_CPUS or set(document) - {"cpus_khz", "gpu_hz", "emc_hz"}:
            raise ClocksError("frequencies of the wrong form were asked for")
        return cls(cpus_khz=cpus, gpu_hz=gpu, emc_hz=emc)


def parse_fixed(text: str, files: Files, processors: Sequence[CpuGroup]) -> tuple[str, Fixed]:
    """Reads `a57=1113600,denver2=2035200,gpu=1122000000,emc=1600000000`: kHz of CPUs, Hz of GPU and memory.

    Returns:
        The point's name, with every frequency rounded to a step of its clock, and what it stands for.

    Raises:
        ClocksError: It is something else, or names what this board does not have.
    """
    wanted = _parts(text)
    by_name = {processor.name: processor for processor in processors}
    cpus: dict[int, int] = {}
    rounded: dict[str, int] = {}
    for name, value in wanted.items():
        if name not in {*by_name, GPU, EMC}:
            known = ", ".join([*by_name, GPU, EMC])
            raise ClocksError(f"{name!r} in {text!r} is none of the clocks of this board: {known}")
        clock_steps = _steps(name, files, by_name)
        if not clock_steps:
            raise ClocksError(f"the clock of {name} cannot be set: Linux lists no frequencies for it now")
        rounded[name] = round_to_step(clock_steps, value)
        if name in by_name:
            cpus |= dict.fromkeys(by_name[name].usable, rounded[name])
    name = ",".join(f"{part}={rounded[part]}" for part in [*by_name, GPU, EMC] if part in rounded)
    return name, Fixed(cpus_khz=cpus, gpu_hz=rounded.get(GPU), emc_hz=rounded.get(EMC))


def emc_steps(files: Files) -> tuple[int, ...]:
    """The caps of the memory that this board's modes use; nothing lists its steps."""
    try:
        caps = {int(value) for mode in find_modes(files) for path, value in mode.lines if path == CAP}
    except (ClocksError, ValueError):
        return ()
    return tuple(sorted(cap for cap in caps if cap > 0))


def _parts(text: str) -> dict[str, int]:
    parts: dict[str, int] = {}
    for part in text.split(","):
        match = _PART.fullmatch(part.strip())
        if match is None or match[1] in parts:
            raise ClocksError(
                f"{text!r} is no setting of clocks",
                hint="write PROCESSOR=KHZ, separated by commas; gpu=HZ and emc=HZ too",
            )
        parts[match[1]] = int(match[2])
    return parts


def _steps(name: str, files: Files, processors: Mapping[str, CpuGroup]) -> tuple[int, ...]:
    if name == EMC:
        return emc_steps(files)
    if name == GPU and name not in processors:
        clock = find_gpu_clock(files)
        return clock.steps(files) if clock else ()
    found = [set(cpu_clock(cpu).steps(files)) for cpu in processors[name].usable]
    return tuple(sorted(set.intersection(*found))) if found else ()


def _held(files: Files, clock: Clock, value: int, what: str) -> Range:
    _require_step(clock.steps(files), value, what)
    return Range(clock=clock, lowest=value, highest=value)


def _require_step(steps: Sequence[int], value: int, what: str) -> None:
    if value not in steps:
        known = ", ".join(map(str, steps)) or "none"
        raise ClocksError(f"{value} is no frequency of {what}; known are {known}")


def _whole(value: Any) -> int:
    if type(value) is not int:
        raise TypeError
    return value


def _whole_or_none(value: Any) -> int | None:
    return None if value is None else _whole(value)
