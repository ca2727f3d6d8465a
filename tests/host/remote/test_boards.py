"""Boards have names that last; whatever is wrong with one is said before anybody connects."""

from pathlib import Path

import pytest

from host.errors import InputError
from host.locations import config_directory
from host.remote import connect
from host.remote.boards import SavedBoard, remove_board, save_board, saved_boards


@pytest.fixture
def file() -> Path:
    """The list of boards."""
    folder = config_directory()
    folder.mkdir(parents=True)
    return folder / "boards.json"


def test_nobody_has_boards_at_first() -> None:
    assert saved_boards() == {}


def test_a_saved_board_is_found_again_with_its_certificates() -> None:
    plain = SavedBoard(address="board.local:7443")
    secure = SavedBoard(
        address="[fe80::1]:7443", tls_ca=Path("/a.pem"), tls_cert=Path("/c.pem"), tls_key=Path("/k.pem")
    )
    save_board("plain", plain)
    save_board("secure", secure)
    assert saved_boards() == {"plain": plain, "secure": secure}


def test_saving_a_name_again_replaces_it() -> None:
    save_board("b", SavedBoard(address="one:1"))
    save_board("b", SavedBoard(address="two:2"))
    assert saved_boards() == {"b": SavedBoard(address="two:2")}


def test_a_removed_board_is_forgotten_and_the_others_stay() -> None:
    save_board("a", SavedBoard(address="one:1"))
    save_board("b", SavedBoard(address="two:2"))
    remove_board("a")
    assert list(saved_boards()) == ["b"]
    with pytest.raises(InputError, match="no board is called 'a'"):
        remove_board("a")


@pytest.mark.parametrize("address", ["", "board", "board:", ":7443", "board:http", "a b:1", "http://b:1"])
def test_what_is_no_address_is_not_saved(address: str) -> None:
    with pytest.raises(InputError, match="HOST:PORT"):
        save_board("b", SavedBoard(address=address))
    assert saved_boards() == {}


@pytest.mark.parametrize(
    "text", ["", "no json", "[]", "{}", '{"boards": []}', '{"boards": {"b": {}}}', '{"boards": {"b": 1}}']
)
def test_a_damaged_list_is_named_with_advice(file: Path, text: str) -> None:
    file.write_text(text)
    with pytest.raises(InputError, match=r"boards\.json cannot be read") as caught:
        saved_boards()
    assert caught.value.hint


def test_a_list_that_cannot_be_written_is_named(file: Path) -> None:
    file.parent.rmdir()
    file.parent.write_text("a file where a folder should be")
    with pytest.raises(InputError, match=r"boards\.json"):
        save_board("b", SavedBoard(address="one:1"))


def test_an_unknown_name_lists_the_known_ones() -> None:
    save_board("mine", SavedBoard(address="one:1"))
    with pytest.raises(
        InputError, match=r"'yours' is neither a saved board \(mine\) nor HOST:PORT"
    ) as caught:
        connect("yours").__enter__()
    assert "host boards add yours" in caught.value.hint


def test_a_missing_certificate_is_named(tmp_path: Path) -> None:
    save_board("b", SavedBoard(address="one:1", tls_ca=tmp_path / "nowhere.pem"))
    with pytest.raises(InputError, match=r"nowhere\.pem: No such file"):
        connect("b").__enter__()
