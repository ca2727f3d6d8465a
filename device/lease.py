"""Who holds the board: one lease at a time, kept alive by its holder. No I/O, no threads: time is an argument."""

import hmac
import secrets
from dataclasses import dataclass

from device.errors import LeaseExpiredError, LeaseHeldError


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldLease:
    """A lease.

    Attributes:
        token: What its holder proves itself with.
        holder: Who holds it, in words.
        expires_at_s: When it ends unless it is renewed, on the monotonic clock.
    """

    token: str
    holder: str
    expires_at_s: float


class LeaseDesk:
    """Hands out the board's one lease.

    Args:
        ttl_s: How long a lease lives without being renewed.
    """

    def __init__(self, ttl_s: float) -> None:
        self.ttl_s = ttl_s
        self._held: HeldLease | None = None

    def holder(self, now_s: float) -> str | None:
        """Who holds the board, if anybody does."""
        return self._held.holder if self._held and now_s < self._held.expires_at_s else None

    def acquire(self, holder: str, now_s: float) -> HeldLease:
        """Gives the board to `holder`.

        Raises:
            LeaseHeldError: Somebody else has it.
        """
        if (current := self.holder(now_s)) is not None:
            raise LeaseHeldError(current)
        self._held = HeldLease(token=secrets.token_hex(16), holder=holder, expires_at_s=now_s + self.ttl_s)
        return self._held

    def renew(self, token: str, now_s: float) -> None:
        """Starts the lease's time anew.

        Raises:
            LeaseExpiredError: The token is not that of a living lease.
        """
        held = self.require(token, now_s)
        self._held = HeldLease(token=held.token, holder=held.holder, expires_at_s=now_s + self.ttl_s)

    def require(self, token: str, now_s: float) -> HeldLease:
        """The lease that a token stands for.

        Raises:
            LeaseExpiredError: The token is not that of a living lease.
        """
        held = self._held
        if held is None or not hmac.compare_digest(held.token, token) or now_s >= held.expires_at_s:
            raise LeaseExpiredError("the lease on this board has ended", hint="start the command again")
        return held

    def release(self, token: str, now_s: float) -> None:
        """Gives the board back; a lease that has ended already is no error."""
        held = self._held
        if held is not None and hmac.compare_digest(held.token, token) and now_s < held.expires_at_s:
            self._held = None

    def take_expired(self, now_s: float) -> HeldLease | None:
        """Forgets a lease whose time is over and returns it, so that what it left behind can be ended."""
        held = self._held
        if held is None or now_s < held.expires_at_s:
            return None
        self._held = None
        return held
