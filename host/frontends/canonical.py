"""Spells operators in the one way in which they compile best."""

from collections.abc import Callable, Iterable
from dataclasses import replace

import numpy as np
from onnx import NodeProto, helper

from host.frontends.graph import Array, Graph, attributes

_BIAS = 2  # place of the bias among the inputs of convolutions and fully connected layers


def canonical(graph: Graph) -> Graph:
    """Moves into the constants what would otherwise be computed for every frame or be solved again later.

    A convolution's bias becomes an addition that broadcasts as it is; a fully connected layer has its weights
    as `(in, out)` and no factors; a reshape names the shape that it leads to.
    """
    return _Spelling(graph).spelled()


class _Spelling:
    """One walk over the nodes."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._shapes = graph.static_shapes()
        self._constants: dict[str, Array] = dict(graph.constants)
        self._rules: dict[str, Callable[[NodeProto], list[NodeProto]]] = {
            "Conv": self._conv,
            "ConvTranspose": self._conv,
            "Gemm": self._gemm,
            "Reshape": self._reshape,
        }

    def spelled(self) -> Graph:
        nodes: list[NodeProto] = []
        for node in self._graph.nodes:
            rule = self._rules.get(node.op_type)
            nodes.extend(rule(node) if rule else [node])
        return replace(self._graph, nodes=tuple(nodes), constants=self._constants)

    def _conv(self, node: NodeProto) -> list[NodeProto]:
        bias = self._constant(node, _BIAS)
        shape = self._shapes.get(node.input[0])
        if bias is None or shape is None:
            return [node]
        result, name = node.output[0], f"{node.output[0]}@offset"
        self._constants[name] = bias.reshape(1, -1, *[1] * (len(shape) - 2))
        plain = _changed(node, inputs=node.input[:_BIAS], output=f"{result}@unbiased")
        return [plain, helper.make_node("Add", [plain.output[0], name], [result], name=name)]

    def _gemm(self, node: NodeProto) -> list[NodeProto]:
        options = attributes(node)
        weight, bias = self._constant(node, 1), self._constant(node, _BIAS)
        has_bias = len(node.input) > _BIAS and node.input[_BIAS] != ""
        if weight is None or (has_bias and bias is None):
            return [node]
        result = node.output[0]
        inputs = [node.input[0], f"{result}@matrix"]
        matrix = weight.T if options.get("transB", 0) else weight
        self._constants[inputs[1]] = np.ascontiguousarray(_times(matrix, options.get("alpha", 1.0)))
        if bias is not None:
            inputs.append(f"{result}@offset")
            self._constants[inputs[_BIAS]] = _times(bias, options.get("beta", 1.0))
        return [helper.make_node("Gemm", inputs, [result], name=node.name, transA=options.get("transA", 0))]

    def _reshape(self, node: NodeProto) -> list[NodeProto]:
        shape = self._shapes.get(node.output[0])
        if shape is None or 0 in shape or len(node.input) < 2:
            return [node]
        name = f"{node.output[0]}@shape"
        self._constants[name] = np.array(shape, np.int64)
        return [_changed(node, inputs=[node.input[0], name], output=node.output[0])]

    def _constant(self, node: NodeProto, place: int) -> Array | None:
        return self._constants.get(node.input[place]) if len(node.input) > place else None


def _times(array: Array, factor: float) -> Array:
    return array if factor == 1.0 else (array * factor).astype(array.dtype)


def _changed(node: NodeProto, *, inputs: Iterable[str], output: str) -> NodeProto:
    changed = NodeProto()
    changed.CopyFrom(node)
    changed.input[:] = inputs
    changed.output[:] = [output]
    return changed
