"""Reading JSON documents strictly: every complaint says where in the document."""

from collections.abc import Iterator
from typing import Any, Self

from device.errors import DeviceError


class Node:
    """One value of a document together with its place and the error that a complaint raises.

    Args:
        value: The value.
        place: Where it stands, such as `layers[3].calls`.
        error: Class of the error to raise.
    """

    def __init__(self, value: Any, place: str, error: type[DeviceError]) -> None:
        self._value = value
        self._place = place
        self._error = error

    def wrong(self, what: str) -> DeviceError:
        """The error to raise about this value."""
        return self._error(f"{self._place}: {what}")

    def __getitem__(self, key: str) -> Self:
        """A member of an object.

        Raises:
            DeviceError: This is no object or has no such member.
        """
        members = self._expect(dict, "an object")
        if key not in members:
            raise self.wrong(f"`{key}` is missing")
        return self._child(members[key], f"{self._place}.{key}")

    def members(self) -> Iterator[tuple[str, Self]]:
        """The members of an object in their order."""
        for key, value in self._expect(dict, "an object").items():
            yield key, self._child(value, f"{self._place}.{key}")

    def items(self) -> Iterator[Self]:
        """The items of a list."""
        for index, value in enumerate(self._expect(list, "a list")):
            yield self._child(value, f"{self._place}[{index}]")

    def text(self) -> str:
        """A string."""
        return str(self._expect(str, "a string"))

    def texts(self) -> tuple[str, ...]:
        """A list of strings."""
        return tuple(item.text() for item in self.items())

    def whole(self, *, least: int) -> int:
        """A whole number of at least `least`."""
        value = self._expect(int, "a whole number")
        if isinstance(value, bool) or value < least:
            raise self.wrong(f"must be a whole number of at least {least}, got {value!r}")
        return int(value)

    def wholes(self, *, least: int) -> tuple[int, ...]:
        """A list of whole numbers of at least `least`."""
        return tuple(item.whole(least=least) for item in self.items())

    def expect(self, value: str) -> None:
        """Checks that this is exactly the string `value`."""
        if self._value != value:
            raise self.wrong(f"must be {value!r}, got {self._value!r}")

    def _expect(self, kind: type, what: str) -> Any:
        if not isinstance(self._value, kind):
            raise self.wrong(f"must be {what}, got {self._value!r:.60}")
        return self._value

    def _child(self, value: Any, place: str) -> Self:
        return type(self)(value, place.removeprefix("."), self._error)
