"""The points that an agent offers, and a lease's hold on them."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from device.clocks.control import Clocks
from device.errors import ClocksError
from device.holding import Holding
from device.inventory import detect_board
from tests.device.clocks.board import HelpedBoard


@pytest.fixture
def board(tmp_path: Path) -> Iterator[HelpedBoard]:
    board = HelpedBoard(tmp_path, mode=0)
    yield board
    board.end()


def clocks_of(board: HelpedBoard) -> Clocks:
    return Clocks(detect_board(root=board.root).processors, board.socket, board.root)


def test_without_the_helper_the_present_point_is_offered_with_a_note(board: HelpedBoard) -> None:
    offered = clocks_of(board).offered()
    assert [point.name for point in offered.points] == ["MAXN"]
    (note,) = offered.notes
    assert "4 other operating points" in note
    assert "stageline-clocks.service" in note
    with pytest.raises(ClocksError, match="no helper"):
        clocks_of(board).offered(["a57=345600"])
    with pytest.raises(ClocksError, match="no helper"):
        clocks_of(board).hold("MAXQ")
    clocks_of(board).hold("MAXN").close()


def test_with_the_helper_all_points_are_offered_and_those_that_a_user_writes(board: HelpedBoard) -> None:
    board.start_helper()
    offered = clocks_of(board).offered(["a57=1100000"])
    assert [point.name for point in offered.points] == [
        "MAXN",
        "MAXQ",
        "MAXP_CORE_ALL",
        "MAXP_CORE_ARM",
        "MAXP_CORE_DENVER",
        "a57=1113600",
    ]
    assert offered.settings == {"a57=1100000": "a57=1113600"}
    assert offered.points[-1].levels == {"a57": "1113600", "denver2": "2035200", "gpu": "1300500000"}
    assert not offered.notes


@pytest.mark.parametrize("name", ["MAXQ", "MAXP_CORE_DENVER", "a57=345600,gpu=114750000,emc=1600000000"])
def test_a_point_is_set_and_confirmed_and_ends_with_its_lease(board: HelpedBoard, name: str) -> None:
    board.start_helper()
    found = board.state()
    holding = Holding(clocks_of(board))
    point = holding.set_clocks(name)
    assert point.name == name
    assert board.state() != found
    holding.close()
    assert board.state() == found


def test_the_next_point_is_set_from_the_clocks_as_they_were_found(board: HelpedBoard) -> None:
    board.start_helper()
    found = board.state()
    holding = Holding(clocks_of(board))
    for name in ("MAXQ", "a57=345600", "MAXN"):
        assert holding.set_clocks(name).name == name
    assert board.state() == found
    holding.close()


def test_an_unknown_point_is_refused_with_the_known_ones(board: HelpedBoard) -> None:
    with pytest.raises(ClocksError, match="no operating point 'FAST'; it has MAXN, MAXQ"):
        clocks_of(board).hold("FAST")


def test_a_board_whose_clocks_do_not_follow_is_not_measured(board: HelpedBoard) -> None:
    board.start_helper()
    found = board.state()
    cap = board.root / "sys/kernel/nvpmodel_emc_cap/emc_iso_cap"
    cap.unlink()
    cap.symlink_to("/dev/null")
    with pytest.raises(ClocksError):
        clocks_of(board).hold("MAXQ")
    cap.unlink()
    cap.write_text("0\n")
    assert board.state() == found
