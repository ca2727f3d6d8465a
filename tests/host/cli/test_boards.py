from pathlib import Path
from typing import TYPE_CHECKING

from host.locations import config_directory

if TYPE_CHECKING:
    from tests.host.cli.conftest import Cli


def test_a_board_can_be_named_listed_and_forgotten(cli: "Cli") -> None:
    assert cli("boards", "add", "tx2", "--address", "10.0.0.7:7443").code == 0
    assert "tx2" in cli("boards", "list").out
    listed = cli("boards", "list", "--json").document
    assert [(board["name"], board["address"]) for board in listed["boards"]] == [("tx2", "10.0.0.7:7443")]
    assert cli("boards", "remove", "tx2").code == 0
    assert cli("boards", "list", "--json").document == {"boards": []}


def test_certificates_are_remembered_by_absolute_path(cli: "Cli", tmp_path: Path) -> None:
    files = [str(tmp_path / name) for name in ("ca.pem", "cert.pem", "key.pem")]
    options = zip(("--tls-ca", "--tls-cert", "--tls-key"), files, strict=True)
    cli("boards", "add", "tx2", "--address", "h:1", *(word for pair in options for word in pair))
    board = cli("boards", "list", "--json").document["boards"][0]
    assert [board[key] for key in ("tls_ca", "tls_cert", "tls_key")] == files


def test_an_address_without_a_port_is_refused(cli: "Cli") -> None:
    answer = cli("boards", "add", "tx2", "--address", "somewhere", "--json")
    assert answer.code == 3
    assert "somewhere" in answer.document["error"]["message"]


def test_forgetting_an_unknown_board_is_refused(cli: "Cli") -> None:
    answer = cli("boards", "remove", "tx2")
    assert answer.code == 3
    assert "tx2" in answer.err


def test_a_damaged_list_is_named_and_not_touched(cli: "Cli") -> None:
    path = config_directory() / "boards.json"
    path.parent.mkdir(parents=True)
    path.write_text("{")
    answer = cli("boards", "list")
    assert answer.code == 3
    assert str(path) in answer.err
    assert path.read_text() == "{"


def test_this_machine_describes_itself(cli: "Cli") -> None:
    answer = cli("boards", "show", "--json")
    assert answer.code == 0
    assert answer.document["schema"] == "stageline.board/1"
    assert answer.document["processors"]


def test_a_board_that_does_not_answer_is_unreachable(cli: "Cli") -> None:
    answer = cli("boards", "show", "127.0.0.1:1", "--json")
    assert answer.code == 4
    assert answer.document["error"]["code"] == "board_unreachable"
