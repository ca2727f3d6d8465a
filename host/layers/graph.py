"""A network as a chain of layers: what can be measured, cut and placed.

Pure data: no compiler is imported here, so that a network that was seen before can be planned from the database alone.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Self

SCHEMA = "stageline.graph/1"

_ITEM_BYTES = {
    "bool": 1,
    "int8": 1,
    "uint8": 1,
    "float16": 2,
    "bfloat16": 2,
    "int32": 4,
    "float32": 4,
    "int64": 8,
    "float64": 8,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Tensor:
    """A dense tensor that a network reads, holds or produces.

    Attributes:
        name: Unique within its network.
        shape: Extent of each axis; empty for a scalar.
        dtype: Element type as numpy spells it.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str

    @property
    def nbytes(self) -> int:
        """Size in bytes."""
        return math.prod(self.shape) * _ITEM_BYTES[self.dtype]


@dataclass(frozen=True, slots=True, kw_only=True)
class KernelCall:
    """One call of a compiled kernel; outputs are written by the kernel (destination passing).

    Attributes:
        kernel: Digest of the kernel, equal for equal code whatever the network.
        arguments: Names of the tensors it takes, those that it writes last.
    """

    kernel: str
    arguments: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """The smallest piece that is compiled, measured and placed: one fused operator and the free operators beside it.

    Attributes:
        name: Kind and ordinal, such as `conv1` or `dw4`.
        calls: Kernel calls in execution order.
        inputs: Activations that it reads, from the network's inputs or earlier layers.
        outputs: Activations that it produces and that somebody after it reads.
        weights: Constant tensors that it reads.
        flops: Floating-point operations a frame.
        structural_hash: Equal for layers that do the same work on tensors of the same shapes.
    """

    name: str
    calls: tuple[KernelCall, ...]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    weights: tuple[str, ...]
    flops: float
    structural_hash: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerGraph:
    """Layers in execution order with every tensor between them.

    Attributes:
        name: The network's name.
        inputs: The network's inputs, in its own order.
        outputs: The network's output names, each with the tensor that carries it.
        tensors: Every tensor by name: inputs, weights, activations.
        layers: In execution order.
    """

    name: str
    inputs: tuple[str, ...]
    outputs: tuple[tuple[str, str], ...]
    tensors: Mapping[str, Tensor]
    layers: tuple[Layer, ...]

    @property
    def flops(self) -> float:
        """Floating-point operations a frame."""
        return sum(layer.flops for layer in self.layers)

    @property
    def weight_bytes(self) -> int:
        """Bytes of all weights, each counted once."""
        names = {name for layer in self.layers for name in layer.weights}
        return sum(self.tensors[name].nbytes for name in names)

    @property
    def kernels(self) -> tuple[str, ...]:
        """Digests of the different kernels, in order of first use."""
        return tuple(dict.fromkeys(call.kernel for layer in self.layers for call in layer.calls))

    def live_tensors(self, cut: int) -> tuple[str, ...]:
        """Tensors that cross the border before layer `cut`, skip connections and finished outputs included.

        Args:
            cut: Index of the first layer behind the border, 0 to the number of layers.
        """
        available = dict.fromkeys(self.inputs)
        for layer in self.layers[:cut]:
            available.update(dict.fromkeys(layer.outputs))
        needed = {name for layer in self.layers[cut:] for name in layer.inputs} | {
            name for _, name in self.outputs
        }
        return tuple(name for name in available if name in needed)

    def cut_bytes(self, cut: int) -> int:
        """Bytes of the tensors that cross the border before layer `cut`."""
        return sum(self.tensors[name].nbytes for name in self.live_tensors(cut))

    def needed_after(self, last: int) -> frozenset[str]:
        """Activations that some layer after `last`, or the network's output, reads."""
        later = {name for layer in self.layers[last + 1 :] for name in layer.inputs}
        return frozenset(later | {name for _, name in self.outputs})

    def program(self, first: int, last: int) -> dict[str, Any]:
        """The layers `first` to `last` (both included) as a `stageline.program/1` document."""
        layers = self.layers[first : last + 1]
        produced = dict.fromkeys(name for layer in layers for name in layer.outputs)
        inputs = tuple(
            dict.fromkeys(name for layer in layers for name in layer.inputs if name not in produced)
        )
        used = {name for layer in layers for call in layer.calls for name in call.arguments}
        outputs = tuple(name for name in produced if name in self.needed_after(last))
        return {
            "schema": "stageline.program/1",
            "inputs": list(inputs),
            "outputs": list(outputs),
            "weights": list(dict.fromkeys(name for layer in layers for name in layer.weights)),
            "buffers": {name: _buffer(self.tensors[name]) for name in self.tensors if name in used},
            "layers": [_program_layer(layer) for layer in layers],
        }

    def to_document(self) -> dict[str, Any]:
        """A JSON document from which `from_document` restores the graph."""
        return {
            "schema": SCHEMA,
            "name": self.name,
            "inputs": list(self.inputs),
            "outputs": [list(pair) for pair in self.outputs],
            "tensors": {name: _buffer(tensor) for name, tensor in self.tensors.items()},
            "layers": [_layer_document(layer) for layer in self.layers],
        }

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Self:
        """Restores a graph that `to_document` wrote.

        Raises:
            ValueError: The document is of another schema.
        """
        if document.get("schema") != SCHEMA:
            raise ValueError(f"expected a {SCHEMA} document, found {document.get('schema')!r}")
        return cls(
            name=document["name"],
            inputs=tuple(document["inputs"]),
            outputs=tuple((name, tensor) for name, tensor in document["outputs"]),
            tensors={
                name: Tensor(name=name, shape=tuple(entry["shape"]), dtype=entry["dtype"])
                for name, entry in document["tensors"].items()
            },
            layers=tuple(_layer(entry) for entry in document["layers"]),
        )


def distinct(layers: Iterable[Layer]) -> dict[str, Layer]:
    """The different layers by structural hash, the first of each kind standing for all."""
    found: dict[str, Layer] = {}
    for layer in layers:
        found.setdefault(layer.structural_hash, layer)
    return found


def symbol(kernel: str) -> str:
    """The name under which a kernel's code is found in a shared object."""
    return f"k_{kernel}"


def _buffer(tensor: Tensor) -> dict[str, Any]:
    return {"shape": list(tensor.shape), "dtype": tensor.dtype}


def _program_layer(layer: Layer) -> dict[str, Any]:
    calls = [{"function": symbol(call.kernel), "arguments": list(call.arguments)} for call in layer.calls]
    return {"name": layer.name, "calls": calls}


def _layer_document(layer: Layer) -> dict[str, Any]:
    return {
        "name": layer.name,
        "calls": [{"kernel": call.kernel, "arguments": list(call.arguments)} for call in layer.calls],
        "inputs": list(layer.inputs),
        "outputs": list(layer.outputs),
        "weights": list(layer.weights),
        "flops": layer.flops,
        "structural_hash": layer.structural_hash,
    }


def _layer(entry: Mapping[str, Any]) -> Layer:
    calls = tuple(
        KernelCall(kernel=call["kernel"], arguments=tuple(call["arguments"])) for call in entry["calls"]
    )
    return Layer(
        name=entry["name"],
        calls=calls,
        inputs=tuple(entry["inputs"]),
        outputs=tuple(entry["outputs"]),
        weights=tuple(entry["weights"]),
        flops=entry["flops"],
        structural_hash=entry["structural_hash"],
    )
