"""Small ONNX models, and ways to run them."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import onnxruntime
import pytest
from onnx import ModelProto, NodeProto, TensorProto, ValueInfoProto, helper, numpy_helper
from onnx.shape_inference import infer_shapes

from host.frontends.graph import Graph

Array = npt.NDArray[Any]
MakeModel = Callable[..., ModelProto]
Run = Callable[[ModelProto, Array], Array]


@pytest.fixture(scope="session")
def make_model() -> MakeModel:
    """Gives a function that puts nodes reading `x` and writing `y` into a model."""

    def make(
        nodes: Sequence[NodeProto],
        constants: Mapping[str, Any] | None = None,
        *,
        shape: Sequence[int | str | None] = (1, 4, 9, 9),
        opset: int = 17,
        domain: str = "",
    ) -> ModelProto:
        graph = helper.make_graph(
            nodes,
            "tiny",
            [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
            [ValueInfoProto(name="y")],
            [numpy_helper.from_array(np.asarray(array), name) for name, array in (constants or {}).items()],
        )
        opsets = [helper.make_opsetid("", opset), *([helper.make_opsetid(domain, 1)] if domain else [])]
        model = infer_shapes(helper.make_model(graph, opset_imports=opsets, ir_version=8))
        if not model.graph.output[0].type.HasField("tensor_type"):
            model.graph.output[0].CopyFrom(
                helper.make_tensor_value_info("y", TensorProto.FLOAT, [None] * len(shape))
            )
        return model

    return make


@pytest.fixture(scope="session")
def run_onnx() -> Run:
    """Runs a model of one input and one output in ONNX Runtime."""

    def run(model: ModelProto, data: Array) -> Array:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 2
        session = onnxruntime.InferenceSession(model.SerializeToString(), options)
        result: Array = session.run(None, {session.get_inputs()[0].name: data})[0]
        return result

    return run


@pytest.fixture(scope="session")
def run_relax() -> Callable[[Any, Array], Array]:
    """Compiles a Relax module for this machine as TVM does by itself, and runs it."""
    import tvm
    from tvm import relax

    def run(module: Any, data: Array) -> Array:
        executable = tvm.compile(module, target=tvm.target.Target({"kind": "llvm"}))
        machine = relax.VirtualMachine(executable, tvm.cpu())
        result: Array = machine["main"](tvm.runtime.tensor(data)).numpy()
        return result

    return run


@pytest.fixture(scope="session")
def as_model() -> Callable[[Graph], ModelProto]:
    """Puts a rewritten graph back together, so that ONNX Runtime can say what it computes."""

    def assemble(graph: Graph) -> ModelProto:
        model = infer_shapes(graph.skeleton(), data_prop=True)
        del model.graph.input[len(graph.inputs) :]
        del model.graph.initializer[:]
        for name, array in graph.constants.items():
            model.graph.initializer.append(numpy_helper.from_array(array, name))
        return model

    return assemble
