"""One lease at a time, alive as long as its holder renews it; time is an argument."""

import pytest

from device.errors import LeaseExpiredError, LeaseHeldError
from device.lease import LeaseDesk

TTL_S = 30.0


@pytest.fixture
def desk() -> LeaseDesk:
    return LeaseDesk(TTL_S)


def test_a_second_holder_is_told_who_the_first_one_is(desk: LeaseDesk) -> None:
    desk.acquire("alice", now_s=0)
    with pytest.raises(LeaseHeldError, match="alice"):
        desk.acquire("bob", now_s=29)


def test_a_lease_that_is_not_renewed_ends_and_frees_the_board(desk: LeaseDesk) -> None:
    lease = desk.acquire("alice", now_s=0)
    assert desk.take_expired(now_s=29.9) is None
    assert desk.take_expired(now_s=30) == lease
    assert desk.holder(now_s=30) is None
    with pytest.raises(LeaseExpiredError):
        desk.renew(lease.token, now_s=30)
    assert desk.acquire("bob", now_s=30).holder == "bob"


def test_a_renewed_lease_lives_on(desk: LeaseDesk) -> None:
    lease = desk.acquire("alice", now_s=0)
    desk.renew(lease.token, now_s=20)
    assert desk.require(lease.token, now_s=49).holder == "alice"


def test_a_released_lease_frees_the_board_at_once(desk: LeaseDesk) -> None:
    lease = desk.acquire("alice", now_s=0)
    desk.release(lease.token, now_s=1)
    assert desk.holder(now_s=1) is None


def test_a_foreign_token_opens_and_frees_nothing(desk: LeaseDesk) -> None:
    desk.acquire("alice", now_s=0)
    desk.release("guess", now_s=1)
    assert desk.holder(now_s=1) == "alice"
    with pytest.raises(LeaseExpiredError):
        desk.require("guess", now_s=1)


def test_releasing_late_does_not_take_the_board_from_the_next(desk: LeaseDesk) -> None:
    old = desk.acquire("alice", now_s=0)
    new = desk.acquire("bob", now_s=TTL_S)
    desk.release(old.token, now_s=TTL_S + 1)
    assert desk.require(new.token, now_s=TTL_S + 1).holder == "bob"
