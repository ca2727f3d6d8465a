"""Operating points are chosen by name, by their clocks, or all at once."""

from dataclasses import replace

import pytest

from host.errors import InputError
from host.points import PRESENT_POINT, PointChoice
from host.remote import BoardDescription, OperatingPoint

BOARD = BoardDescription(
    name="tx2",
    model="Jetson TX2",
    hostname="tx2",
    machine="aarch64",
    fingerprint="f",
    processors=(),
    operating_points=tuple(
        OperatingPoint(name=name, levels={"a57": name}) for name in ("MAXN", "MAXQ", "MAXP", "a57=1113600")
    ),
    versions={},
    notes=(),
    lease_holder="",
    settings={"a57=1100000": "a57=1113600"},
)


def chosen(*texts: str) -> list[str]:
    return [point.name for point in PointChoice.parse(texts).among(BOARD)]


def test_the_present_point_is_chosen_where_nothing_is_said() -> None:
    assert PointChoice.parse(()) == PRESENT_POINT
    assert chosen() == ["MAXN"]


@pytest.mark.parametrize(
    ("texts", "names", "settings"),
    [
        (("MAXQ",), ("MAXQ",), ()),
        (("MAXQ, MAXN",), ("MAXQ", "MAXN"), ()),
        (("a57=1,gpu=2",), ("a57=1,gpu=2",), ("a57=1,gpu=2",)),
        (
            ("MAXQ,a57=1,gpu=2,MAXN,emc=3",),
            ("MAXQ", "a57=1,gpu=2", "MAXN", "emc=3"),
            ("a57=1,gpu=2", "emc=3"),
        ),
        (("a57=1", "a57=2"), ("a57=1", "a57=2"), ("a57=1", "a57=2")),
        (("MAXQ,MAXQ,",), ("MAXQ",), ()),
    ],
)
def test_clocks_that_follow_each_other_make_one_point(
    texts: tuple[str, ...], names: tuple[str, ...], settings: tuple[str, ...]
) -> None:
    choice = PointChoice.parse(texts)
    assert (choice.names, choice.settings, choice.is_all) == (names, settings, False)


def test_points_come_in_the_boards_order() -> None:
    assert chosen("MAXP,MAXN") == ["MAXN", "MAXP"]
    assert chosen("all") == ["MAXN", "MAXQ", "MAXP", "a57=1113600"]


def test_clocks_are_found_by_the_name_that_the_board_gives_them() -> None:
    assert chosen("a57=1100000") == ["a57=1113600"]


def test_an_unknown_point_is_refused_with_the_known_ones_and_what_is_missing() -> None:
    with pytest.raises(InputError, match="no operating point 'FAST'; it has MAXN, MAXQ"):
        chosen("FAST")
    board = replace(BOARD, notes=("fan off", "this board has 4 other operating points, but nobody sets them"))
    with pytest.raises(InputError) as caught:
        PointChoice.parse(["FAST"]).among(board)
    assert caught.value.hint.startswith("this board has 4 other")
