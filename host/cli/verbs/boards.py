"""`host boards`: names the boards that one uses."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from host.cli import options
from host.cli.output import print_document, print_page
from host.errors import UsageError

if TYPE_CHECKING:
    from host.remote.boards import SavedBoard


@click.group()
def boards() -> None:
    """Names the boards that you use."""


@boards.command("list")
@options.as_json
def list_boards(*, as_json: bool) -> None:
    """Lists the boards that have a name here."""
    from host.remote.boards import saved_boards
    from host.report.page import Column, paragraph, table

    saved = saved_boards()
    if as_json:
        print_document({"boards": [{"name": name} | _document(board) for name, board in saved.items()]})
    elif saved:
        columns = [Column(title="board"), Column(title="address"), Column(title="connection")]
        rows = [(name, board.address, _connection(board)) for name, board in saved.items()]
        print_page(table(columns, rows))
    else:
        print_page(paragraph("no board is saved; without --board, commands use this machine"))


@boards.command()
@click.argument("name")
@click.option("--address", required=True, metavar="HOST:PORT", help="Where its agent listens.")
@click.option("--tls-ca", type=options.FILE, metavar="FILE", help="Who signed the agent's certificate (PEM).")
@click.option("--tls-cert", type=options.FILE, metavar="FILE", help="This host's certificate (PEM).")
@click.option("--tls-key", type=options.FILE, metavar="FILE", help="Its private key (PEM).")
@options.as_json
def add(
    *,
    name: str,
    address: str,
    tls_ca: Path | None,
    tls_cert: Path | None,
    tls_key: Path | None,
    as_json: bool,
) -> None:
    """Gives the board at an address the name NAME."""
    files = (tls_ca, tls_cert, tls_key)
    if any(files) and not all(files):
        raise UsageError("--tls-ca, --tls-cert and --tls-key belong together")
    from host.remote.boards import SavedBoard, save_board
    from host.report.page import paragraph

    board = SavedBoard(
        address=address, tls_ca=_absolute(tls_ca), tls_cert=_absolute(tls_cert), tls_key=_absolute(tls_key)
    )
    save_board(name, board)
    if as_json:
        print_document({"name": name} | _document(board))
    else:
        print_page(paragraph(f"{name} is the board at {address}"))


@boards.command()
@click.argument("name")
@options.as_json
def remove(*, name: str, as_json: bool) -> None:
    """Forgets the board NAME; what was measured on it stays."""
    from host.remote.boards import remove_board
    from host.report.page import paragraph

    remove_board(name)
    if as_json:
        print_document({"removed": name})
    else:
        print_page(paragraph(f"{name} is forgotten"))


@boards.command()
@click.argument("board", required=False, metavar="[NAME|HOST:PORT]")
@options.as_json
def show(*, board: str | None, as_json: bool) -> None:
    """Asks a board what it is; without a name, this machine."""
    from host.remote import connect
    from host.report.boards import board_page

    with connect(board) as client:
        description = client.describe()
    if as_json:
        print_document(description.to_document())
    else:
        print_page(*board_page(description))


def _absolute(path: Path | None) -> Path | None:
    return path.absolute() if path else None


def _document(board: "SavedBoard") -> dict[str, str | None]:
    files = {"tls_ca": board.tls_ca, "tls_cert": board.tls_cert, "tls_key": board.tls_key}
    return {"address": board.address} | {key: str(file) if file else None for key, file in files.items()}


def _connection(board: "SavedBoard") -> str:
    return "mutual TLS" if board.tls_ca else "not encrypted"
