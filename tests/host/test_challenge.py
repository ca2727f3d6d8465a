"""A tuned schedule replaces another only where it wins in the network; what was tried is known either way."""

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pytest

from db.records import BoardRecord, Environment, Profile, ProfileStatus, TuningRecord
from db.store import Store
from host.kernels.forms import Form
from host.kernels.specs import Convolution
from host.layers.graph import KernelCall, Layer, LayerGraph, Tensor
from host.placement import Placement
from host.profiler import Profiler, best_variants
from host.trials import Trials

if TYPE_CHECKING:
    from host.remote.tvm_session import TvmSession

TARGET = {"kind": "llvm", "mtriple": "x86_64-linux-gnu", "mcpu": "x86-64-v3"}
ENVIRONMENT = Environment(
    tvm="0.27",
    tvm_ffi="0.1",
    target=TARGET,
    board_fingerprint="board-1",
    operating_point="default",
    kernel_version="1",
)
PLACEMENT = Placement(processor="cpu", cores=1, cpus=(0,), level="default", environment=ENVIRONMENT)
ANALYTIC, TUNED = "direct-1-4-16-pixels", "tuned-0123456789abcdef-direct-1-4-16-pixels"
FORM = Form(channels=16, height=4, width=4)
SPEC = Convolution(input=FORM, output=FORM, kernel=(1, 1))


def layer(name: str, source: str, target: str) -> Layer:
    return Layer(
        name=name,
        calls=(KernelCall(kernel=name, arguments=(source, "w", target)),),
        inputs=(source,),
        outputs=(target,),
        weights=("w",),
        flops=1.0,
        structural_hash=f"hash-{name}",
    )


GRAPH = LayerGraph(
    name="net",
    inputs=("x",),
    outputs=(("out", "z"),),
    tensors={
        **{name: Tensor(name=name, shape=FORM.shape, dtype="float32") for name in ("x", "y", "z")},
        "w": Tensor(name="w", shape=(16, 16, 1, 1), dtype="float32"),
    },
    layers=(layer("a", "x", "y"), layer("b", "y", "z")),
    kernels={"a": SPEC, "b": SPEC},
)
CHALLENGE = Trials(schedules=dict.fromkeys(("hash-a", "hash-b"), ((ANALYTIC,), (TUNED,))))


class StandInSession:
    """A board on which a layer's latency follows from its kernel's name."""

    def __init__(self, latencies_us: Mapping[str, float]) -> None:
        self._latencies = latencies_us
        self._files: dict[str, bytes] = {}
        self._running: list[list[float]] = []
        self.modules: list[str] = []

    def upload(self, data: bytes, name: str) -> None:
        self._files[name] = data
        if name.endswith(".so"):
            self.modules.append(name)

    def ask(self, function: str, *arguments: str | float, deadline_s: float) -> dict[str, Any]:
        answers: dict[str, Any] = {"open": self._load, "sample": self._sample, "close": dict}
        answer: dict[str, Any] = answers[function.rpartition(".")[2]](*arguments)
        return answer

    def _load(self, text: str) -> dict[str, Any]:
        programs = [json.loads(self._files[name]) for name in json.loads(text)["programs"]]
        self._running = [
            [self._latencies[entry["calls"][0]["function"]] for entry in program["layers"]]
            for program in programs
        ]
        return {}

    def _sample(self, seconds: float) -> dict[str, Any]:
        samples = [[[time] * 5 for time in program] for program in self._running]
        steady = [True] * len(GRAPH.layers)
        return {"samples_us": samples, "steady": steady, "passes": 5, "seconds": seconds}


def symbol(kernel: str, variant: str) -> str:
    return f"k_{kernel}_{variant.replace('-', '_')}"


def session(**tuned_us: float) -> StandInSession:
    """Analytic kernels take 100 us; tuned ones what is said."""
    latencies = {symbol(name, ANALYTIC): 100.0 for name in ("a", "b")}
    return StandInSession(latencies | {symbol(name, TUNED): time for name, time in tuned_us.items()})


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "p.sqlite") as opened:
        opened.put_board(BoardRecord(name="board", fingerprint="board-1", processors=(), description={}))
        opened.put_profiles(
            [
                Profile(
                    layer_hash=name,
                    environment=ENVIRONMENT,
                    processor="cpu",
                    cores=1,
                    level="default",
                    latency_us=101.0,
                    latency_mad_us=0.0,
                    samples_us=(101.0,),
                    status=ProfileStatus.STEADY,
                    measured_at=datetime(2026, 1, 1, tzinfo=UTC),
                    schedule=ANALYTIC,
                    candidates_us={ANALYTIC: 101.0, "direct-1-2-16-pixels": 120.0},
                )
                for name in ("hash-a", "hash-b")
            ]
        )
        yield opened


@pytest.fixture
def module(tmp_path: Path) -> Path:
    path = tmp_path / "module.so"
    path.write_bytes(b"code")
    return path


def challenge(store: Store, board: StandInSession, module: Path) -> dict[str, Profile]:
    profiler = Profiler(store, GRAPH)
    profiler.challenge(cast("TvmSession", board), module, PLACEMENT, CHALLENGE)
    return profiler.profiles(PLACEMENT)


def test_a_winner_is_measured_and_keeps_what_was_tried_before(store: Store, module: Path) -> None:
    profiles = challenge(store, session(a=60.0, b=130.0), module)
    winner, loser = profiles["hash-a"], profiles["hash-b"]
    assert (winner.schedule, winner.latency_us, winner.status) == (TUNED, 60.0, ProfileStatus.STEADY)
    assert winner.candidates_us == {ANALYTIC: 100.0, "direct-1-2-16-pixels": 120.0, TUNED: 60.0}
    assert (loser.schedule, loser.latency_us) == (ANALYTIC, 101.0)
    assert loser.candidates_us[TUNED] == 130.0


def test_a_gain_within_the_noise_changes_nothing(store: Store, module: Path) -> None:
    profiles = challenge(store, session(a=99.5, b=100.0), module)
    assert {profile.schedule for profile in profiles.values()} == {ANALYTIC}
    assert {profile.latency_us for profile in profiles.values()} == {101.0}


def test_no_module_takes_the_place_of_one_that_may_be_mapped(store: Store, module: Path) -> None:
    board = session(a=60.0, b=60.0)
    challenge(store, board, module)
    challenge(store, board, module)
    assert len(set(board.modules)) == 2


def test_what_a_search_found_joins_the_candidates_of_later_measurements(store: Store) -> None:
    record = TuningRecord(
        kernel="a",
        variant=ANALYTIC,
        environment=ENVIRONMENT,
        processor="cpu",
        cores=1,
        trace="[[], []]",
        latency_us=50.0,
        trial=1,
        measured_at=datetime(2026, 1, 1, tzinfo=UTC),
    )
    store.put_tuning_records([record])
    (tuned,) = best_variants(store, PLACEMENT, GRAPH.kernels).values()
    trials = Profiler(store, GRAPH, again=True).trials(PLACEMENT, TARGET)
    assert trials.schedules["hash-a"][-1] == (tuned,)
    assert not any("tuned" in schedule[0] for schedule in trials.schedules["hash-b"])
    assert Profiler(store, GRAPH).trials(PLACEMENT, TARGET).schedules["hash-a"] == ((ANALYTIC,),)
