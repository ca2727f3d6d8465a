"""Rewriting keeps what a network computes and leaves only what depends on its input."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import ModelProto, NodeProto, helper

from host.frontends import resolve
from host.frontends.graph import Graph
from host.frontends.simplification import simplified

MakeModel = Callable[..., onnx.ModelProto]
Run = Callable[[Any, Any], Any]

Assemble = Callable[[Graph], ModelProto]
LIGHT = Path(onnx.__file__).parent / "backend" / "test" / "data" / "light"
RNG = np.random.default_rng(11)

node = helper.make_node


def normal(*shape: int) -> Any:
    return RNG.standard_normal(shape).astype("f4")


def norm(data: str, result: str, **options: Any) -> NodeProto:
    return node("BatchNormalization", [data, "gamma", "beta", "mean", "var"], [result], **options)


def statistics(channels: int) -> dict[str, Any]:
    names = ("gamma", "beta", "mean")
    return {**{name: normal(channels) for name in names}, "var": np.abs(normal(channels)) + 0.5}


def operators(graph: Graph) -> list[str]:
    return [one.op_type for one in graph.nodes]


CASES: list[Any] = [
    pytest.param(
        [node("Conv", ["x", "w", "b"], ["c"]), norm("c", "y")],
        {"w": normal(6, 4, 3, 3), "b": normal(6), **statistics(6)},
        ["Conv", "Add"],
        id="batch norm behind a convolution",
    ),
    pytest.param(
        [node("Conv", ["x", "w"], ["c"], group=4), norm("c", "y", epsilon=0.01)],
        {"w": normal(8, 1, 3, 3), **statistics(8)},
        ["Conv", "Add"],
        id="batch norm behind a depthwise convolution",
    ),
    pytest.param(
        [
            node("Conv", ["x", "w"], ["c"]),
            node("Dropout", ["c"], ["d", ""]),
            node("Clip", ["d", "", "high"], ["y"]),
        ],
        {"w": normal(6, 4, 3, 3), "high": np.float32(6)},
        ["Conv", "Clip"],
        id="inputs and outputs that are left out",
    ),
    pytest.param(
        [norm("x", "n"), node("Mul", ["n", "k"], ["m"]), node("Add", ["k2", "m"], ["y"])],
        {"k": normal(4, 1, 1), "k2": normal(1, 4, 1, 1), **statistics(4)},
        ["Mul", "Add"],
        id="batch norm with its own scale and offset",
    ),
    pytest.param(
        [
            node("Conv", ["x", "w"], ["c"]),
            node("Sub", ["c", "k"], ["d"]),
            node("Div", ["d", "k2"], ["y"]),
        ],
        {"w": normal(6, 4, 3, 3), "k": np.float32(0.3), "k2": normal(1, 6, 1, 1)},
        ["Conv", "Add"],
        id="arithmetic by channel behind a convolution",
    ),
    pytest.param(
        [node("Conv", ["x", "w"], ["c"]), node("Add", ["c", "k"], ["y"])],
        {"w": normal(7, 4, 3, 3), "k": normal(7)},
        ["Conv", "Add"],
        id="an addition along the width is not taken for a bias",
    ),
    pytest.param(
        [node("Conv", ["x", "w"], ["c"]), norm("c", "n"), node("Mul", ["n", "c"], ["y"])],
        {"w": normal(6, 4, 3, 3), **statistics(6)},
        ["Conv", "Mul", "Add", "Mul"],
        id="a convolution that somebody else reads stays as it is",
    ),
    pytest.param(
        [node("Flatten", ["x"], ["f"]), node("Gemm", ["f", "w", "b"], ["y"], transB=1, alpha=0.5, beta=2.0)],
        {"w": normal(5, 324), "b": normal(5)},
        ["Flatten", "Gemm"],
        id="factors and transposition of a fully connected layer",
    ),
    pytest.param(
        [node("Pad", ["x", "p"], ["q"]), node("Conv", ["q", "w"], ["y"], strides=[2, 2], pads=[1, 0, 1, 0])],
        {"p": np.array([0, 0, 0, 1, 0, 0, 1, 2]), "w": normal(6, 4, 3, 3)},
        ["Conv"],
        id="zeros around a convolution",
    ),
    pytest.param(
        [node("Pad", ["x", "p", "v"], ["q"]), node("Conv", ["q", "w"], ["y"])],
        {"p": np.array([0, 0, 0, 1, 0, 0, 1, 2]), "v": np.float32(1), "w": normal(6, 4, 3, 3)},
        ["Pad", "Conv"],
        id="ones around a convolution are no padding",
    ),
    pytest.param(
        [node("Conv", ["x", "w"], ["y"], auto_pad="SAME_LOWER", strides=[2, 2])],
        {"w": normal(6, 4, 2, 3)},
        ["Conv"],
        id="automatic padding",
    ),
    pytest.param(
        [
            node("Shape", ["x"], ["s"]),
            node("Gather", ["s", "zero"], ["batch"], axis=0),
            node("Unsqueeze", ["batch", "axis"], ["b"]),
            node("Concat", ["b", "rest"], ["t"], axis=0),
            node("Reshape", ["x", "t"], ["y"]),
        ],
        {"zero": np.int64(0), "axis": np.array([0]), "rest": np.array([-1])},
        ["Reshape"],
        id="arithmetic on shapes",
    ),
    pytest.param(
        [
            node("Identity", ["x"], ["a"]),
            node("Dropout", ["a"], ["b", "mask"]),
            node("Relu", ["b"], ["c"]),
            node("Identity", ["c"], ["y"]),
        ],
        {},
        ["Relu"],
        id="operators that hand on their input",
    ),
]


@pytest.mark.parametrize(("nodes", "constants", "left"), CASES)
def test_rewriting_keeps_the_result(
    make_model: MakeModel,
    run_onnx: Run,
    as_model: Assemble,
    nodes: list[NodeProto],
    constants: dict[str, Any],
    left: list[str],
) -> None:
    model = make_model(nodes, constants)
    graph = simplified(model)
    data = normal(1, 4, 9, 9)
    assert operators(graph) == left
    assert [name for name, _ in graph.outputs] == ["y"]
    np.testing.assert_allclose(run_onnx(as_model(graph), data), run_onnx(model, data), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", ["mobilenet_v2", "inception_v3", "densenet121"])
def test_a_simplified_builtin_computes_the_same(name: str, run_onnx: Run, as_model: Assemble) -> None:
    shape = (1, 3, 96, 96)
    model = resolve(name, shapes={"input": shape}).build()
    data = normal(*shape)
    before, after = run_onnx(model, data), run_onnx(as_model(simplified(model)), data)
    np.testing.assert_allclose(after, before, rtol=1e-3, atol=1e-7)


@pytest.mark.parametrize("name", ["densenet121", "inception_v2", "shufflenet"])
def test_a_network_of_old_exporters_computes_the_same(name: str, run_onnx: Run, as_model: Assemble) -> None:
    model = onnx.load(LIGHT / f"light_{name}.onnx")
    graph = simplified(model)
    assert not {"BatchNormalization", "ConstantOfShape", "Unsqueeze"} & set(operators(graph))
    data = normal(*graph.inputs[0].shape)
    before, after = run_onnx(model, data), run_onnx(as_model(graph), data)
    np.testing.assert_allclose(after, before, rtol=1e-3, atol=1e-6)


def test_random_constants_are_not_frozen(make_model: MakeModel) -> None:
    nodes = [node("RandomNormal", [], ["r"], shape=[1, 4, 9, 9]), node("Add", ["x", "r"], ["y"])]
    assert operators(simplified(make_model(nodes))) == ["RandomNormal", "Add"]


def test_operators_of_old_versions_are_folded_as_they_were(make_model: MakeModel) -> None:
    nodes = [node("Unsqueeze", ["k"], ["u"], axes=[1, 2]), node("Mul", ["x", "u"], ["y"])]
    graph = simplified(make_model(nodes, {"k": normal(4)}, opset=9))
    assert operators(graph) == ["Mul"]
    assert graph.constants["u"].shape == (4, 1, 1)


def test_functions_of_a_model_are_inlined(make_model: MakeModel) -> None:
    model = make_model([node("Twice", ["x"], ["y"], domain="local")], domain="local")
    body = [node("Add", ["a", "a"], ["b"])]
    function = helper.make_function("local", "Twice", ["a"], ["b"], body, [helper.make_opsetid("", 17)])
    model.functions.append(function)
    assert operators(simplified(model)) == ["Add"]


def test_what_no_output_needs_is_dropped(make_model: MakeModel) -> None:
    nodes = [node("Exp", ["x"], ["unused"]), node("Relu", ["x"], ["y"])]
    graph = simplified(make_model(nodes, {"spare": normal(3)}))
    assert Counter(operators(graph)) == {"Relu": 1}
    assert not graph.constants
