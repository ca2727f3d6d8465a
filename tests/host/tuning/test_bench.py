"""Whatever a candidate does, the bench goes on with the next one; only a lost board ends it."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from host.errors import BoardUnreachableError, StagelineError
from host.tuning.bench import SLOWER, Timing, TrialBench

PROGRAM = {"schema": "stageline.program/1"}


class StandInSession:
    """Answers every call as the test says."""

    def __init__(self, answer: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
        self._answer = answer
        self.uploads: dict[str, bytes] = {}
        self.requests: list[dict[str, Any]] = []
        self.deadlines_s: list[float] = []

    def upload(self, data: bytes, name: str) -> None:
        self.uploads[name] = data

    def ask(self, function: str, *arguments: str | float, deadline_s: float) -> dict[str, Any]:
        assert function == "stageline.measure.kernel"
        self.requests.append(json.loads(str(arguments[0])))
        self.deadlines_s.append(deadline_s)
        answer = self._answer(self.requests[-1])
        if error := answer.get("error"):
            raise StagelineError(error["message"])
        return answer


class StandInLease:
    """Opens sessions whose end is told in the words of a real one."""

    def __init__(self, answer: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
        self._answer = answer
        self.opened: list[StandInSession] = []
        self.is_lost = False

    @contextmanager
    def tvm_session(self) -> Iterator[StandInSession]:
        if self.is_lost:
            raise BoardUnreachableError("no answer from the board")
        self.opened.append(StandInSession(self._answer))
        try:
            yield self.opened[-1]
        except (ConnectionError, TimeoutError) as error:
            raise BoardUnreachableError(f"the connection was lost: {error}") from error


def well(request: dict[str, Any]) -> dict[str, Any]:
    return {"samples_us": [3.0, 1.0, 2.0], "checks": [1.0, -2.0]}


def crash(request: dict[str, Any]) -> dict[str, Any]:
    raise ConnectionError("the TVM RPC server on the board ended with signal 11")


def hang(request: dict[str, Any]) -> dict[str, Any]:
    raise TimeoutError("stageline.measure.kernel did not end within 15 s")


def failing(request: dict[str, Any]) -> dict[str, Any]:
    return {"error": {"message": "the module has no kernel 't0'", "hint": ""}}


def in_turn(
    *answers: Callable[[dict[str, Any]], dict[str, Any]],
) -> Callable[[dict[str, Any]], dict[str, Any]]:
    waiting = list(answers)

    def answer(request: dict[str, Any]) -> dict[str, Any]:
        return waiting.pop(0)(request)

    return answer


def test_a_kernels_latency_is_the_median_of_its_samples() -> None:
    lease = StandInLease(well)
    with TrialBench(lease, [3, 4]) as bench:
        bench.load(b"code", "trial0.so")
        assert bench.time(PROGRAM) == Timing(latency_us=2.0, checks=(1.0, -2.0))
        assert bench.time(PROGRAM, rival_us=50.0) is not None
    (session,) = lease.opened
    assert session.uploads == {"trial0.so": b"code"}
    assert [request["cpus"] for request in session.requests] == [[3, 4]] * 2
    assert session.requests[1]["limit_us"] == SLOWER * 50.0


@pytest.mark.parametrize("failure", [crash, hang])
def test_a_broken_session_costs_one_trial_and_the_module_goes_to_the_next(
    failure: Callable[[dict[str, Any]], dict[str, Any]],
) -> None:
    lease = StandInLease(in_turn(well, failure, well))
    with TrialBench(lease, [0]) as bench:
        bench.load(b"code", "trial0.so")
        assert [bench.time(PROGRAM) is None for _ in range(3)] == [False, True, False]
    assert [session.uploads for session in lease.opened] == [{"trial0.so": b"code"}] * 2


def test_a_failure_that_the_board_reports_leaves_the_session_open() -> None:
    lease = StandInLease(in_turn(failing, well))
    with TrialBench(lease, [0]) as bench:
        bench.load(b"code", "trial0.so")
        assert bench.time(PROGRAM) is None
        assert bench.time(PROGRAM) is not None
    assert len(lease.opened) == 1


def test_a_lost_board_ends_the_search() -> None:
    lease = StandInLease(in_turn(crash))
    with TrialBench(lease, [0]) as bench:
        bench.load(b"code", "trial0.so")
        assert bench.time(PROGRAM) is None
        lease.is_lost = True
        with pytest.raises(BoardUnreachableError, match="no answer"):
            bench.time(PROGRAM)


def test_a_board_that_breaks_every_session_is_at_fault_itself() -> None:
    lease = StandInLease(crash)
    with TrialBench(lease, [0]) as bench:
        bench.load(b"code", "trial0.so")
        assert bench.time(PROGRAM) is None
        assert bench.time(PROGRAM) is None
        with pytest.raises(BoardUnreachableError, match="signal 11"):
            bench.time(PROGRAM)


def test_only_the_newest_module_is_kept() -> None:
    lease = StandInLease(in_turn(well, crash, well))
    with TrialBench(lease, [0]) as bench:
        bench.load(b"old", "trial0.so")
        bench.time(PROGRAM)
        bench.load(b"new", "trial1.so")
        bench.time(PROGRAM)
        bench.time(PROGRAM)
    assert lease.opened[0].uploads == {"trial0.so": b"old", "trial1.so": b"new"}
    assert lease.opened[1].uploads == {"trial1.so": b"new"}


@pytest.mark.parametrize(
    ("checks", "agrees"),
    [
        ((1000.0, -2.0, 0.0), True),
        ((1000.2, -2.3, 0.1), True),
        ((1000.0, -2.0, 9.0), False),
        ((1000.0, float("nan"), 0.0), False),
    ],
)
def test_kernels_agree_up_to_rounding(checks: tuple[float, ...], agrees: bool) -> None:
    base = Timing(latency_us=1.0, checks=(1000.0, -2.0, 0.0))
    assert Timing(latency_us=2.0, checks=checks).agrees_with(base) is agrees
