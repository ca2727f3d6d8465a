"""How a failure reaches the user: one sentence and a hint, or a JSON document, and an exit code."""

import errno
import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TextIO

import click

from db.errors import DatabaseError
from host.cli.output import forget
from host.errors import StagelineError, UsageError
from host.report.text import printable

INTERRUPTED = 130
"""128 + SIGINT, as shells have it."""

TERMINATED = 143
"""128 + SIGTERM."""


_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EROFS)
"""A disk's failures, which are nobody's bug."""

CONTINUE = "what was measured is stored; run the same command again to continue"


class Interruption(KeyboardInterrupt):
    """Ctrl-C, with word on what was kept and how to go on.

    Args:
        hint: For the user; may be empty.
    """

    message = "interrupted"
    exit_code = INTERRUPTED

    def __init__(self, hint: str = "") -> None:
        super().__init__(self.message)
        self.hint = hint


class Termination(Interruption):
    """SIGTERM: the same, told by another process."""

    message = "terminated"
    exit_code = TERMINATED


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """What the user is told.

    Attributes:
        code: One word for programs.
        message: What failed, in one sentence.
        hint: What to do about it; may be empty.
        exit_code: The process's status.
    """

    code: str
    message: str
    hint: str
    exit_code: int


@contextmanager
def resumable(hint: str) -> Iterator[None]:
    """Work that Ctrl-C may stop half-way.

    Args:
        hint: What was kept and how to go on.

    Raises:
        Interruption: It was stopped.
    """
    try:
        yield
    except Interruption as interruption:
        interruption.hint = interruption.hint or hint
        raise
    except KeyboardInterrupt as error:
        raise Interruption(hint) from error


def exit_code_of(error: BaseException, arguments: Sequence[str]) -> int:
    """Tells the user about whatever ended a command.

    Args:
        error: What ended it.
        arguments: The command line, which says whether the answer shall be JSON.

    Returns:
        The exit code.
    """
    if isinstance(error, click.exceptions.Exit):
        return error.exit_code
    if isinstance(error, BrokenPipeError):
        forget(sys.stdout)  # a reader that has seen enough, such as `head`, is no failure
        return 0
    failure = _failure(error)
    if failure.code == StagelineError.code:
        _print_traceback(error)
    _tell(failure, as_json="--json" in _options(arguments))
    try:
        sys.stdout.flush()
    except OSError:
        forget(sys.stdout)  # what it still holds would be written, and fail, once more at the very end
    return failure.exit_code


def _failure(error: BaseException) -> Failure:
    if isinstance(error, StagelineError | DatabaseError):
        return Failure(code=error.code, message=error.message, hint=error.hint, exit_code=error.exit_code)
    if isinstance(error, click.ClickException):
        return _usage_failure(error)
    if isinstance(error, Interruption):
        return Failure(code="interrupted", message=error.message, hint=error.hint, exit_code=error.exit_code)
    if isinstance(error, OSError) and error.errno in _NO_ROOM:
        message = f"cannot write {error.filename or 'the result'}: {error.strerror}"
        return Failure(code=UsageError.code, message=message, hint="", exit_code=UsageError.exit_code)
    return Failure(
        code=StagelineError.code,
        message=f"{type(error).__name__}: {error}",
        hint="this is a bug in Stageline: please report it with the lines above",
        exit_code=StagelineError.exit_code,
    )


def _usage_failure(error: click.ClickException) -> Failure:
    context = error.ctx if isinstance(error, click.UsageError) else None
    hint = f"`{context.command_path} --help` shows what it takes" if context else ""
    message = error.format_message().removesuffix(".").replace("\n", " ")
    return Failure(
        code=UsageError.code,
        message=message[:1].lower() + message[1:],
        hint=hint,
        exit_code=UsageError.exit_code,
    )


def _options(arguments: Sequence[str]) -> Sequence[str]:
    return arguments[: arguments.index("--")] if "--" in arguments else arguments


def _tell(failure: Failure, *, as_json: bool) -> None:
    document = {"code": failure.code, "message": failure.message, "hint": failure.hint}
    if as_json and _printed(sys.stdout, json.dumps({"error": document}, indent=2)):
        return
    hint = f"\nhint: {printable(failure.hint)}" if failure.hint else ""
    _printed(sys.stderr, f"host: {printable(failure.message)}{hint}")


def _printed(stream: TextIO, text: str) -> bool:
    try:
        stream.write(text + "\n")
        stream.flush()
    except OSError:
        forget(stream)
        return False
    return True


def _print_traceback(error: BaseException) -> None:
    import traceback

    traceback.print_exception(error, file=sys.stderr)
