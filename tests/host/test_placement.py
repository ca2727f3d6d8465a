"""Layers are measured on every number of a processor's usable cores; the others are neighbours."""

from dataclasses import replace
from pathlib import Path

import pytest

from device.board_message import board_message
from device.inventory import Board, detect_board
from host.placement import Placement, placements_of
from host.remote import BoardDescription
from tests.device.trees import boards


def described(board: Board) -> BoardDescription:
    message = board_message(board, board.operating_points, holder=None)
    message.versions.update({"tvm": "0.27", "tvm_ffi": "0.1"})
    return BoardDescription.from_message(message)


def placements_on(board: Board) -> list[Placement]:
    found = described(board)
    return placements_of(found, found.operating_points[:1])


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        (0, {"a57x1": (0,), "a57x4": (0, 3, 4, 5), "denver2x1": (1,), "denver2x2": (1, 2)}),
        (3, {"a57x1": (0,), "a57x4": (0, 3, 4, 5)}),
    ],
)
def test_placements_have_usable_cores_only(
    tmp_path: Path, mode: int, expected: dict[str, tuple[int, ...]]
) -> None:
    found = {one.name: one.cpus for one in placements_on(detect_board(root=boards.tx2(tmp_path, mode=mode)))}
    assert found.items() >= expected.items()
    assert ("denver2x1" in found) == (mode == 0)


@pytest.mark.parametrize(("mode", "expected"), [(0, (3, 4, 5, 1, 2)), (3, (3, 4, 5))])
def test_neighbours_are_all_other_cores_that_can_work(
    tmp_path: Path, mode: int, expected: tuple[int, ...]
) -> None:
    first = placements_on(detect_board(root=boards.tx2(tmp_path, mode=mode)))[0]
    assert (first.name, first.neighbours) == ("a57x1", expected)


def test_an_environment_is_the_processors_own(tmp_path: Path) -> None:
    found = placements_on(detect_board(root=boards.rk3399(tmp_path)))
    assert len({one.environment.fingerprint for one in found}) == len({one.processor for one in found}) == 2


def test_what_has_equal_clocks_at_several_points_is_measured_once(tmp_path: Path) -> None:
    board = described(detect_board(root=boards.tx2(tmp_path, mode=0)))
    found = placements_of(board, board.operating_points)
    assert len({one.key for one in found}) == len(found)
    at = {(one.name, one.level): one.operating_point for one in found}
    maxn, maxp_arm = ("a57x1", "2035200"), ("a57x1", "1881600")
    assert at[maxn] == "MAXN"
    assert maxp_arm[0] in {name for name, _ in at}
    first = next(one for one in found if one.name == "denver2x1")
    elsewhere = {environment.operating_point for environment in first.elsewhere}
    others = [point for point in board.operating_points[1:] if point.levels.get("denver2") == first.level]
    assert elsewhere == {point.name for point in others}


def test_cores_that_a_point_switches_off_have_no_placement(tmp_path: Path) -> None:
    board = described(detect_board(root=boards.tx2(tmp_path, mode=0)))
    arm = next(point for point in board.operating_points if point.name == "MAXP_CORE_ARM")
    assert {one.processor for one in placements_of(board, [arm])} == {"a57"}


def test_a_gpu_is_one_placement_whose_calls_may_come_from_any_core(tmp_path: Path) -> None:
    board = detect_board(root=boards.tx2(tmp_path, mode=0))
    assert board.gpu is not None
    found = placements_on(replace(board, gpu=replace(board.gpu, usable=True)))
    (gpu,) = [one for one in found if one.processor == "gpu"]
    assert (gpu.name, gpu.device, gpu.level, gpu.cores) == ("gpu", "cuda", "1300500000", 1)
    assert gpu.cpus == (0, 3, 4, 5, 1, 2)
    assert not gpu.neighbours
    assert gpu.environment.target["host"]["mcpu"] == "cortex-a57"
