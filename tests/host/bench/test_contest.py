"""The board is asked in the right order, and wrong outputs end a comparison before any figure is shown."""

from collections.abc import Mapping
from contextlib import nullcontext
from types import SimpleNamespace
from typing import Any

import pytest

from host.bench import Contender, Engine, Mode, job
from host.bench.contest import Contest
from host.errors import StagelineError, UsageError


class StandInBoard:
    """Answers like the board's functions, from a table."""

    def __init__(self, answers: Mapping[str, dict[str, Any]]) -> None:
        self._answers = answers
        self.asked: list[tuple[str, ...]] = []
        self.uploads: list[str] = []

    def ask(self, function: str, *arguments: Any, deadline_s: float) -> dict[str, Any]:
        name = function.removeprefix("stageline.contest.")
        self.asked.append((name, *map(str, arguments)))
        return self._answers.get(name, {})

    def upload(self, data: bytes, name: str) -> None:
        self.uploads.append(name)


def contest(board: StandInBoard) -> Contest:
    model = SimpleNamespace(SerializeToString=lambda: b"model")
    network: Any = SimpleNamespace(source=SimpleNamespace(build=lambda: model))
    reporter = SimpleNamespace(progress=lambda title, detail: None)
    session: Any = SimpleNamespace(reporter=reporter)
    connection: Any = board
    return Contest(session, connection, network)


def test_the_model_is_uploaded_once_for_all_modes_of_the_other_engine() -> None:
    board = StandInBoard({})
    found = contest(board)
    for mode in (Mode.SINGLE_CORE, Mode.ALL_CORES):
        found.open(Contender(engine=Engine.ONNXRUNTIME, mode=mode, cpus=(0, 1)))
    assert board.uploads == ["reference.onnx"]
    assert [name for name, *_ in board.asked] == ["open_reference", "open_reference"]
    assert '"cpus": [0, 1]' in board.asked[0][1]


def test_a_turns_answer_becomes_figures_in_milliseconds() -> None:
    board = StandInBoard({"turn": {"latency_us": 2500.0, "throughput_fps": 400.0, "frames": 7}})
    turn = contest(board).take_turn(Contender(engine=Engine.STAGELINE, mode=Mode.PIPELINE), 0.3)
    assert (turn.latency_ms, turn.throughput_fps, turn.frames) == (2.5, 400.0, 7)
    assert board.asked == [("turn", "stageline pipeline", "0.3")]


def test_rounding_is_agreement() -> None:
    board = StandInBoard({"differences": {"stageline pipeline": 2e-6, "stageline single-core": 9e-4}})
    assert contest(board).require_agreement() == 9e-4
    assert board.asked == [("differences", "onnxruntime single-core")]


@pytest.mark.parametrize("apart", [2e-3, float("inf")])
def test_other_outputs_are_a_failure_that_names_the_mode(apart: float) -> None:
    board = StandInBoard({"differences": {"stageline all-cores": 1e-6, "stageline pipeline": apart}})
    with pytest.raises(StagelineError, match="stageline pipeline computes something else"):
        contest(board).require_agreement()


def test_a_board_without_the_other_engine_is_told_what_to_install() -> None:
    board = StandInBoard({"reference_version": {"version": None}})
    session: Any = SimpleNamespace(
        lease=SimpleNamespace(tvm_session=lambda: nullcontext(board)), board=SimpleNamespace(name="tx2")
    )
    with pytest.raises(UsageError, match="tx2 has no ONNX Runtime") as caught:
        job._reference_version(session)
    assert "pip install 'stageline[bench]'" in caught.value.hint
