"""Failures cross the wire as documents; anything else is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protos.wire import CALL_DEADLINE_S, GIVE_UP_S, HEARTBEAT_S, LEASE_TTL_S, RENEW_EVERY_S, WireError


def test_an_error_arrives_as_it_was_sent() -> None:
    error = WireError(code="board_busy", message="the board is leased to Zoë", hint="wait")
    assert WireError.decode(error.encode()) == error


@pytest.mark.parametrize("data", [b"", b"no json", b"[]", b"null", b'{"code": "x"}', b"\xff"])
def test_what_is_no_error_document_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - every kind of damage is a ValueError of some kind
        WireError.decode(data)


@given(code=st.text(), message=st.text(), hint=st.text())
def test_any_error_arrives_as_it_was_sent(code: str, message: str, hint: str) -> None:
    error = WireError(code=code, message=message, hint=hint)
    assert WireError.decode(error.encode()) == error


def test_one_lost_renewal_or_late_heartbeat_ends_nothing() -> None:
    assert 2 * RENEW_EVERY_S + CALL_DEADLINE_S < LEASE_TTL_S
    assert 2 * HEARTBEAT_S < GIVE_UP_S
