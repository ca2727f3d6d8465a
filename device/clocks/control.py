"""What an agent offers of its board's clocks, with the helper's aid or without."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from device.clocks.client import DEFAULT_SOCKET, ClocksClient
from device.clocks.fixed import parse_fixed
from device.clocks.nvpmodel import find_modes
from device.clocks.points import CpuGroup, OperatingPoint, find_points, fixed_point, present_point
from device.errors import ClocksError
from device.files import Files

_ROOT = Path("/")


class Clocks:
    """The clocks of a board.

    Args:
        processors: The board's CPUs in groups.
        socket: Where the helper listens.
        root: Where `/sys` and `/etc` are looked up.
    """

    def __init__(
        self, processors: Sequence[CpuGroup], socket: Path = DEFAULT_SOCKET, root: Path = _ROOT
    ) -> None:
        self.root = root
        self._processors = processors
        self._socket = socket
        self._files = Files(root)

    def offered(self, settings: Sequence[str] = ()) -> "Offered":
        """The points that can be had.

        Args:
            settings: Fixed frequencies that are wanted besides, as `parse_fixed` reads them.

        Raises:
            ClocksError: One of them is none, or nobody can set them.
        """
        found = find_points(self._files, self._processors)
        try:
            ClocksClient(self._socket).close()
        except ClocksError as error:
            if settings:
                raise
            return Offered(points=found[:1], notes=tuple(_missing(len(found) - 1, error)))
        fixed = {setting: self._fixed_point(setting) for setting in settings}
        points = {point.name: point for point in (*found, *fixed.values())}
        return Offered(
            points=tuple(points.values()), settings={setting: point.name for setting, point in fixed.items()}
        )

    def hold(self, name: str) -> "HeldPoint":
        """Sets a point, from the clocks as they were found.

        Args:
            name: Of a mode, of the present point, or fixed frequencies.

        Raises:
            ClocksError: There is none of that name, nobody can set it, or the clocks do not keep to it.
        """
        wanted = self._find(name)
        if wanted.name == present_point(self._files, self._processors).name:
            return HeldPoint(wanted, None)
        held = HeldPoint(wanted, ClocksClient(self._socket))
        try:
            held.set(self._request(wanted.name))
            self._confirm(wanted)
        except ClocksError:
            held.close()
            raise
        return held

    def _find(self, name: str) -> OperatingPoint:
        points = find_points(self._files, self._processors)
        for point in points:
            if point.name == name:
                return point
        if "=" in name:
            return self._fixed_point(name)
        known = ", ".join(point.name for point in points)
        raise ClocksError(f"this board has no operating point {name!r}; it has {known}")

    def _fixed_point(self, text: str) -> OperatingPoint:
        name, fixed = parse_fixed(text, self._files, self._processors)
        return fixed_point(self._files, self._processors, name, fixed.setting(self._files))

    def _request(self, name: str) -> dict[str, object]:
        if any(mode.name == name for mode in find_modes(self._files)):
            return {"mode": name}
        _, fixed = parse_fixed(name, self._files, self._processors)
        return {"fixed": fixed.to_document()}

    def _confirm(self, wanted: OperatingPoint) -> None:
        """Compares what Linux shows now with what was announced, and profiles are stored under."""
        groups = [_Online(name=p.name, cpus=p.cpus) for p in self._processors]
        levels = present_point(self._files, groups).levels
        for processor, level in wanted.levels.items():
            if (found := levels.get(processor, "off")) != level:
                raise ClocksError(
                    f"the operating point {wanted.name} should run {processor} at {level}, and it is {found}"
                )


@dataclass(frozen=True, slots=True, kw_only=True)
class Offered:
    """Operating points that can be had.

    Attributes:
        points: The present one first.
        notes: What is missing for more.
        settings: For fixed frequencies that were asked for the names of their points.
    """

    points: tuple[OperatingPoint, ...]
    notes: tuple[str, ...] = ()
    settings: Mapping[str, str] = field(default_factory=dict)


class HeldPoint:
    """An operating point as long as somebody needs it.

    Args:
        point: What it is.
        client: The connection that it hangs on; None where nothing had to be set.
    """

    def __init__(self, point: OperatingPoint, client: ClocksClient | None) -> None:
        self.point = point
        self._client = client

    def set(self, request: dict[str, object]) -> None:
        """Asks the helper.

        Raises:
            ClocksError: It could not be done.
        """
        if self._client is not None:
            self._client.set(request)

    def close(self) -> None:
        """Brings everything back.

        Raises:
            ClocksError: The helper could not, or does not answer; it tries again when the connection ends.
        """
        client, self._client = self._client, None
        if client is None:
            return
        try:
            client.restore()
        finally:
            client.close()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Online:
    """A processor all of whose CPUs can be had as soon as they are online."""

    name: str
    cpus: tuple[int, ...]

    @property
    def usable(self) -> tuple[int, ...]:
        return self.cpus


def _missing(others: int, error: ClocksError) -> list[str]:
    if not others:
        return []
    points = "1 other operating point" if others == 1 else f"{others} other operating points"
    return [f"this board has {points}, but {error.message}: {error.hint}"]
