"""What a board says of itself arrives at the host as its own document has it, sensors' readings aside."""

from dataclasses import replace
from pathlib import Path
from typing import cast

import grpc
import pytest

from device.inventory import Board, Readings, detect_board
from device.service import AgentService
from host.remote import BoardDescription
from protos.stageline.v1 import agent_pb2 as pb
from tests.device.trees import boards


def described(board: Board) -> BoardDescription:
    context = cast(grpc.ServicerContext, None)  # only failures need one
    return BoardDescription.from_message(AgentService(board).Describe(pb.DescribeRequest(), context))


@pytest.mark.parametrize("build", [boards.tx2_nx, boards.agx_orin, boards.rk3399, boards.x86])
def test_hosts_and_boards_give_the_same_document(tmp_path: Path, build: boards.Build) -> None:
    board = detect_board(root=build(tmp_path))
    board = replace(
        board, operating_points=board.operating_points[:1]
    )  # without a helper that sets the others
    there, here = board.to_document(Readings()), described(board).to_document()
    assert here.pop("lease_holder") is None
    assert here == there


def test_processors_without_a_core_to_give_arrive_as_notes_only(tmp_path: Path) -> None:
    board = described(detect_board(root=boards.tx2(tmp_path, mode=3)))
    assert [(p.name, p.usable) for p in board.processors] == [("a57", (0, 3, 4, 5))]
    assert any(note.startswith("denver2: CPUs 1-2 offline") for note in board.notes)


def test_the_single_denver_of_mode_4_is_offered_alone(tmp_path: Path) -> None:
    denver2 = described(detect_board(root=boards.tx2(tmp_path, mode=4))).processor("denver2")
    assert (denver2.cpus, denver2.online, denver2.usable, denver2.cores) == ((1, 2), (1,), (1,), 1)
