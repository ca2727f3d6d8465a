"""Which of a board's operating points a user wants to measure and plan for."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from host.errors import InputError

if TYPE_CHECKING:
    from host.remote import BoardDescription, OperatingPoint

ALL = "all"


@dataclass(frozen=True, slots=True, kw_only=True)
class PointChoice:
    """A choice of operating points.

    Attributes:
        names: Of points, or fixed clocks such as `a57=1113600,gpu=1122000000`; none for the present point.
        is_all: All that the board has, `names` besides.
    """

    names: tuple[str, ...] = ()
    is_all: bool = False

    @classmethod
    def parse(cls, texts: Sequence[str]) -> Self:
        """Reads what a user wrote: names separated by commas; clocks that follow each other make one point."""
        names: list[str] = []
        for text in texts:
            follows = False
            for part in filter(None, map(str.strip, text.split(","))):
                if "=" in part and follows:
                    names[-1] += f",{part}"
                else:
                    names.append(part)
                follows = "=" in part
        wanted = tuple(dict.fromkeys(names))
        return cls(names=tuple(name for name in wanted if name != ALL), is_all=ALL in wanted)

    @property
    def settings(self) -> tuple[str, ...]:
        """Those that are fixed clocks."""
        return tuple(name for name in self.names if "=" in name)

    def among(self, board: "BoardDescription") -> tuple["OperatingPoint", ...]:
        """The chosen points of a board that was asked for the settings, in its own order.

        Raises:
            InputError: It does not have one of them.
        """
        if not self.names and not self.is_all:
            return board.operating_points[:1]
        chosen = {board.settings.get(name, name) for name in self.names}
        known = [point.name for point in board.operating_points]
        for name in sorted(chosen.difference(known)):
            raise InputError(
                f"board {board.name} has no operating point {name!r}; it has {', '.join(known)}",
                hint=next((note for note in board.notes if "operating point" in note), ""),
            )
        return tuple(point for point in board.operating_points if self.is_all or point.name in chosen)


PRESENT_POINT = PointChoice()
"""The clocks as they are."""
