"""Moves padding into the operators that need it, as explicit numbers."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from onnx import NodeProto, helper

from host.frontends.graph import Array, Graph, attributes

_PADDED = frozenset({"Conv", "MaxPool", "AveragePool"})


def explicit_padding(graph: Graph) -> Graph:
    """Works out automatic padding, and merges zeros around an image with the convolution that reads them."""
    return _merged(_worked_out(graph))


def _worked_out(graph: Graph) -> Graph:
    shapes = graph.static_shapes()
    return replace(graph, nodes=tuple(_explicit(node, shapes) for node in graph.nodes))


def _explicit(node: NodeProto, shapes: Mapping[str, tuple[int, ...]]) -> NodeProto:
    options = attributes(node)
    mode = options.pop("auto_pad", b"NOTSET").decode()
    if node.op_type not in _PADDED or mode == "NOTSET" or node.input[0] not in shapes:
        return node
    kernel = options.get("kernel_shape") or shapes.get(node.input[1], ())[2:]
    size = shapes[node.input[0]][2:]
    if len(kernel) != len(size):
        return node
    strides = options.get("strides", [1] * len(size))
    dilations = options.get("dilations", [1] * len(size))
    windows = zip(size, kernel, strides, dilations, strict=True)
    # "Same" means as many positions as strides fit into the image; an odd zero goes where the mode says.
    total = [
        max(0, (-(-extent // stride) - 1) * stride + (taps - 1) * dilation + 1 - extent)
        for extent, taps, stride, dilation in windows
    ]
    small, large = [pad // 2 for pad in total], [pad - pad // 2 for pad in total]
    pads = {"SAME_UPPER": small + large, "SAME_LOWER": large + small}.get(mode, [0] * (2 * len(size)))
    return _rebuilt(node, node.input, {**options, "pads": pads})


def _merged(graph: Graph) -> Graph:
    uses, paddings, nodes = graph.uses(), dict[str, NodeProto](), list[NodeProto]()
    for node in graph.nodes:
        around = paddings.get(node.input[0]) if _takes_padding(node) else None
        amount = _spatial_zeros(around, graph.constants) if around else None
        if around and amount:
            nodes.remove(around)
            nodes.append(_with_padding(node, around.input[0], amount))
        else:
            nodes.append(node)
        if node.op_type == "Pad" and uses[node.output[0]] == 1:
            paddings[node.output[0]] = node
    return replace(graph, nodes=tuple(nodes))


def _takes_padding(node: NodeProto) -> bool:
    return node.op_type == "Conv" and attributes(node).get("auto_pad", b"NOTSET") == b"NOTSET"


def _spatial_zeros(node: NodeProto, constants: Mapping[str, Array]) -> list[int] | None:
    """How many zeros a `Pad` puts before and behind each axis of the image; None where it does else."""
    options = attributes(node)
    if options.get("mode", b"constant") != b"constant" or options.get("value", 0.0) or len(node.input) > 3:
        return None
    # Both became inputs with opset 11.
    pads = options.get("pads") or _constant(node, 1, constants)
    value = _constant(node, 2, constants)
    if not pads or value is None or any(value):
        return None
    rank = len(pads) // 2
    before, behind = pads[:rank], pads[rank:]
    if min(pads) < 0 or any((*before[:2], *behind[:2])):
        return None
    return [*before[2:], *behind[2:]]


def _constant(node: NodeProto, place: int, constants: Mapping[str, Array]) -> list[Any] | None:
    """A constant input as a list, empty where the node has none; None where it is not constant."""
    if len(node.input) <= place or not node.input[place]:
        return []
    array = constants.get(node.input[place])
    return None if array is None else list(array.reshape(-1).tolist())


def _with_padding(node: NodeProto, data: str, amount: Sequence[int]) -> NodeProto:
    options = attributes(node)
    pads = options.get("pads", [0] * len(amount))
    both = [own + more for own, more in zip(pads, amount, strict=True)]
    return _rebuilt(node, [data, *node.input[1:]], {**options, "pads": both})


def _rebuilt(node: NodeProto, inputs: Sequence[str], options: Mapping[str, Any]) -> NodeProto:
    return helper.make_node(node.op_type, inputs, node.output, name=node.name, **options)
