"""An ONNX graph in a form that is easy to rewrite: nodes, constants as arrays, static inputs."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from onnx import AttributeProto, ModelProto, NodeProto, ValueInfoProto, helper, numpy_helper
from onnx.shape_inference import infer_shapes

from host.frontends.tensors import TensorInfo

Array = npt.NDArray[Any]

_MIN_IR_VERSION = 8  # from version 4 on constants need not be listed as inputs
_SHAPE_LIKE_ELEMENTS = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Graph:
    """A network on its way from ONNX to Relax. Rewriting makes a new one.

    Attributes:
        name: The graph's name in its file.
        opsets: Version of each operator set by its domain.
        nodes: In execution order.
        constants: Weights and other known tensors by name.
        inputs: What it reads.
        outputs: Its output names, each with the value that carries it.
    """

    name: str
    opsets: Mapping[str, int]
    nodes: tuple[NodeProto, ...]
    constants: Mapping[str, Array]
    inputs: tuple[TensorInfo, ...]
    outputs: tuple[tuple[str, str], ...]

    @property
    def opset(self) -> int:
        """Version of the standard operator set."""
        return self.opsets.get("", 1)

    def uses(self) -> Counter[str]:
        """How often each value is read, by nodes or as an output."""
        counts = Counter(name for node in self.nodes for name in node.input if name)
        counts.update(value for _, value in self.outputs)
        return counts

    def skeleton(self) -> ModelProto:
        """The same nodes with large constants as inputs: quick to check and to infer shapes of."""
        small = {name: array for name, array in self.constants.items() if array.size <= _SHAPE_LIKE_ELEMENTS}
        inputs = [_value_info(tensor.name, tensor.shape, np.dtype(tensor.dtype)) for tensor in self.inputs]
        inputs += [
            _value_info(name, array.shape, array.dtype)
            for name, array in self.constants.items()
            if name not in small
        ]
        graph = helper.make_graph(
            self.nodes,
            self.name or "graph",
            inputs,
            [ValueInfoProto(name=value) for value in dict.fromkeys(value for _, value in self.outputs)],
            [numpy_helper.from_array(array, name) for name, array in small.items()],
        )
        opsets = [helper.make_opsetid(domain, version) for domain, version in self.opsets.items()]
        return helper.make_model(graph, ir_version=_MIN_IR_VERSION, opset_imports=opsets)

    def static_shapes(self) -> dict[str, tuple[int, ...]]:
        """Shape of every value whose shape does not depend on data, as far as ONNX can tell."""
        graph = infer_shapes(self.skeleton(), data_prop=True).graph
        shapes = {name: array.shape for name, array in self.constants.items()}
        for info in (*graph.input, *graph.value_info, *graph.output):
            if info.type.tensor_type.HasField("shape"):
                extents = info.type.tensor_type.shape.dim
                if all(extent.HasField("dim_value") for extent in extents):
                    shapes[info.name] = tuple(extent.dim_value for extent in extents)
        return shapes


def attributes(node: NodeProto) -> dict[str, Any]:
    """A node's attributes by name."""
    return {attribute.name: helper.get_attribute_value(attribute) for attribute in node.attribute}


def label(node: NodeProto) -> str:
    """What messages call a node: its operator, and its name where it has one."""
    operator = f"{node.domain}.{node.op_type}" if node.domain not in ("", "ai.onnx") else node.op_type
    name = node.name or (node.output[0] if node.output else "")
    return f"{operator} (node {name})" if name else operator


def has_subgraph(node: NodeProto) -> bool:
    """Whether a node holds a graph of its own, as control flow does."""
    return any(
        attribute.type in (AttributeProto.GRAPH, AttributeProto.GRAPHS) for attribute in node.attribute
    )


def _value_info(name: str, shape: tuple[int, ...], dtype: np.dtype[Any]) -> ValueInfoProto:
    return helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(dtype), shape)
