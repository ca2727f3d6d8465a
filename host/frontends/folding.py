"""Computes once what does not depend on the network's inputs, and drops what does nothing."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from onnx import NodeProto, ValueInfoProto, helper
from onnx.reference import ReferenceEvaluator

from host.frontends.graph import Array, Graph, attributes

_RANDOM = frozenset(
    {"Bernoulli", "Multinomial", "RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike"}
)


def fold_constants(graph: Graph) -> Graph:
    """Replaces nodes that read constants only, or only a static shape, by their results."""
    while True:
        folded = _fold_once(graph, graph.static_shapes())
        if len(folded.nodes) == len(graph.nodes):
            return graph
        graph = folded


def drop_identities(graph: Graph) -> Graph:
    """Removes nodes that hand on their input: `Identity`, and `Dropout`, which only acts in training."""
    uses, origins, nodes = graph.uses(), dict[str, str](), list[NodeProto]()
    for node in graph.nodes:
        if _is_identity(node, uses, graph.constants):
            origins[node.output[0]] = origins.get(node.input[0], node.input[0])
        else:
            nodes.append(_reading(node, origins))
    outputs = tuple((name, origins.get(value, value)) for name, value in graph.outputs)
    return replace(graph, nodes=tuple(nodes), outputs=outputs)


def drop_unused(graph: Graph) -> Graph:
    """Removes nodes and constants that no output depends on."""
    needed = {value for _, value in graph.outputs}
    kept: list[NodeProto] = []
    for node in reversed(graph.nodes):
        if needed.intersection(node.output):
            needed.update(name for name in node.input if name)
            kept.append(node)
    constants = {name: array for name, array in graph.constants.items() if name in needed}
    return replace(graph, nodes=tuple(reversed(kept)), constants=constants)


def _fold_once(graph: Graph, shapes: Mapping[str, tuple[int, ...]]) -> Graph:
    constants, nodes = dict(graph.constants), list[NodeProto]()
    for node in graph.nodes:
        results = _known(node, constants, shapes, graph.opsets)
        if results is None:
            nodes.append(node)
        else:
            constants.update(results)
    return drop_unused(replace(graph, nodes=tuple(nodes), constants=constants))


def _known(
    node: NodeProto,
    constants: Mapping[str, Array],
    shapes: Mapping[str, tuple[int, ...]],
    opsets: Mapping[str, int],
) -> dict[str, Array] | None:
    """The node's results where they are known before the network runs."""
    if node.domain not in ("", "ai.onnx") or node.op_type in _RANDOM:
        return None
    if node.op_type == "Shape" and node.input[0] in shapes:
        return {node.output[0]: _shape_of(node, shapes[node.input[0]])}
    if all(name in constants for name in node.input if name):
        return _evaluate(node, constants, opsets)
    return None


def _shape_of(node: NodeProto, shape: tuple[int, ...]) -> Array:
    options = attributes(node)
    return np.array(shape[options.get("start", 0) : options.get("end")], np.int64)


def _evaluate(
    node: NodeProto, constants: Mapping[str, Array], opsets: Mapping[str, int]
) -> dict[str, Array] | None:
    feeds = {name: constants[name] for name in node.input if name}
    wanted = [name for name in node.output if name]
    # A bare node would be taken for one of the newest operator set.
    model = helper.make_model(
        helper.make_graph(
            [node], "folded", [_named(name) for name in feeds], [_named(name) for name in wanted]
        ),
        opset_imports=[helper.make_opsetid(domain, version) for domain, version in opsets.items()],
    )
    try:
        results = ReferenceEvaluator(model).run(None, feeds)
    # ONNX's own interpreter raises whatever numpy raises on what it does not cover. Not folding is no loss.
    except Exception:
        return None
    if not all(isinstance(result, (np.ndarray, np.generic)) for result in results):
        return None
    return {name: np.asarray(result) for name, result in zip(wanted, results, strict=True)}


def _named(name: str) -> ValueInfoProto:
    return ValueInfoProto(name=name)


def _is_identity(node: NodeProto, uses: Counter[str], constants: Mapping[str, Array]) -> bool:
    if node.op_type == "Identity":
        return True
    if node.op_type != "Dropout":
        return False
    reads_mask = len(node.output) > 1 and uses[node.output[1]] > 0
    trains = len(node.input) > 2 and node.input[2] and constants.get(node.input[2], True)
    return not reads_mask and not trains


def _reading(node: NodeProto, origins: Mapping[str, str]) -> NodeProto:
    """The node with other inputs; itself where nothing changes."""
    if not any(name in origins for name in node.input):
        return node
    changed = NodeProto()
    changed.CopyFrom(node)
    changed.input[:] = [origins.get(name, name) for name in node.input]
    return changed
