"""`device-agent clocks-helper`: the one part that runs as root. Sets clocks for the agent, and never leaves them set.

Whoever sets a point holds it by the connection that asked for it: when the agent ends, however it ends, the kernel
closes the connection and the helper brings everything back. What it brings back is on disk before the first change, for
the helper that is started after one that was killed.

One message is one packet of JSON: `{"set": {"mode": NAME}}`, `{"set": {"fixed": FREQUENCIES}}`, `{"restore": {}}`,
`{"list": {}}`; the answer is `{"modes": [...]}`, `{}` or `{"error": {"code", "message", "hint"}}`. Nothing that comes
in is ever a path or a command.
"""

import argparse
import contextlib
import grp
import json
import logging
import os
import pwd
import selectors
import signal
import socket
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from device.clocks.client import DEFAULT_SOCKET, MOST_BYTES
from device.clocks.controls import Controls
from device.clocks.journal import Journal
from device.clocks.keeper import Keeper
from device.errors import ClocksError, DeviceError

NAME = "clocks-helper"

_log = logging.getLogger(__name__)

_MOST_CALLERS = 16
_CREDENTIALS = struct.Struct("3i")


def add_options(parser: argparse.ArgumentParser) -> None:
    """Adds what only this command takes."""
    parser.add_argument(
        "--socket", type=Path, default=DEFAULT_SOCKET, metavar="PATH", help="default %(default)s"
    )
    parser.add_argument(
        "--state",
        type=Path,
        metavar="FILE",
        help="where to remember how the clocks were found; default clocks.json beside the socket",
    )
    parser.add_argument("--allow-group", metavar="GROUP", help="who may ask, besides root and this user")
    parser.add_argument(
        "--root", type=Path, default=Path("/"), metavar="DIR", help="steer a copy of a board's files"
    )


def run(options: argparse.Namespace) -> None:
    """Serves until SIGTERM or SIGINT, and leaves the clocks as they were found.

    Raises:
        DeviceError: It cannot begin.
    """
    group = _group(options.allow_group)
    journal = Journal(options.state or options.socket.with_name("clocks.json"))
    keeper = Keeper(Controls.below(options.root.resolve()), journal)
    _bring_back(keeper, "left by a helper that was killed")
    with _stopping() as stopping, _listening(options.socket, group) as listener:
        _log.info("setting clocks for those who ask at %s", options.socket)
        Helper(keeper, listener, group).serve(stopping)


class Helper:
    """Answers callers one after the other.

    Args:
        keeper: Sets the clocks.
        listener: Where callers come from.
        group: Number of the group whose members may ask; None for none.
    """

    def __init__(self, keeper: Keeper, listener: socket.socket, group: int | None) -> None:
        self._keeper = keeper
        self._listener = listener
        self._group = group
        self._selector = selectors.DefaultSelector()
        self._callers: set[socket.socket] = set()
        self._holder: socket.socket | None = None

    def serve(self, stopping: socket.socket) -> None:
        """Works until something arrives at `stopping`; then brings everything back."""
        self._selector.register(self._listener, selectors.EVENT_READ)
        self._selector.register(stopping, selectors.EVENT_READ)
        try:
            while True:
                ready = [key.fileobj for key, _ in self._selector.select()]
                if stopping in ready:
                    return
                for source in ready:
                    if source is self._listener:
                        self._admit()
                    elif isinstance(source, socket.socket):
                        self._hear(source)
        finally:
            _bring_back(self._keeper, "the helper ends")
            for caller in list(self._callers):
                caller.close()
            self._selector.close()

    def _admit(self) -> None:
        try:
            caller, _ = self._listener.accept()
        except OSError:
            return  # changed its mind
        _, user, group = _CREDENTIALS.unpack(
            caller.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
        )
        if len(self._callers) >= _MOST_CALLERS or not self._may_ask(user, group):
            _log.warning("user %s was sent away", user)
            caller.close()
            return
        caller.setblocking(False)
        self._callers.add(caller)
        self._selector.register(caller, selectors.EVENT_READ)

    def _may_ask(self, user: int, group: int) -> bool:
        if user in {0, os.geteuid()}:
            return True
        return self._group is not None and self._group in {group, *_groups_of(user, group)}

    def _hear(self, caller: socket.socket) -> None:
        try:
            packet = caller.recv(MOST_BYTES)
        except BlockingIOError:
            return
        except OSError:
            packet = b""
        if not packet:
            self._leave(caller)
            return
        try:
            answer = self._answer(caller, packet)
        except DeviceError as error:
            answer = {"error": {"code": error.code, "message": error.message, "hint": error.hint}}
        with contextlib.suppress(OSError):
            caller.send(json.dumps(answer).encode())

    def _answer(self, caller: socket.socket, packet: bytes) -> dict[str, Any]:
        try:
            document = json.loads(packet)
            ((verb, argument),) = document.items()
        except (ValueError, AttributeError, RecursionError) as error:
            raise ClocksError("the helper was asked in a way that it does not know") from error
        if verb == "list":
            return {"modes": self._keeper.modes()}
        if verb not in {"set", "restore"}:
            raise ClocksError(f"the helper does not know how to {verb!r}")
        if self._holder not in {None, caller}:
            raise ClocksError("somebody else has set the clocks", hint="wait until they are free")
        self._holder = None  # a point that cannot be set leaves none
        if verb == "set":
            self._keeper.set(argument)
            self._holder = caller
        else:
            self._keeper.restore()
        return {}

    def _leave(self, caller: socket.socket) -> None:
        self._selector.unregister(caller)
        self._callers.discard(caller)
        caller.close()
        if caller is self._holder:
            self._holder = None
            _bring_back(self._keeper, "whoever had set them is gone")


def _bring_back(keeper: Keeper, reason: str) -> None:
    try:
        keeper.restore()
    except ClocksError as error:
        _log.error("%s, and %s (%s)", reason, error.message, error.hint)


def _group(name: str | None) -> int | None:
    try:
        return grp.getgrnam(name).gr_gid if name else None
    except KeyError as error:
        raise ClocksError(f"there is no group {name!r}", hint=f"groupadd --system {name}") from error


def _groups_of(user: int, group: int) -> list[int]:
    try:
        return os.getgrouplist(pwd.getpwuid(user).pw_name, group)
    except KeyError:
        return []


@contextlib.contextmanager
def _stopping() -> Iterator[socket.socket]:
    """A socket at which something arrives when the process shall end."""
    reader, writer = socket.socketpair()
    writer.setblocking(False)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)
    signal.set_wakeup_fd(writer.fileno())
    try:
        yield reader
    finally:
        signal.set_wakeup_fd(-1)
        reader.close()
        writer.close()


@contextlib.contextmanager
def _listening(path: Path, group: int | None) -> Iterator[socket.socket]:
    """A socket for this user and the group, and for nobody else from its first moment on."""
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    before = os.umask(0o177)
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o755)
        path.unlink(missing_ok=True)
        listener.bind(str(path))
        if group is not None:
            os.chown(path, -1, group)
            path.chmod(0o660)
        listener.listen()
    except OSError as error:
        listener.close()
        raise ClocksError(f"cannot listen at {path}: {error.strerror or error}") from error
    finally:
        os.umask(before)
    try:
        yield listener
    finally:
        listener.close()
        path.unlink(missing_ok=True)
