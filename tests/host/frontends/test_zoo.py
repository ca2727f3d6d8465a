"""The built-in networks are those that were published, compute something, and reach TVM whole."""

from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import tvm
from onnx import ModelProto, checker
from tvm import relax

from host.frontends import builtins, resolve, to_relax
from host.frontends.zoo import ARCHITECTURES

Run = Callable[[Any, Any], Any]

# Counts of trained parameters as torchvision documents them (auxiliary heads left out), MobileNet v1's as Keras does.
PARAMETERS = {
    "mobilenet": 4_231_976,
    "mobilenet_v2": 3_504_872,
    "squeezenet": 1_248_424,
    "squeezenet1_1": 1_235_496,
    "alexnet": 61_100_840,
    "vgg16": 138_357_544,
    "vgg19": 143_667_240,
    "googlenet": 6_624_904,
    "inception_v3": 23_834_568,
    "resnet18": 11_689_512,
    "resnet50": 25_557_032,
    "densenet121": 7_978_856,
}
NORMS_LEFT = {"densenet121": 62}  # those before a convolution, not behind one


@pytest.fixture(scope="module", params=[one.name for one in builtins()])
def network(request: pytest.FixtureRequest) -> ModelProto:
    """Each built-in network in turn, built once for all tests."""
    return resolve(request.param).build()


@pytest.fixture(scope="module")
def module(network: ModelProto) -> Any:
    return to_relax(network).module


def operators(module: Any) -> Counter[str]:
    bindings = [binding.value for block in module["main"].body.blocks for binding in block.bindings]
    return Counter(value.op.name for value in bindings if isinstance(value, relax.Call))


def test_parameters_are_as_many_as_published(network: ModelProto) -> None:
    untrained = ("running_mean", "running_var", "relu6.min", "relu6.max")
    arrays = [one for one in network.graph.initializer if not one.name.endswith(untrained)]
    assert sum(int(np.prod(one.dims)) for one in arrays) == PARAMETERS[network.graph.name]


def test_network_is_valid_and_tells_classes_apart(network: ModelProto, run_onnx: Run) -> None:
    checker.check_model(network)
    shape = ARCHITECTURES[network.graph.name].input_shape
    probabilities = run_onnx(network, np.random.default_rng(5).standard_normal(shape, dtype=np.float32))
    assert probabilities.shape == (1, 1000)
    assert np.isfinite(probabilities).all()
    assert 0.002 < probabilities.max() < 0.9
    assert np.log(probabilities.max() / np.median(probabilities)) > 1


def test_only_kernels_worth_having_reach_tvm(network: ModelProto, module: Any) -> None:
    counts = operators(module)
    assert counts["relax.nn.conv2d"] == sum(node.op_type == "Conv" for node in network.graph.node)
    assert counts["relax.clip"] == sum(node.op_type == "Clip" for node in network.graph.node)
    assert counts["relax.multiply"] == NORMS_LEFT.get(network.graph.name, 0)
    assert not any("batch_norm" in name or name == "relax.call_tir" for name in counts)
    assert len(module["main"].body.blocks) == 1


def test_activations_fuse_into_their_convolutions(module: Any) -> None:
    passes = relax.transform
    chain = (
        passes.LegalizeOps,
        passes.AnnotateTIROpPattern,
        passes.FoldConstant,
        passes.FuseOps,
        passes.FuseTIR,
    )
    fused = tvm.ir.transform.Sequential([each() for each in chain])(module)
    kernels = [variable.name_hint for variable in fused.functions if variable.name_hint != "main"]
    alone = [name for name in kernels if name.rstrip("0123456789") in ("relu", "tir_clip", "add", "clip")]
    assert not alone
    assert not any("isnan" in name for name in kernels)


@pytest.mark.parametrize("name", ["mobilenet", "squeezenet1_1", "resnet18"])
def test_tvm_computes_what_onnx_runtime_computes(
    name: str, run_onnx: Run, run_relax: Callable[[Any, Any], Any]
) -> None:
    shape = (2, 3, 40, 32)
    model = resolve(name, shapes={"input": shape}).build()
    data = np.random.default_rng(1).standard_normal(shape, dtype=np.float32)
    np.testing.assert_allclose(
        run_relax(to_relax(model).module, data), run_onnx(model, data), rtol=1e-3, atol=1e-7
    )


def test_inputs_and_outputs_keep_their_names() -> None:
    model = to_relax(resolve("squeezenet", shapes={"input": (1, 3, 64, 64)}).build())
    assert [(one.name, one.shape, one.dtype) for one in model.inputs] == [
        ("input", (1, 3, 64, 64), "float32")
    ]
    assert [(one.name, one.shape, one.dtype) for one in model.outputs] == [("output", (1, 1000), "float32")]


@pytest.mark.parametrize(
    ("network_name", "parameters"),
    [
        ("mobilenet", ["features.0.0.weight", "features.13.4.running_var", "classifier.bias"]),
        ("mobilenet_v2", ["features.1.conv.0.1.bias", "features.2.conv.2.weight", "classifier.1.weight"]),
        ("squeezenet", ["features.12.expand3x3.weight", "classifier.1.bias"]),
        ("googlenet", ["inception3a.branch3.1.conv.weight", "inception5b.branch4.1.bn.weight", "fc.weight"]),
        ("inception_v3", ["Mixed_7c.branch3x3dbl_3b.bn.bias", "Mixed_6e.branch7x7dbl_5.conv.weight"]),
        ("resnet50", ["layer1.0.downsample.0.weight", "layer4.2.bn3.running_mean"]),
        ("densenet121", ["features.denseblock4.denselayer16.conv2.weight", "features.transition3.norm.bias"]),
    ],
)
def test_parameters_have_torchvisions_names(network_name: str, parameters: list[str]) -> None:
    model = resolve(network_name, shapes={"input": (1, 3, 96, 96)}).build()
    assert set(parameters) <= {tensor.name for tensor in model.graph.initializer}
