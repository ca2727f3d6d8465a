"""The way into TVM: operators arrive as they are meant, names stay, what cannot be used is refused by name."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import tvm
from onnx import NodeProto, TensorProto, helper
from tvm import relax

from host.errors import InputError
from host.frontends import to_relax

MakeModel = Callable[..., onnx.ModelProto]
Run = Callable[[Any, Any], Any]

LIGHT = sorted((Path(onnx.__file__).parent / "backend" / "test" / "data" / "light").glob("*.onnx"))

node = helper.make_node


def operators(module: Any) -> list[str]:
    bindings = [binding.value for block in module["main"].body.blocks for binding in block.bindings]
    return [value.op.name.removeprefix("relax.") for value in bindings if isinstance(value, relax.Call)]


def clip(low: float | None, high: float | None) -> tuple[list[NodeProto], dict[str, Any]]:
    bounds = {"low": low, "high": high}
    names = [name if bound is not None else "" for name, bound in bounds.items()]
    return [node("Clip", ["x", *names], ["y"])], {
        name: np.float32(bound) for name, bound in bounds.items() if bound is not None
    }


@pytest.mark.parametrize(
    ("low", "high", "becomes"),
    [
        (0, 6, "clip"),
        (None, 1, "clip"),
        (-1, None, "clip"),
        (0, None, "nn.relu"),
        (2, 1, "clip"),
        (np.nan, 2, "clip"),
    ],
)
def test_a_clip_is_one_operator(
    make_model: MakeModel,
    run_onnx: Run,
    run_relax: Callable[[Any, Any], Any],
    low: float | None,
    high: float | None,
    becomes: str,
) -> None:
    model = make_model(*clip(low, high))
    module = to_relax(model).module
    data = 3 * np.random.default_rng(0).standard_normal((1, 4, 9, 9), dtype=np.float32)
    assert operators(module) == [becomes]
    np.testing.assert_array_equal(run_relax(module, data), run_onnx(model, data))


@pytest.mark.parametrize(
    ("nodes", "constants", "opset"),
    [
        ([node("Clip", ["x"], ["y"], min=0.0, max=6.0)], {}, 9),
        ([node("Softmax", ["x"], ["y"])], {}, 9),
        ([node("Softmax", ["x"], ["y"], axis=1)], {}, 17),
        ([node("LRN", ["x"], ["y"], size=3, alpha=0.1, bias=2.0)], {}, 17),
        ([node("MaxPool", ["x"], ["y"], kernel_shape=[2, 2], strides=[2, 2], ceil_mode=1)], {}, 17),
        ([node("MaxPool", ["x"], ["y"], kernel_shape=[3, 3], strides=[2, 2], pads=[0, 0, 1, 1])], {}, 17),
        ([node("AveragePool", ["x"], ["y"], kernel_shape=[3, 3], pads=[1] * 4)], {}, 17),
        ([node("AveragePool", ["x"], ["y"], kernel_shape=[3, 3], pads=[1] * 4, count_include_pad=1)], {}, 17),
        (
            [node("AveragePool", ["x"], ["y"], kernel_shape=[2, 2], strides=[2, 2], auto_pad="SAME_UPPER")],
            {},
            17,
        ),
        ([node("Relu", ["x"], ["r"]), node("Sum", ["x", "r", "x"], ["y"])], {}, 17),
        ([node("Max", ["x", "k", "x"], ["m"]), node("Min", ["m", "k2"], ["y"])], {"k": 0.5, "k2": 1.5}, 17),
        ([node("Reshape", ["x", "s"], ["y"])], {"s": [0, 2, -1, 9]}, 17),
    ],
    ids=lambda value: "-".join(one.op_type for one in value) if isinstance(value, list) else None,
)
def test_tvm_computes_what_onnx_runtime_computes(
    make_model: MakeModel,
    run_onnx: Run,
    run_relax: Callable[[Any, Any], Any],
    nodes: list[NodeProto],
    constants: dict[str, Any],
    opset: int,
) -> None:
    arrays = {name: np.array(value, "f4" if name[0] == "k" else "i8") for name, value in constants.items()}
    model = make_model(nodes, arrays, opset=opset)
    data = 3 * np.random.default_rng(0).standard_normal((1, 4, 9, 9), dtype=np.float32)
    got, wanted = run_relax(to_relax(model).module, data), run_onnx(model, data)
    assert got.shape == wanted.shape
    np.testing.assert_allclose(got, wanted, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("path", LIGHT, ids=lambda path: path.stem)
def test_networks_of_old_exporters_arrive_and_fuse(path: Path) -> None:
    model = to_relax(onnx.load(path))
    passes = relax.transform
    chain = (
        passes.LegalizeOps,
        passes.AnnotateTIROpPattern,
        passes.FoldConstant,
        passes.FuseOps,
        passes.FuseTIR,
    )
    fused = tvm.ir.transform.Sequential([each() for each in chain])(model.module)
    assert set(operators(fused)) == {"call_tir"}
    assert [one.shape for one in model.inputs] == [(1, 3, 224, 224)]
    assert np.prod(model.outputs[0].shape) == 1000
    counts = operators(model.module)
    assert not {"stack", "expand_dims", "sqrt"} & (
        set(counts) - ({"expand_dims"} if "nn.avg_pool3d" in counts else set())
    )


def test_names_that_are_no_identifiers_are_kept_outside_the_module() -> None:
    graph = helper.make_graph(
        [node("Relu", ["gpu_0/data.0"], ["1/probabilities"])],
        "odd names",
        [helper.make_tensor_value_info("gpu_0/data.0", TensorProto.FLOAT, [2, 3])],
        [helper.make_tensor_value_info("1/probabilities", TensorProto.FLOAT, [2, 3])],
    )
    model = to_relax(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8))
    assert [one.name for one in model.inputs] == ["gpu_0/data.0"]
    assert [one.name for one in model.outputs] == ["1/probabilities"]
    assert [parameter.name for parameter in model.module["main"].params] == ["gpu_0_data_0"]


def test_every_output_is_described(make_model: MakeModel) -> None:
    model = make_model([node("Flatten", ["x"], ["z"]), node("Relu", ["x"], ["y"])])
    model.graph.output.append(helper.make_tensor_value_info("z", TensorProto.FLOAT, [1, 324]))
    outputs = to_relax(model).outputs
    assert [(one.name, one.shape) for one in outputs] == [("y", (1, 4, 9, 9)), ("z", (1, 324))]


@pytest.mark.parametrize(
    ("nodes", "says"),
    [
        (
            [node("Strange", ["x"], ["y"], name="n7", domain="vendor")],
            r"unsupported operator: vendor\.Strange \(node n7\)",
        ),
        ([node("Gelu", ["x"], ["y"], name="n7", domain="")], "not valid ONNX: No Op registered for Gelu"),
        (
            [node("NonZero", ["x"], ["y"], name="n7")],
            r"NonZero \(node n7\) gives a tensor whose shape depends",
        ),
        ([node("Relu", ["nobody"], ["y"])], "not valid ONNX: .*nobody"),
        ([node("Conv", ["x", "w"], ["y"], name="c")], r"TVM cannot import the operator Conv \(node c\): "),
    ],
)
def test_what_cannot_be_used_is_refused_by_name(
    make_model: MakeModel, nodes: list[NodeProto], says: str
) -> None:
    domain = nodes[0].domain
    model = make_model(nodes, {"w": np.zeros((6, 3, 3, 3), "f4")}, domain=domain)
    with pytest.raises(InputError, match=says):
        to_relax(model)


def test_control_flow_is_refused(make_model: MakeModel) -> None:
    branch = helper.make_graph(
        [node("Relu", ["x"], ["r"])],
        "branch",
        [],
        [helper.make_tensor_value_info("r", TensorProto.FLOAT, [1])],
    )
    nodes = [node("If", ["flag"], ["y"], name="choice", then_branch=branch, else_branch=branch)]
    model = make_model(nodes, {"flag": np.array(True)})
    with pytest.raises(InputError, match=r"If \(node choice\) is control flow"):
        to_relax(model)


def test_an_open_input_is_refused_by_name(make_model: MakeModel) -> None:
    with pytest.raises(InputError, match="the input x has the open shape batchx4"):
        to_relax(make_model([node("Relu", ["x"], ["y"])], shape=["batch", 4]))


def test_weights_that_were_not_loaded_are_named(make_model: MakeModel) -> None:
    model = make_model([node("Mul", ["x", "k"], ["y"])], {"k": np.zeros(9, "f4")})
    onnx.external_data_helper.convert_model_to_external_data(model, location="k.bin", size_threshold=0)
    weight = model.graph.initializer[0]
    weight.data_location = TensorProto.EXTERNAL
    weight.ClearField("raw_data")
    with pytest.raises(InputError, match=r"the weight k lies in k\.bin, which was not loaded"):
        to_relax(model)


def test_nothing_is_printed_when_tvm_refuses(
    make_model: MakeModel, capsys: pytest.CaptureFixture[str]
) -> None:
    model = make_model([node("Conv", ["x", "w"], ["y"])], {"w": np.zeros((6, 3, 3, 3), "f4")})
    with pytest.raises(InputError):
        to_relax(model)
    assert capsys.readouterr().out == ""
