"""Who names no board gets an agent of their own, which leaves nothing behind."""

import sys
from pathlib import Path

import pytest

from host.errors import BoardUnreachableError
from host.remote import BoardClient, connect
from host.remote.embedded import LocalAgent


def test_this_machine_is_a_board_like_any_other() -> None:
    with connect(None) as client:
        board = client.describe()
    assert board.name == "local"
    assert board.lease_holder == ""
    assert board.to_document()["processors"]
    assert [point.name for point in board.operating_points] == ["default"]
    assert {processor.name for processor in board.processors} == board.operating_points[0].levels.keys()


def test_the_agent_ends_with_the_block_and_its_folder_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with LocalAgent() as agent:
        address = agent.address
        assert list(tmp_path.iterdir())
    assert list(tmp_path.iterdir()) == []
    client = BoardClient(address)
    with pytest.raises(BoardUnreachableError, match=address):
        client.describe()
    client.close()


def test_an_agent_that_does_not_start_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = tmp_path / "python"
    broken.write_text("#!/bin/sh\necho 'ImportError: no protos here' >&2\nexit 1\n")
    broken.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(broken))
    with pytest.raises(BoardUnreachableError, match="did not start: ImportError: no protos here") as caught:
        LocalAgent().__enter__()
    assert "host doctor" in caught.value.hint
