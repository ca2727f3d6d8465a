"""The boards that a user has given names to, and how to get from a name to a connection."""

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import grpc

from host.errors import InputError
from host.locations import config_directory
from host.remote.client import BoardClient
from host.remote.embedded import LocalAgent

_ADDRESS = re.compile(r"(\[[0-9a-fA-F:]+\]|[^:\s]+):\d{1,5}")


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedBoard:
    """A board that has a name here.

    Attributes:
        address: HOST:PORT of its agent.
        tls_ca: Who signed the agent's certificate (PEM); None for a connection without TLS.
        tls_cert: This host's certificate.
        tls_key: Its private key.
    """

    address: str
    tls_ca: Path | None = None
    tls_cert: Path | None = None
    tls_key: Path | None = None


def saved_boards() -> dict[str, SavedBoard]:
    """All saved boards by name.

    Raises:
        InputError: The file that holds them is damaged.
    """
    path = _path()
    if not path.exists():
        return {}
    try:
        document = json.loads(path.read_text())
        return {name: _from_document(entry) for name, entry in document["boards"].items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(
            f"the list of boards {path} cannot be read: {error}", hint="mend or delete it"
        ) from error


def save_board(name: str, board: SavedBoard) -> None:
    """Gives a board a name; one that has it already is replaced.

    Raises:
        InputError: The address is no HOST:PORT, or the list cannot be written.
    """
    if not _ADDRESS.fullmatch(board.address):
        raise InputError(f"{board.address!r} is no address of the form HOST:PORT")
    _write(saved_boards() | {name: board})


def remove_board(name: str) -> None:
    """Forgets a board.

    Raises:
        InputError: There is none of that name.
    """
    boards = saved_boards()
    if name not in boards:
        raise InputError(f"no board is called {name!r}", hint="`host boards list` shows all")
    del boards[name]
    _write(boards)


@contextmanager
def connect(board: str | None) -> Iterator[BoardClient]:
    """Connects to a board for the length of a block.

    Args:
        board: A saved name or HOST:PORT; None for an agent on this machine.

    Raises:
        InputError: It is neither.
        BoardUnreachableError: The agent on this machine did not start.
    """
    if board is None:
        with LocalAgent() as agent, _closing(BoardClient(agent.address)) as client:
            yield client
        return
    saved = saved_boards().get(board)
    if saved is None and not _ADDRESS.fullmatch(board):
        known = ", ".join(saved_boards()) or "none is saved"
        raise InputError(
            f"{board!r} is neither a saved board ({known}) nor HOST:PORT",
            hint=f"host boards add {board} --address HOST:PORT",
        )
    place = saved or SavedBoard(address=board)
    with _closing(BoardClient(place.address, _credentials(place))) as client:
        yield client


@contextmanager
def _closing(client: BoardClient) -> Iterator[BoardClient]:
    try:
        yield client
    finally:
        client.close()


def _credentials(board: SavedBoard) -> grpc.ChannelCredentials | None:
    files = (board.tls_ca, board.tls_key, board.tls_cert)
    if not any(files):
        return None
    try:
        authority, key, certificate = (file.read_bytes() if file else None for file in files)
    except OSError as error:
        raise InputError(f"cannot read {error.filename}: {error.strerror}") from error
    return grpc.ssl_channel_credentials(authority, key, certificate)


def _path() -> Path:
    return config_directory() / "boards.json"


def _write(boards: Mapping[str, SavedBoard]) -> None:
    path = _path()
    entries = {name: _to_document(board) for name, board in sorted(boards.items())}
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(".partial")
        partial.write_text(json.dumps({"boards": entries}, indent=2) + "\n")
        partial.replace(path)
    except OSError as error:
        raise InputError(f"cannot write the list of boards {path}: {error.strerror}") from error


def _to_document(board: SavedBoard) -> dict[str, str]:
    entry = {"address": board.address}
    for key in ("tls_ca", "tls_cert", "tls_key"):
        if (file := getattr(board, key)) is not None:
            entry[key] = str(file)
    return entry


def _from_document(entry: Mapping[str, str]) -> SavedBoard:
    files = {key: Path(entry[key]) for key in ("tls_ca", "tls_cert", "tls_key") if key in entry}
    return SavedBoard(address=entry["address"], **files)
