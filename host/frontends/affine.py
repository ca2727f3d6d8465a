"""Folds batch norms, and scales and offsets by channel, into the convolutions before them."""

from dataclasses import dataclass, replace

import numpy as np
from onnx import NodeProto, helper

from host.frontends.graph import Array, Graph, attributes

_ARITHMETIC = frozenset({"Mul", "Div", "Add", "Sub"})
_COMMUTATIVE = frozenset({"Mul", "Add"})
_CONV_BIAS = 2  # place of the bias among a convolution's inputs


def fold_batch_norms(graph: Graph) -> Graph:
    """Rewrites every batch norm with constant statistics.

    Behind a convolution with constant weights it disappears in them, and so do multiplications and additions
    by channel, which some exporters write behind a batch norm. Elsewhere one multiplication and one addition
    remain.
    """
    return _Folding(graph).folded()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Affine:
    """`data * scale + shift`, by channel, computed in double precision.

    Attributes:
        data: The value that it reads.
        result: The value that it writes.
        scale: One factor a channel.
        shift: One offset a channel.
        rank: Number of axes of `data`.
        dtype: Element type of `data`.
    """

    data: str
    result: str
    scale: Array
    shift: Array
    rank: int
    dtype: np.dtype[np.generic]

    def then(self, scale: Array, shift: Array, result: str) -> "_Affine":
        return replace(self, scale=self.scale * scale, shift=self.shift * scale + shift, result=result)


class _Folding:
    """One walk over the nodes; what has been walked over may still be replaced by what follows it."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._shapes = graph.static_shapes()
        self._uses = graph.uses()
        self._constants = dict(graph.constants)
        self._done: list[NodeProto | _Affine] = []
        self._places: dict[str, int] = {}

    def folded(self) -> Graph:
        for node in self._graph.nodes:
            self._take(node)
        nodes: list[NodeProto] = []
        for item in self._done:
            nodes.extend(self._written(item) if isinstance(item, _Affine) else [item])
        return replace(self._graph, nodes=tuple(nodes), constants=self._constants)

    def _take(self, node: NodeProto) -> None:
        norm = self._batch_norm(node)
        if norm is not None:
            if not self._absorb(norm.data, norm.scale, norm.shift, norm.result):
                self._append(norm, norm.result)
        elif not self._absorb_arithmetic(node):
            self._append(node, *node.output)

    def _append(self, item: NodeProto | _Affine, *results: str) -> None:
        self._places.update(dict.fromkeys(results, len(self._done)))
        self._done.append(item)

    def _batch_norm(self, node: NodeProto) -> _Affine | None:
        """A batch norm as what it computes, or None where it is none or has to stay."""
        if node.op_type != "BatchNormalization" or any(self._uses[name] for name in node.output[1:]):
            return None
        options, statistics = attributes(node), node.input[1:5]
        is_plain = options.get("training_mode", 0) == 0 and options.get("spatial", 1) == 1
        shape = self._shapes.get(node.input[0])
        if not is_plain or shape is None or any(name not in self._constants for name in statistics):
            return None
        gamma, beta, mean, variance = (self._constants[name].astype(np.float64) for name in statistics)
        with np.errstate(invalid="ignore", divide="ignore"):  # what is not a number stays so
            scale = gamma / np.sqrt(variance + options.get("epsilon", 1e-5))
        return _Affine(
            data=node.input[0],
            result=node.output[0],
            scale=scale,
            shift=beta - mean * scale,
            rank=len(shape),
            dtype=self._constants[statistics[0]].dtype,
        )

    def _absorb_arithmetic(self, node: NodeProto) -> bool:
        if node.op_type not in _ARITHMETIC or len(node.input) != 2:
            return False
        data, constant = node.input
        if node.op_type in _COMMUTATIVE and data in self._constants:
            data, constant = constant, data
        target = self._target(data)
        if target is None or constant not in self._constants:
            return False
        channels, rank = self._extent(target)
        vector = _by_channel(self._constants[constant], channels, rank)
        if vector is None:
            return False
        one, zero = np.ones(channels), np.zeros(channels)
        with np.errstate(divide="ignore"):
            scale, shift = {
                "Mul": (vector, zero),
                "Div": (1 / vector, zero),
                "Add": (one, vector),
                "Sub": (one, -vector),
            }[node.op_type]
        return self._absorb(data, scale, shift, node.output[0])

    def _target(self, data: str) -> NodeProto | _Affine | None:
        """What computes `data` for this one reader and can take a scale and a shift into itself."""
        if self._uses[data] != 1 or data not in self._places:
            return None
        item = self._done[self._places[data]]
        if isinstance(item, _Affine):
            return item
        is_constant = all(name in self._constants for name in item.input[1:] if name)
        return item if item.op_type == "Conv" and is_constant else None

    def _extent(self, target: NodeProto | _Affine) -> tuple[int, int]:
        """Channels and rank of what a target gives."""
        if isinstance(target, _Affine):
            return target.scale.size, target.rank
        weight = self._constants[target.input[1]]
        return weight.shape[0], weight.ndim

    def _absorb(self, data: str, scale: Array, shift: Array, result: str) -> bool:
        target = self._target(data)
        if target is None:
            return False
        place = self._places[data]
        merged = (
            target.then(scale, shift, result)
            if isinstance(target, _Affine)
            else self._scaled_conv(target, scale, shift, result)
        )
        self._done[place] = merged
        self._places[result] = place
        return True

    def _scaled_conv(self, node: NodeProto, scale: Array, shift: Array, result: str) -> NodeProto:
        weight = self._constants[node.input[1]]
        has_bias = len(node.input) > _CONV_BIAS and node.input[_CONV_BIAS] != ""
        bias = (
            self._constants[node.input[_CONV_BIAS]].astype(np.float64) if has_bias else np.zeros(len(scale))
        )
        by_output = scale.reshape(-1, *[1] * (weight.ndim - 1))
        names = f"{result}@weight", f"{result}@bias"
        self._constants[names[0]] = (weight * by_output).astype(weight.dtype)
        self._constants[names[1]] = (bias * scale + shift).astype(weight.dtype)
        scaled = NodeProto()
        scaled.CopyFrom(node)
        scaled.input[:] = [node.input[0], *names]
        scaled.output[:] = [result]
        return scaled

    def _written(self, affine: _Affine) -> list[NodeProto]:
        """The multiplication and the addition that are left, without those that would do nothing."""
        by_channel = (affine.scale.size, *[1] * (affine.rank - 2))
        steps = [
            (operator, array)
            for operator, array, neutral in (("Mul", affine.scale, 1.0), ("Add", affine.shift, 0.0))
            if np.any(array != neutral)
        ] or [("Mul", affine.scale)]
        nodes, value = [], affine.data
        for place, (operator, array) in enumerate(steps, start=1):
            constant = f"{affine.result}@{operator}"
            self._constants[constant] = array.reshape(by_channel).astype(affine.dtype)
            result = affine.result if place == len(steps) else f"{affine.result}@scaled"
            nodes.append(helper.make_node(operator, [value, constant], [result], name=constant))
            value = result
        return nodes


def _by_channel(array: Array, channels: int, rank: int) -> Array | None:
    """A constant as one number a channel (axis 1), or None where it varies along another axis."""
    if array.ndim > rank or array.dtype.kind != "f":
        return None
    if array.size == 1:
        return np.full(channels, float(array.reshape(())))
    wanted = (1, channels, *[1] * (rank - 2))
    if (1,) * (rank - array.ndim) + array.shape != wanted:
        return None
    return array.reshape(-1).astype(np.float64)
