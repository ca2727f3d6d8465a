"""Schedules are tried in turns, the fastest is kept with the numbers of all, and nothing is tried that is known."""

from host.kernels.forms import Form
from host.kernels.specs import Convolution, Generic
from host.layers import KernelCall, Layer, LayerGraph
from host.layers.choice import likeliest, schedule_of, schedules, text_of
from host.trials import Trials

TARGET = {"kind": "llvm", "mtriple": "x86_64-linux-gnu", "mcpu": "x86-64-v3"}
SPEC = Convolution(
    input=Form(channels=64, height=14, width=14),
    output=Form(channels=64, height=14, width=14),
    kernel=(1, 1),
)
LAYER = Layer(
    name="pw1",
    calls=(
        KernelCall(kernel="free", arguments=("x", "a")),
        KernelCall(kernel="conv", arguments=("a", "w", "y")),
    ),
    inputs=("x",),
    outputs=("y",),
    weights=("w",),
    flops=1.0,
    structural_hash="hash",
)
GRAPH = LayerGraph(
    name="net",
    inputs=("x",),
    outputs=(("out", "y"),),
    tensors={},
    layers=(LAYER,),
    kernels={"free": Generic(code="free", flops=0.0), "conv": SPEC},
)


def test_only_the_kernel_with_the_most_work_is_varied() -> None:
    found = schedules(GRAPH, LAYER, TARGET)
    assert 1 < len(found) <= 8
    assert {schedule[0] for schedule in found} == {"plain"}
    assert len({schedule[1] for schedule in found}) == len(found)
    assert likeliest(GRAPH, TARGET) == {"hash": found[0]}


def test_a_schedule_is_read_back_as_it_was_written() -> None:
    for schedule in schedules(GRAPH, LAYER, TARGET):
        assert schedule_of(text_of(schedule)) == schedule


def test_rounds_try_every_schedule_and_share_their_time_evenly() -> None:
    trials = Trials(
        schedules={
            "a": (("one",), ("two",), ("three",), ("four",)),
            "b": (("five",), ("six",)),
            "c": (("x",),),
        }
    )
    assert [choice["a"] for choice in trials.rounds] == [("one",), ("two",), ("three",), ("four",)]
    assert [choice["b"] for choice in trials.rounds] == [("five",), ("six",)] * 2
    assert {choice["c"] for choice in trials.rounds} == {("x",)}


def test_the_fastest_wins_and_every_time_is_kept() -> None:
    trials = Trials(schedules={"a": (("one",), ("two",)), "b": (("five",),)})
    verdict = trials.verdict(["a", "b"], [[[10.0, 11.0, 90.0], [1.0]], [[7.0, 8.0, 9.0], [1.0]]])
    assert verdict.choice == {"a": ("two",), "b": ("five",)}
    assert verdict.candidates_us == {"a": {"one": 11.0, "two": 8.0}, "b": {}}
