"""`host profiles diff`: two files, two boards, two versions of the kernels."""

import json
from copy import deepcopy
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.host.planner.conftest import example

if TYPE_CHECKING:
    from tests.host.cli.conftest import Cli


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    """The same network before and after its first layer got faster on the GPU and one placement vanished."""
    before, after = tmp_path / "before.json", tmp_path / "after.json"
    document: dict[str, Any] = example()
    before.write_text(json.dumps(document))
    later = deepcopy(document)
    later["costs"] = [row for row in later["costs"] if row["cores"] != 2]
    for row in later["costs"]:
        if (row["layer"], row["processor"]) == ("conv1", "gpu"):
            row["latency_us"] = 30.0
    after.write_text(json.dumps(later))
    return before, after


def test_two_files_are_compared_layer_by_layer(cli: "Cli", files: tuple[Path, Path]) -> None:
    rows = cli("profiles", "diff", *files, "--json").document["layers"]
    found = {(row["layer"], row["placement"]): row for row in rows}
    assert len(found) == 9
    assert found["conv1", "gpu"]["ratio"] == 0.75
    assert found["conv1", "gpu"]["changed"]
    assert not found["conv2", "gpu"]["changed"]
    assert found["conv2", "a57x2"]["after"] is None


def test_people_see_what_changed_and_sums(cli: "Cli", files: tuple[Path, Path]) -> None:
    out = cli("profiles", "diff", *files).out
    assert "-25.0 %" in out
    assert "4 of 9 latencies differ" in out
    assert "gpu: 70.0 us before, 60.0 us after (-14.3 %)" in out
    assert "conv2  gpu" not in out


def test_boards_of_the_database_are_compared(cli: "Cli", files: tuple[Path, Path], tmp_path: Path) -> None:
    database, nano = tmp_path / "p.sqlite", tmp_path / "nano.json"
    nano.write_text(json.dumps(json.loads(files[1].read_text()) | {"board": "nano"}))
    for path in (files[0], nano):
        assert cli("profiles", "import", path, "--db", database).code == 0
    options = ("--model", "tiny", "--db", database)
    rows = cli("profiles", "diff", "tx2", "nano", *options, "--json").document["layers"]
    assert {row["ratio"] for row in rows} == {None, 0.75, 1.0}
    assert all(
        not row["changed"]
        for row in cli("profiles", "diff", "tx2", "tx2", *options, "--json").document["layers"]
    )
    mixed = cli("profiles", "diff", files[0], "nano", *options, "--json").document["layers"]
    assert {row["ratio"] for row in mixed} == {None, 0.75, 1.0}


def test_what_is_not_there_is_named(cli: "Cli", files: tuple[Path, Path], tmp_path: Path) -> None:
    database = tmp_path / "p.sqlite"
    cli("profiles", "import", files[0], "--db", database)
    assert cli("profiles", "diff", "tx2", "nano", "--db", database).code == 2
    answer = cli("profiles", "diff", "tx2", "nano", "--model", "tiny", "--db", database)
    assert answer.code == 3
    assert "nano" in answer.err
    answer = cli("profiles", "diff", "tx2", "tx2@99", "--model", "tiny", "--db", database)
    assert answer.code == 3
    assert "version 99" in answer.err
    assert cli("profiles", "diff", tmp_path / "missing.json", files[0]).code == 3
