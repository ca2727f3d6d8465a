"""CPUs that stages can take for each other are one processor."""

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from device.inventory.board import Processor
from device.inventory.cpu_sets import write_cpu_set
from device.inventory.cpus import Cpu
from device.inventory.parts import GENERIC, Core, cpu_target

_SAME_CLOCK = 0.9
"""Cores of one kind count as equal from this ratio of their highest clocks: some are binned a little higher."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Group:
    core: Core
    cpus: tuple[Cpu, ...]

    @property
    def max_khz(self) -> int:
        return max((cpu.max_khz or 0 for cpu in self.cpus), default=0)


def find_processors(cpus: Sequence[Cpu], machine: str) -> tuple[Processor, ...]:
    """Makes one processor of all cores of the same kind and clock.

    Clusters alone do not matter: a kernel takes the same time on equal cores, wherever they are, and one processor
    that has them all has fewer placements to measure.

    Args:
        cpus: All of the machine.
        machine: Its architecture, for the compiler.
    """
    groups = [part for group in _by_core(cpus) for part in _by_clock(group)]
    groups.sort(key=lambda group: group.cpus[0].number)
    return tuple(
        Processor(
            name=name,
            kind="cpu",
            cpus=tuple(cpu.number for cpu in group.cpus),
            online=tuple(cpu.number for cpu in group.cpus if cpu.is_online),
            isolated=tuple(cpu.number for cpu in group.cpus if cpu.is_isolated),
            usable=tuple(cpu.number for cpu in group.cpus if cpu.is_usable),
            target=cpu_target(machine, group.core.mcpu),
        )
        for name, group in zip(_names(groups), groups, strict=True)
    )


def notes_on(cpus: Sequence[Cpu], processors: Sequence[Processor], *, has_modes: bool) -> list[str]:
    """What the user should know of CPUs that stages cannot be given, or not as usual.

    Args:
        cpus: All of the machine.
        processors: What they were grouped into.
        has_modes: Whether `nvpmodel` decides which of them are online.
    """
    notes = [note for processor in processors for note in _notes_on_processor(processor, cpus)]
    grouped = {cpu for processor in processors for cpu in processor.cpus}
    if lost := [cpu.number for cpu in cpus if cpu.number not in grouped]:
        notes.append(f"{_cpus(lost)} offline, and nothing says of which kind: in no processor")
    for unknown in dict.fromkeys(cpu.unknown for cpu in cpus if cpu.unknown):
        members = [cpu.number for cpu in cpus if cpu.unknown == unknown]
        notes.append(f"{_cpus(members)}: {unknown} is not known; its code is generic")
    if has_modes and not all(cpu.is_online for cpu in cpus):
        notes.append(
            "the mode of nvpmodel decides which CPUs are online; `sudo nvpmodel -m 0` often means all"
        )
    return notes


def _notes_on_processor(processor: Processor, cpus: Sequence[Cpu]) -> Iterable[str]:
    name = processor.name
    if offline := sorted(set(processor.cpus) - set(processor.online)):
        left = f"stages get {_cpus(processor.usable)}" if processor.usable else "stages cannot use it"
        yield f"{name}: {_cpus(offline)} offline; {left}"
    if kept := sorted(set(processor.online) - set(processor.usable)):
        yield f"{name}: {_cpus(kept)} online, but not for this process"
    if processor.isolated:
        yield (
            f"{name}: {_cpus(processor.isolated)} isolated; Linux puts nothing there by itself, "
            "stages bind one thread to each CPU"
        )
    clusters = _clusters(processor, cpus)
    if 1 < len(clusters) < len(processor.cpus):
        sets = "; ".join(map(write_cpu_set, clusters))
        yield f"{name}: one processor of {len(clusters)} clusters ({sets}); a kernel takes the same time on all cores"


def _clusters(processor: Processor, cpus: Sequence[Cpu]) -> list[list[int]]:
    found: dict[int, list[int]] = {}
    for cpu in cpus:
        if cpu.cluster is not None and cpu.number in processor.cpus:
            found.setdefault(cpu.cluster, []).append(cpu.number)
    return list(found.values())


def _cpus(numbers: Collection[int]) -> str:
    return f"CPU{'s' if len(numbers) > 1 else ''} {write_cpu_set(numbers)}"


def _by_core(cpus: Sequence[Cpu]) -> list[_Group]:
    """CPUs of a kind. An offline one of which nothing is known is like the others where they are all the same."""
    kinds: dict[tuple[Core, str], list[Cpu]] = {}
    for cpu in cpus:
        if cpu.core is not None:
            kinds.setdefault((cpu.core, cpu.unknown), []).append(cpu)
    unclear = [cpu for cpu in cpus if cpu.core is None]
    if unclear and len(kinds) <= 1:
        (core, unknown) = next(iter(kinds), (GENERIC, ""))
        kinds = {(core, unknown): list(cpus)}
    return [_Group(core=core, cpus=tuple(members)) for (core, _), members in kinds.items()]


def _by_clock(group: _Group) -> list[_Group]:
    """Separates cores of one kind that run at different speeds, such as those of an x86 hybrid.

    The clock of a CPU that is offline is not told: it goes with its cluster, or else with the fastest.
    """
    told = sorted((cpu for cpu in group.cpus if cpu.max_khz), key=lambda cpu: -(cpu.max_khz or 0))
    parts: list[list[Cpu]] = []
    for cpu in told:
        if parts and (cpu.max_khz or 0) >= _SAME_CLOCK * (parts[-1][0].max_khz or 0):
            parts[-1].append(cpu)
        else:
            parts.append([cpu])
    if not parts:
        return [group]
    for cpu in group.cpus:
        if not cpu.max_khz:
            own = (part for part in parts if cpu.cluster is not None and part[0].cluster == cpu.cluster)
            next(own, parts[0]).append(cpu)
    return [_Group(core=group.core, cpus=tuple(sorted(part, key=lambda cpu: cpu.number))) for part in parts]


def _names(groups: Sequence[_Group]) -> list[str]:
    """`cpu` where there is one, else the core's name; with the clock where that is not unique, else with a number."""
    if len(groups) == 1:
        return ["cpu"]
    counts = Counter(group.core.name for group in groups)
    clocks = Counter((group.core.name, group.max_khz) for group in groups)
    names = []
    for index, group in enumerate(groups):
        name = group.core.name
        if counts[name] == 1:
            names.append(name)
        elif clocks[name, group.max_khz] == 1 and group.max_khz:
            names.append(f"{name}_{group.max_khz // 1000}")
        else:
            names.append(f"{name}_{index}")
    return names
