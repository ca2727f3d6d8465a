"""The power modes of a Jetson, from the file that its `nvpmodel` reads.

There are two formats. The newer one first names its parameters (`< PARAM TYPE=CLOCK NAME=GPU >`, then lines of a key
and a path) and then sets them in blocks (`< POWER_MODEL ID=0 NAME=MAXN >`, then lines of parameter, key and value); in
the older one the blocks hold lines of path and value.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from device.clocks.ranges import UNLIMITED, Clock, Range, round_to_step
from device.clocks.setting import Setting
from device.errors import ClocksError
from device.files import Files

PATHS = ("etc/nvpmodel.conf", "etc/nvpmodel/nvpmodel_t186.conf")
STATUS = "var/lib/nvpmodel/status"

_HEADER = re.compile(r"<\s*(\w+)\s*(.*?)\s*>")
_ATTRIBUTE = re.compile(r"(\w+)=(\S+)")
_ONLINE = re.compile(r"^sys/devices/system/cpu/cpu\d+/online$")
_STEPS = {"scaling_max_freq": "scaling_available_frequencies", "max_freq": "available_frequencies"}
_CURRENT = {"scaling_max_freq": "scaling_cur_freq", "max_freq": "cur_freq"}

Line = tuple[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Mode:
    """One power mode.

    Attributes:
        number: As `nvpmodel -m` takes it.
        name: As `nvpmodel -q` says it.
        lines: Paths relative to the root, and values, as they stand in the file.
        tables: Of paths of frequencies, where their steps are, as the file names it.
    """

    number: int
    name: str
    lines: tuple[Line, ...]
    tables: Mapping[str, str]

    def setting(self) -> Setting:
        """What to write where."""
        values = dict(self.lines)
        uppers = [path for path in values if path.rpartition("/")[2] in _STEPS]
        ranges = [self._range(values, path) for path in uppers]
        spent = {path for one in ranges for path in (one.clock.lower, one.clock.upper)}
        online = {path: value for path, value in values.items() if _ONLINE.match(path)}
        rest = [(path, value) for path, value in values.items() if path not in spent and path not in online]
        return Setting(
            online={path: value != "0" for path, value in online.items()},
            ranges=tuple(ranges),
            files=tuple((path, _number_text(value)) for path, value in rest),
        )

    def _range(self, values: Mapping[str, str], upper: str) -> Range:
        folder, _, name = upper.rpartition("/")
        lower = f"{folder}/{name.replace('max', 'min')}"
        clock = Clock(
            lower=lower,
            upper=upper,
            current=f"{folder}/{_CURRENT[name]}",
            table=self.tables.get(upper, f"{folder}/{_STEPS[name]}"),
        )
        lowest = int(values[lower]) if lower in values else None
        return Range(clock=clock, lowest=lowest, highest=int(values[upper]))


def find_modes(files: Files) -> tuple[Mode, ...]:
    """The modes of this board; none where it has no `nvpmodel`.

    Raises:
        ClocksError: The file is damaged.
    """
    text = next((text for path in PATHS if (text := files.maybe(path))), None)
    return parse_modes(text) if text else ()


def parse_modes(text: str) -> tuple[Mode, ...]:
    """Reads `nvpmodel.conf` in either format.

    Raises:
        ClocksError: A mode uses what was not declared, or steers something outside `/sys`.
    """
    parameters: dict[tuple[str, str], str] = {}
    modes = []
    for kind, attributes, rows in _blocks(text):
        if kind == "PARAM":
            parameters |= {
                (attributes.get("NAME", ""), row[0]): _relative(row[1]) for row in rows if len(row) == 2
            }
        elif kind == "POWER_MODEL":
            modes.append(_mode(attributes, rows, parameters))
    return tuple(modes)


def _mode(attributes: Mapping[str, str], rows: list[list[str]], parameters: dict[Line, str]) -> Mode:
    name, number = attributes.get("NAME", ""), attributes.get("ID", "")
    if not name or not number.isdecimal():
        raise ClocksError(f"a POWER_MODEL of nvpmodel.conf has no ID or no NAME: {dict(attributes)}")
    return Mode(
        number=int(number),
        name=name,
        lines=tuple(_line(row, name, parameters) for row in rows),
        tables={
            path: parameters[parameter, "FREQ_TABLE"]
            for (parameter, _), path in parameters.items()
            if (parameter, "FREQ_TABLE") in parameters
        },
    )


def _line(row: list[str], mode: str, parameters: Mapping[Line, str]) -> Line:
    if len(row) == 2 and row[0].startswith("/"):
        path, value = _relative(row[0]), row[1]
    elif len(row) == 3 and (row[0], row[1]) in parameters:
        path, value = parameters[row[0], row[1]], row[2]
    else:
        raise ClocksError(f"nvpmodel.conf sets {' '.join(row)!r} in {mode}, which it does not declare")
    if path.endswith("_freq") and not re.fullmatch(r"-?\d+", value):
        raise ClocksError(f"nvpmodel.conf sets /{path} to {value!r} in {mode}, which is no frequency")
    return path, value


def _relative(path: str) -> str:
    if not path.startswith("/sys/") or ".." in path.split("/"):
        raise ClocksError(f"nvpmodel.conf names {path}, which is not below /sys")
    return path.removeprefix("/")


def _blocks(text: str) -> Iterator[tuple[str, dict[str, str], list[list[str]]]]:
    """Each block's kind, attributes and lines, these in words."""
    kind, attributes, rows = "", dict[str, str](), list[list[str]]()
    for line in text.splitlines():
        plain = line.partition("#")[0].strip()
        if header := _HEADER.fullmatch(plain):
            yield kind, attributes, rows
            kind, attributes, rows = header[1], dict(_ATTRIBUTE.findall(header[2])), []
        elif plain:
            rows.append(plain.split())
    yield kind, attributes, rows


def _number_text(value: str) -> str:
    """`-1` of a clock without steps means as high as a number goes."""
    return str(round_to_step((), UNLIMITED)) if value == str(UNLIMITED) else value
