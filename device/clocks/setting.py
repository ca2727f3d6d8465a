"""A setting of clocks and CPUs, and the order of writes that leads from the present state to it and back again."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from device.clocks.controls import CPUS, Controls
from device.clocks.cpufreq import cpu_clock, policy_cpus
from device.clocks.devfreq import find_gpu_clock
from device.clocks.emc import PATHS as EMC_PATHS
from device.clocks.ranges import UNLIMITED, Range, pair_order, round_to_step
from device.errors import ClocksError
from device.files import Files

Values = Mapping[str, str]
"""Texts by paths relative to the root."""

_UNLIMITED = str(round_to_step((), UNLIMITED))
_PAIRS = (("scaling_min_freq", "scaling_max_freq"), ("min_freq", "max_freq"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What is to be written; everything that it does not name stays.

    Attributes:
        online: Paths that switch CPUs, and whether they run.
        ranges: Of clocks that have steps.
        files: Further paths and values, in the order of writing.
    """

    online: Mapping[str, bool] = field(default_factory=dict)
    ranges: tuple[Range, ...] = ()
    files: tuple[tuple[str, str], ...] = ()

    def switches(self, files: Files) -> dict[str, str]:
        """Values for the files that switch CPUs; the CPU that boots may have none, and runs all the same."""
        return {path: str(int(runs)) for path, runs in self.online.items() if files.exists(path)}

    def values(self, files: Files) -> dict[str, str]:
        """Values for all other files, with every CPU of the setting online: only then Linux tells their steps."""
        off = {path.rpartition("/")[0] for path, runs in self.online.items() if not runs}
        found: dict[str, str] = {}
        for one in self.ranges:
            if one.clock.upper.partition("/cpufreq/")[0] not in off:
                found |= one.resolve(files)
        return found | dict(self.files)


def snapshot(files: Files) -> dict[str, str]:
    """Everything that a setting may change, as it is now; frequencies of CPUs that are offline cannot be read."""
    clocks = [cpu_clock(cpu) for cpu in policy_cpus(files)]
    gpu = find_gpu_clock(files)
    limits = [path for clock in (*clocks, *([gpu] if gpu else [])) for path in (clock.lower, clock.upper)]
    paths = (*files.glob(f"{CPUS}/cpu[0-9]*/online"), *limits, *EMC_PATHS)
    found = {path: files.maybe(path) for path in paths}
    return {path: text for path, text in found.items() if text is not None}


def apply(controls: Controls, setting: Setting, keep: Callable[[Values], None]) -> None:
    """Sets and checks a setting.

    CPUs come first where they are switched on and last where they are switched off, since the clock of one that is
    off cannot be touched.

    Args:
        controls: The board.
        setting: What to set.
        keep: Given what there was before anything is changed, and once more what CPUs that had to be switched on
            showed then; whatever it was given leads back through `restore`.

    Raises:
        ClocksError: Linux refuses a value, or does not keep it.
    """
    files = controls.files
    extra = controls.present(tuple(path for path, _ in setting.files))
    keep(extra | snapshot(files))
    switches = setting.switches(files)
    _switch(controls, switches, runs=True)
    keep(snapshot(files))
    values = setting.values(files)
    _write_values(controls, values)
    _verify(controls, values)
    _switch(controls, switches, runs=False)
    _verify(controls, switches)


def restore(controls: Controls, before: Values) -> None:
    """Brings back what `apply` was asked to keep. Goes on after a failure, to bring back all that can be.

    Raises:
        ClocksError: Something could not be brought back; says what.
    """
    switches = {path: text for path, text in before.items() if path.endswith("/online")}
    values = {path: text for path, text in before.items() if path not in switches}
    failures: list[ClocksError] = []
    _switch(controls, switches, runs=True, failures=failures)
    _write_values(controls, dict(reversed(values.items())), failures)
    _switch(controls, switches, runs=False, failures=failures)
    if failures:
        raise ClocksError(
            f"the clocks were not all brought back as they were: {failures[0].message}",
            hint="`sudo nvpmodel -m MODE` or a restart of the board sets them",
        )


def _switch(
    controls: Controls, switches: Values, *, runs: bool, failures: list[ClocksError] | None = None
) -> None:
    for path, wanted in switches.items():
        if wanted == str(int(runs)) and controls.files.maybe(path) != wanted:
            _put(controls, path, wanted, failures)


def _write_values(controls: Controls, values: Values, failures: list[ClocksError] | None = None) -> None:
    for path, value in _in_order(controls, values):
        if controls.files.exists(path) or failures is None:
            _put(controls, path, value, failures)


def _in_order(controls: Controls, values: Values) -> Iterator[tuple[str, str]]:
    """The values that differ from the present ones, those of a clock in the order that Linux accepts."""
    done: set[str] = set()
    for path in values:
        for member in _pair(controls, path, values):
            if member not in done and controls.files.maybe(member) != values[member]:
                yield member, values[member]
            done.add(member)


def _pair(controls: Controls, path: str, values: Values) -> tuple[str, ...]:
    folder, _, name = path.rpartition("/")
    for low, high in _PAIRS:
        lower, upper = f"{folder}/{low}", f"{folder}/{high}"
        if name in {low, high} and lower in values and upper in values:
            present = controls.files.maybe(upper) or "0"
            return pair_order(lower, upper, wanted_upper=int(values[upper]), present_upper=int(present))
    return (path,)


def _put(controls: Controls, path: str, value: str, failures: list[ClocksError] | None) -> None:
    try:
        controls.put(path, value)
    except ClocksError as error:
        if failures is None:
            raise
        failures.append(error)


def _verify(controls: Controls, values: Values) -> None:
    """Linux accepts some values and rounds or caps them; then the setting is not what its name says."""
    for path, wanted in values.items():
        found = controls.files.maybe(path)
        if wanted != _UNLIMITED and not _same(found, wanted):
            raise ClocksError(
                f"/{path} was set to {wanted} and reads {found or 'nothing'}",
                hint="a limit of temperature or current may be in force: let the board cool down, or check its supply",
            )


def _same(found: str | None, wanted: str) -> bool:
    try:
        return found is not None and int(found, 0) == int(wanted, 0)
    except ValueError:
        return found == wanted
