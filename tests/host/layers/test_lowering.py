"""Fused operators become layers; equal work has equal hashes; free operators join a neighbour."""

from typing import Any

import numpy as np
import pytest
from tvm import relax
from tvm.script import relax as R  # noqa: N812 - TVM's own spelling

from host.kernels.specs import Separable
from host.layers.lowering import LoweredModel, lower
from host.layers.naming import kind_of_generic, numbered


def convolution(builder: relax.BlockBuilder, data: Any, seed: int, channels: int = 8, size: int = 3) -> Any:
    weight = np.random.default_rng(seed).standard_normal((channels, int(data.ty.shape[1]), size, size))
    conv = relax.op.nn.conv2d(data, relax.const(weight.astype("float32")), padding=size // 2)
    return builder.emit(relax.op.nn.relu(builder.emit(conv)))


def network(seed: int = 0) -> Any:
    """Four convolutions, each with its ReLU, a pointwise one, an add with the first, a reshape, softmax."""
    builder = relax.BlockBuilder()
    x = relax.Var("x", R.Tensor((1, 8, 6, 6), "float32"))
    with builder.function("main", [x]):
        with builder.dataflow():
            first = convolution(builder, x, seed)
            second = convolution(builder, first, seed + 1)
            third = convolution(builder, second, seed + 2)
            fourth = convolution(builder, third, seed + 3)
            fifth = convolution(builder, fourth, seed + 4, size=1)
            added = builder.emit(relax.op.add(fifth, first))
            flat = builder.emit(relax.op.reshape(added, (1, 288)))
            result = builder.emit_output(relax.op.nn.softmax(flat))
        builder.emit_func_output(result)
    return builder.finalize()


@pytest.fixture(scope="module")
def lowered() -> LoweredModel:
    return lower(network(), name="tiny", inputs=["image"], outputs=["probabilities"])


def test_layers_are_fused_operators_in_execution_order(lowered: LoweredModel) -> None:
    assert [layer.name for layer in lowered.graph.layers] == [
        "conv1",
        "conv2",
        "conv3",
        "conv4",
        "pw1",
        "softmax",
    ]


def test_free_operators_join_the_layer_before(lowered: LoweredModel) -> None:
    assert [len(layer.calls) for layer in lowered.graph.layers] == [2, 1, 1, 1, 3, 1]


def test_a_skip_connection_crosses_the_cuts_between(lowered: LoweredModel) -> None:
    first, second = (layer.outputs[0] for layer in lowered.graph.layers[:2])
    assert lowered.graph.live_tensors(2) == (first, second)


def test_equal_layers_share_a_hash_whatever_their_weights(lowered: LoweredModel) -> None:
    _, second, third, fourth, *_ = lowered.graph.layers
    assert second.structural_hash == third.structural_hash != fourth.structural_hash
    other = lower(network(seed=9), name="other", inputs=["image"], outputs=["p"])
    assert [layer.structural_hash for layer in other.graph.layers] == [
        layer.structural_hash for layer in lowered.graph.layers
    ]


def test_work_counts_a_multiply_add_as_two(lowered: LoweredModel) -> None:
    multiply_adds = 6 * 6 * 8 * 8 * 9
    assert lowered.graph.layers[0].flops == pytest.approx(2 * multiply_adds, rel=0.01)


def test_names_of_inputs_and_outputs_are_the_models_own(lowered: LoweredModel) -> None:
    assert lowered.graph.inputs == ("image",)
    assert [name for name, _ in lowered.graph.outputs] == ["probabilities"]


def separable(*, is_read_twice: bool, size: int = 112) -> LoweredModel:
    """A depthwise convolution and a 1x1 convolution of its result, which somebody else may read, too."""
    weights = np.ones((64, 1, 3, 3), "float32"), np.ones((16, 64, 1, 1), "float32")
    builder = relax.BlockBuilder()
    x = relax.Var("x", R.Tensor((1, 64, size, size), "float32"))
    with builder.function("main", [x]):
        with builder.dataflow():
            filtered = builder.emit(relax.op.nn.conv2d(x, relax.const(weights[0]), padding=1, groups=64))
            between = builder.emit(relax.op.nn.relu(filtered))
            combined = builder.emit(relax.op.nn.conv2d(between, relax.const(weights[1])))
            results = [combined, between] if is_read_twice else [combined]
            result = builder.emit_output(relax.Tuple(results))
        builder.emit_func_output(result)
    return lower(builder.finalize(), name="n", inputs=["x"], outputs=["y", "z"][: len(results)])


def test_depthwise_convolution_of_a_large_image_and_the_1x1_behind_it_are_one_layer() -> None:
    graph = separable(is_read_twice=False).graph
    (layer,) = graph.layers
    assert layer.name == "dwpw1"
    (both,) = [call for call in layer.joined if isinstance(graph.kernels[call.kernel], Separable)]
    assert len(layer.joined) == len(layer.calls) - 1
    assert set(both.arguments) & set(layer.weights) == set(layer.weights)
    (between,) = [
        call.arguments[-1]
        for call in layer.calls
        if getattr(graph.kernels[call.kernel], "is_depthwise", False)
    ]
    assert not any(between in call.arguments for call in layer.joined)


def test_what_somebody_else_reads_or_a_cache_keeps_stays_apart() -> None:
    for lowered in (separable(is_read_twice=True), separable(is_read_twice=False, size=14)):
        assert [layer.name for layer in lowered.graph.layers] == ["dw1", "pw1"]
        assert not any(layer.joined for layer in lowered.graph.layers)


@pytest.mark.parametrize(
    ("hint", "kind"),
    [
        ("fused_multiply2_add", "multiply"),
        ("transpose4", "transpose"),
        ("sum1", "reduce"),
        ("power", "power"),
    ],
)
def test_operators_without_a_kernel_are_named_as_tvm_names_them(hint: str, kind: str) -> None:
    assert kind_of_generic(hint) == kind


def test_only_convolutions_and_repeated_kinds_are_numbered() -> None:
    assert numbered(["conv", "pw", "pw", "softmax"]) == ["conv1", "pw1", "pw2", "softmax"]
