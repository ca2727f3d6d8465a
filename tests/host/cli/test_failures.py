import json
import signal
from typing import TYPE_CHECKING

import pytest

from db import errors as db_errors
from host import errors
from host.cli.failures import Interruption, exit_code_of, resumable

if TYPE_CHECKING:
    from tests.host.cli.conftest import Start

EXIT_CODES = [
    (errors.UsageError, "usage", 2),
    (errors.InputError, "bad_input", 3),
    (errors.BoardUnreachableError, "board_unreachable", 4),
    (errors.BoardBusyError, "board_busy", 5),
    (errors.UnsteadyError, "unsteady", 6),
    (errors.InfeasibleError, "infeasible", 7),
    (errors.DatabaseError, "database", 8),
    (db_errors.LockedError, "database", 8),
    (db_errors.NotFoundError, "bad_input", 3),
]

WAIT_IN_A_JOB = """
import signal, sys
from host import jobs

signal.signal(signal.SIGINT, signal.default_int_handler)  # also where a shell runs the tests in the background

def wait(request, reporter):
    try:
        print("ready", file=sys.stderr, flush=True)
        signal.pause()
    finally:
        print("board freed", file=sys.stderr, flush=True)

jobs.plan_model = wait
from host.cli import main
main()
"""


@pytest.mark.parametrize(("kind", "code", "status"), EXIT_CODES)
def test_each_failure_has_its_exit_code_sentence_and_hint(
    kind: type[errors.StagelineError], code: str, status: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert exit_code_of(kind("it broke", hint="mend it"), ["plan"]) == status
    captured = capsys.readouterr()
    assert captured.err == "host: it broke\nhint: mend it\n"
    assert not captured.out


@pytest.mark.parametrize(("kind", "code", "status"), EXIT_CODES)
def test_each_failure_under_json_is_one_document_on_standard_output(
    kind: type[errors.StagelineError], code: str, status: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert exit_code_of(kind("it broke", hint="mend it"), ["plan", "--json"]) == status
    captured = capsys.readouterr()
    assert json.loads(captured.out) == {"error": {"code": code, "message": "it broke", "hint": "mend it"}}
    assert not captured.err


def test_json_after_a_double_dash_is_no_option(capsys: pytest.CaptureFixture[str]) -> None:
    exit_code_of(errors.InputError("it broke"), ["solve", "--", "--json"])
    assert not capsys.readouterr().out


def test_our_bug_exits_with_1_and_shows_where_it_happened(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(KeyError) as caught:
        dict[str, str]()["missing"]
    assert exit_code_of(caught.value, []) == 1
    captured = capsys.readouterr()
    assert "Traceback" in captured.err
    assert "bug in Stageline" in captured.err


def test_interrupted_work_says_how_to_continue() -> None:
    with pytest.raises(Interruption) as caught, resumable("run it again"):
        raise KeyboardInterrupt
    assert caught.value.hint == "run it again"


@pytest.mark.parametrize(
    ("number", "status", "word"),
    [(signal.SIGINT, 130, "interrupted"), (signal.SIGTERM, 143, "terminated")],
)
def test_a_signal_frees_the_board_and_says_how_to_continue(
    start: "Start", number: signal.Signals, status: int, word: str
) -> None:
    process = start("plan", "--model", "mobilenet", program=WAIT_IN_A_JOB)
    assert process.stderr is not None
    assert process.stderr.readline() == "ready\n"
    process.send_signal(number)
    out, err = process.communicate(timeout=60)
    assert process.returncode == status
    assert not out
    freed, told, hint = err.splitlines()
    assert (freed, told) == ("board freed", f"host: {word}")
    assert "run the same command again to continue" in hint


def test_ctrl_c_under_json_is_one_document(start: "Start") -> None:
    process = start("plan", "--model", "mobilenet", "--json", program=WAIT_IN_A_JOB)
    assert process.stderr is not None
    process.stderr.readline()
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 130
    assert json.loads(out)["error"]["code"] == "interrupted"
