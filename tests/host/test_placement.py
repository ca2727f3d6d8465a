"""Layers are measured on every number of a processor's usable cores; the others are neighbours."""

from pathlib import Path
from typing import cast

import grpc
import pytest

from device.inventory import Board, detect_board
from device.service import AgentService
from host.placement import placements_of
from host.remote import BoardDescription
from protos.stageline.v1 import agent_pb2 as pb
from tests.device.trees import boards


def described(board: Board) -> BoardDescription:
    context = cast(grpc.ServicerContext, None)  # only failures need one
    message = AgentService(board).Describe(pb.DescribeRequest(), context)
    message.versions.update({"tvm": "0.27", "tvm_ffi": "0.1"})
    return BoardDescription.from_message(message)


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
    found = {
        one.name: one.cpus
        for one in placements_of(described(detect_board(root=boards.tx2(tmp_path, mode=mode))))
    }
    assert found.items() >= expected.items()
    assert ("denver2x1" in found) == (mode == 0)


@pytest.mark.parametrize(("mode", "expected"), [(0, (3, 4, 5, 1, 2)), (3, (3, 4, 5))])
def test_neighbours_are_all_other_cores_that_can_work(
    tmp_path: Path, mode: int, expected: tuple[int, ...]
) -> None:
    first = placements_of(described(detect_board(root=boards.tx2(tmp_path, mode=mode))))[0]
    assert (first.name, first.neighbours) == ("a57x1", expected)


def test_an_environment_is_the_processors_own(tmp_path: Path) -> None:
    found = placements_of(described(detect_board(root=boards.rk3399(tmp_path))))
    assert len({one.environment.fingerprint for one in found}) == len({one.processor for one in found}) == 2
