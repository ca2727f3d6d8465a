"""Schedules are tried in turns, the fastest is kept with the numbers of all, and nothing is tried that is known."""

from host.kernels.forms import Form
from host.kernels.specs import Convolution, Generic, Separable
from host.layers import KernelCall, Layer, LayerGraph, Tensor
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


DEPTHWISE = Convolution(
    input=Form(channels=64, height=112, width=112, halo=(1, 1)),
    output=Form(channels=64, height=112, width=112),
    kernel=(3, 3),
    padding=(1, 1),
    groups=64,
)
POINTWISE = Convolution(
    input=DEPTHWISE.output, output=Form(channels=32, height=112, width=112), kernel=(1, 1)
)
BOTH = Separable(depthwise=DEPTHWISE, pointwise=POINTWISE)
PAIR = Layer(
    name="dwpw1",
    calls=(
        KernelCall(kernel="dw", arguments=("x", "v", "a")),
        KernelCall(kernel="pw", arguments=("a", "w", "y")),
    ),
    joined=(KernelCall(kernel="both", arguments=("x", "v", "w", "y")),),
    inputs=("x",),
    outputs=("y",),
    weights=("v", "w"),
    flops=1.0,
    structural_hash="pair",
)
PAIR_GRAPH = LayerGraph(
    name="net",
    inputs=("x",),
    outputs=(("out", "y"),),
    tensors={
        "x": Tensor(name="x", shape=DEPTHWISE.input.shape, dtype="float32"),
        "v": Tensor(name="v", shape=(64, 1, 3, 3), dtype="float32"),
        "w": Tensor(name="w", shape=(32, 64, 1, 1), dtype="float32"),
        "a": Tensor(name="a", shape=DEPTHWISE.output.shape, dtype="float32"),
        "y": Tensor(name="y", shape=POINTWISE.output.shape, dtype="float32"),
    },
    layers=(PAIR,),
    kernels={"dw": DEPTHWISE, "pw": POINTWISE, "both": BOTH},
)


def test_two_convolutions_are_tried_apart_with_either_varied_and_as_one_kernel() -> None:
    found = schedules(PAIR_GRAPH, PAIR, TARGET)
    apart, joined = ([one for one in found if len(one) == count] for count in (2, 1))
    assert len(found) == len(set(found)) <= 8
    assert found == (*apart, *joined)
    assert all(len({schedule[index] for schedule in apart}) > 1 for index in (0, 1))
    assert joined


def test_a_gpu_has_no_kernel_for_two_convolutions_at_once() -> None:
    assert {len(one) for one in schedules(PAIR_GRAPH, PAIR, {"kind": "cuda", "arch": "sm_62"})} == {2}


def test_joined_calls_need_no_tensor_between_and_pack_the_weights_of_both() -> None:
    variant = "rows-2-4-16-6-16"
    program = PAIR_GRAPH.program({"pair": (variant,)})
    (call,) = program["layers"][0]["calls"]
    source, first, second, result = call["arguments"]
    assert call["function"] == "k_both_rows_2_4_16_6_16"
    assert (source, result) == ("x", "y")
    assert "a" not in program["buffers"]
    assert program["buffers"][first]["shape"] == [3, 3, 64]
    assert program["buffers"][second]["shape"] == [1, 2, 1, 1, 64, 16]
    packed = PAIR_GRAPH.packed_weights({"pair": (variant,)}, 0, 0)
    assert {name: weight.name for name, weight in packed.items()} == {first: "v", second: "w"}
    assert LayerGraph.from_document(PAIR_GRAPH.to_document()) == PAIR_GRAPH


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
