"""Failures cross the wire as documents; anything else is refused."""

import pytest

from protos.wire import WireError


def test_an_error_arrives_as_it_was_sent() -> None:
    error = WireError(code="board_busy", message="the board is leased to Zoë", hint="wait")
    assert WireError.decode(error.encode()) == error


@pytest.mark.parametrize("data", [b"", b"no json", b"[]", b'{"code": "x"}', b"\xff"])
def test_what_is_no_error_document_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - every kind of damage is a ValueError of some kind
        WireError.decode(data)
