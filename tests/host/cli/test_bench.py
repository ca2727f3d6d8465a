"""`host bench` on a terminal and in a pipe, with the measuring itself replaced."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from host.bench import BenchRequest, Comparison, Contender, Engine, Entry, Mode, Turn, job
from host.errors import StagelineError, UsageError
from host.locations import default_database

if TYPE_CHECKING:
    from host.requests import Reporter
    from tests.host.cli.conftest import Cli


class StandInBench:
    """Notes what was asked for and answers with a comparison, or fails."""

    def __init__(self) -> None:
        self.requests: list[BenchRequest] = []
        self.failure: BaseException | None = None

    def __call__(self, request: BenchRequest, reporter: "Reporter") -> Comparison:
        self.requests.append(request)
        reporter.step("Bench", "6 entries")
        if self.failure is not None:
            raise self.failure
        engines = [Engine.STAGELINE] if request.against is None else [request.against, Engine.STAGELINE]
        turn = Turn(latency_ms=5.0, throughput_fps=200.0, frames=60)
        contenders = [Contender(engine=engine, mode=Mode.SINGLE_CORE, cpus=(0,)) for engine in engines]
        return Comparison(
            model="net",
            board="local",
            entries=tuple(Entry(contender=one, turns=(turn,)) for one in contenders),
            rounds=1,
            cores=1,
            versions={},
        )


@pytest.fixture
def stand_in(monkeypatch: pytest.MonkeyPatch) -> StandInBench:
    bench = StandInBench()
    monkeypatch.setattr(job, "bench_model", bench)
    return bench


def test_the_table_is_on_standard_output_and_the_steps_elsewhere(cli: "Cli", stand_in: StandInBench) -> None:
    answer = cli("bench", "--model", "net", "--against", "onnxruntime")
    assert answer.code == 0
    assert answer.err == "Bench    6 entries\n"
    assert "ONNX Runtime" in answer.out
    assert "1.00 times ONNX Runtime's" in answer.out
    assert "\x1b" not in answer.out


def test_json_is_exactly_one_document(cli: "Cli", stand_in: StandInBench) -> None:
    answer = cli("bench", "--model", "net", "--against", "onnxruntime", "--json")
    assert answer.document["schema"] == "stageline.bench/1"
    assert answer.document["ratios"] == {"single_core_latency": 1.0, "best_throughput": 1.0}


def test_without_options_only_stageline_is_measured_on_this_machine(
    cli: "Cli", stand_in: StandInBench
) -> None:
    answer = cli("bench", "--model", "net", "--json")
    (request,) = stand_in.requests
    assert (request.against, request.board, request.seconds) == (None, None, 20.0)
    assert request.database == str(default_database())
    assert answer.document["ratios"] == {"single_core_latency": None, "best_throughput": None}


def test_every_option_is_handed_on(cli: "Cli", stand_in: StandInBench) -> None:
    options = "--shape x=1x3x8x8 --against onnxruntime --board tx2 --db p.sqlite --seconds 2.5"
    assert cli("bench", "--model", "net.onnx", *options.split()).code == 0
    (request,) = stand_in.requests
    assert request.model.shapes == {"x": (1, 3, 8, 8)}
    assert (request.against, request.board, request.database) == (Engine.ONNXRUNTIME, "tx2", "p.sqlite")
    assert request.seconds == 2.5


@pytest.mark.parametrize(
    ("options", "word"), [(["--seconds", "0"], "above zero"), (["--against", "fastest"], "onnxruntime")]
)
def test_wrong_options_are_refused(cli: "Cli", stand_in: StandInBench, options: list[str], word: str) -> None:
    answer = cli("bench", "--model", "net", *options)
    assert answer.code == 2
    assert word in answer.err
    assert not stand_in.requests


Fails = Callable[[], BaseException]


@pytest.mark.parametrize(
    ("fails", "code"),
    [
        (lambda: UsageError("board b has no ONNX Runtime"), 2),
        (lambda: StagelineError("stageline pipeline computes something else"), 1),
        (KeyboardInterrupt, 130),
    ],
)
def test_a_comparison_that_ends_early_has_its_exit_code(
    cli: "Cli", stand_in: StandInBench, fails: Fails, code: int
) -> None:
    stand_in.failure = fails()
    answer = cli("bench", "--model", "net", "--json")
    assert answer.code == code
    assert answer.document["error"]["message"]


def test_an_interruption_says_what_was_kept(cli: "Cli", stand_in: StandInBench) -> None:
    stand_in.failure = KeyboardInterrupt()
    assert "nothing is running any more" in cli("bench", "--model", "net").err
