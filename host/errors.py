"""The errors that a user of the host can meet, one class for each exit code.

StagelineError                 1  our bug when raised bare
+-- UsageError                 2  the command line asks for something impossible
+-- InputError                 3  a model, profile, plan or array that cannot be used
+-- BoardUnreachableError      4  no answer from the board before the deadline
+-- BoardBusyError             5  somebody else holds the board
+-- UnsteadyError              6  measurements scatter too much to be used
+-- InfeasibleError            7  no plan meets the constraints
+-- DatabaseError              8  the profile database cannot be used
"""

from typing import ClassVar


class StagelineError(Exception):
    """A failure with one sentence for the user and, where there is one, a remedy.

    Args:
        message: What failed, with the value and the limit or cause, in one sentence.
        hint: What to do about it; empty when there is nothing to advise.
    """

    code: ClassVar[str] = "internal"
    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class UsageError(StagelineError):
    """The command line asks for something impossible."""

    code = "usage"
    exit_code = 2


class InputError(StagelineError):
    """A model, profile, plan or array that cannot be used."""

    code = "bad_input"
    exit_code = 3


class BoardUnreachableError(StagelineError):
    """No answer from the board before the deadline."""

    code = "board_unreachable"
    exit_code = 4


class BoardBusyError(StagelineError):
    """Somebody else holds the board."""

    code = "board_busy"
    exit_code = 5


class UnsteadyError(StagelineError):
    """Measurements scatter too much to be used."""

    code = "unsteady"
    exit_code = 6


class InfeasibleError(StagelineError):
    """No plan meets the constraints."""

    code = "infeasible"
    exit_code = 7


class DatabaseError(StagelineError):
    """The profile database cannot be used."""

    code = "database"
    exit_code = 8
