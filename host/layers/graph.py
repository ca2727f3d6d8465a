"""A network as a chain of layers: what can be measured, cut and placed.

Pure data: no compiler is imported here, so that a network that was seen before can be planned from the database alone.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Self

from host.kernels.packing import Packing, packings
from host.kernels.specs import Spec, from_document, to_document
from host.kernels.variants import variant_of

SCHEMA = "stageline.graph/3"

Choice = Mapping[str, tuple[str, ...]]
"""How layers are scheduled: by structural hash the name of a variant for each call, of those that `calls_of` says."""

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
class Implementation:
    """A kernel scheduled in one way: a piece of machine code on every target.

    Attributes:
        kernel: Digest of the kernel.
        variant: Name of the variant.
    """

    kernel: str
    variant: str

    @property
    def symbol(self) -> str:
        """The name under which its code is found in a shared object."""
        return f"k_{self.kernel}_{self.variant.replace('-', '_')}"


@dataclass(frozen=True, slots=True, kw_only=True)
class PackedWeight:
    """A weight in the order in which a kernel reads it.

    Attributes:
        name: The weight's name in the graph.
        packing: That order.
    """

    name: str
    packing: Packing

    def of(self, weights: Mapping[str, Any]) -> Any:
        """The packed array, from arrays in the order that the graph has them in."""
        return self.packing.pack(weights[self.name])


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """The smallest piece that is compiled, measured and placed: one fused operator and the free operators beside it.

    Attributes:
        name: Kind and ordinal, such as `conv1` or `dw4`.
        calls: Kernel calls in execution order.
        joined: Calls that do the same with fewer kernels, where there are such for some processors; otherwise none.
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
    joined: tuple[KernelCall, ...] = ()

    def calls_of(self, schedule: tuple[str, ...]) -> tuple[KernelCall, ...]:
        """The calls that a schedule names variants for: `calls`, or the fewer ones that are joined."""
        return self.calls if len(schedule) == len(self.calls) else self.joined


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerGraph:
    """Layers in execution order with every tensor between them.

    Attributes:
        name: The network's name.
        inputs: The network's inputs, in its own order.
        outputs: The network's output names, each with the tensor that carries it.
        tensors: Every tensor by name: inputs, weights, activations.
        layers: In execution order.
        kernels: What each kernel computes, by digest.
    """

    name: str
    inputs: tuple[str, ...]
    outputs: tuple[tuple[str, str], ...]
    tensors: Mapping[str, Tensor]
    layers: tuple[Layer, ...]
    kernels: Mapping[str, Spec]

    @property
    def flops(self) -> float:
        """Floating-point operations a frame."""
        return sum(layer.flops for layer in self.layers)

    @property
    def weight_bytes(self) -> int:
        """Bytes of all weights, each counted once."""
        names = {name for layer in self.layers for name in layer.weights}
        return sum(self.tensors[name].nbytes for name in names)

    def implementations(
        self, choice: Choice, first: int = 0, last: int | None = None
    ) -> tuple[Implementation, ...]:
        """The different kernels of some layers as a choice schedules them, in order of first use.

        Args:
            choice: How each layer is scheduled.
            first: Index of the first layer.
            last: Index of the last layer, included; None for the network's last.
        """
        layers = self.layers[first : len(self.layers) if last is None else last + 1]
        return tuple(dict.fromkeys(one for layer in layers for _, one in _scheduled(layer, choice)))

    def packed_weights(self, choice: Choice, first: int, last: int) -> dict[str, PackedWeight]:
        """Weights of the layers `first` to `last` that their kernels read in another order, by their new names."""
        return {
            name: weight
            for layer in self.layers[first : last + 1]
            for call, one in _scheduled(layer, choice)
            for name, weight in self._packed(call, one).values()
        }

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

    def program(self, choice: Choice, first: int = 0, last: int | None = None) -> dict[str, Any]:
        """Some layers as a `stageline.program/1` document.

        Args:
            choice: How each layer is scheduled.
            first: Index of the first layer.
            last: Index of the last layer, included; None for the network's last.
        """
        last = len(self.layers) - 1 if last is None else last
        layers = self.layers[first : last + 1]
        produced = dict.fromkeys(name for layer in layers for name in layer.outputs)
        inputs = tuple(
            dict.fromkeys(name for layer in layers for name in layer.inputs if name not in produced)
        )
        outputs = tuple(name for name in produced if name in self.needed_after(last))
        entries = [self._program_layer(layer, choice) for layer in layers]
        used = dict.fromkeys(
            name for entry in entries for call in entry["calls"] for name in call["arguments"]
        )
        packed = self.packed_weights(choice, first, last)
        constants = {name for layer in layers for name in layer.weights}
        return {
            "schema": "stageline.program/1",
            "inputs": list(inputs),
            "outputs": list(outputs),
            "weights": [name for name in used if name in packed or name in constants],
            "buffers": {name: self._buffer(name, packed.get(name)) for name in used},
            "layers": entries,
        }

    def _program_layer(self, layer: Layer, choice: Choice) -> dict[str, Any]:
        calls = []
        for call, one in _scheduled(layer, choice):
            names = dict(enumerate(call.arguments))
            names.update((index, name) for index, (name, _) in self._packed(call, one).items())
            calls.append({"function": one.symbol, "arguments": list(names.values())})
        return {"name": layer.name, "calls": calls}

    def _packed(self, call: KernelCall, one: Implementation) -> dict[int, tuple[str, PackedWeight]]:
        """By the index of the argument the weights that a kernel reads in an order of its own, and their new names."""
        found = {}
        for packing in packings(self.kernels[one.kernel], variant_of(one.variant)):
            name = call.arguments[packing.argument]
            new_name = f"{name}.{one.kernel}.{one.variant}"
            found[packing.argument] = new_name, PackedWeight(name=name, packing=packing)
        return found

    def _buffer(self, name: str, packed: PackedWeight | None) -> dict[str, Any]:
        if packed is None:
            return _buffer(self.tensors[name])
        return {"shape": list(packed.packing.shape), "dtype": self.tensors[packed.name].dtype}

    def to_document(self) -> dict[str, Any]:
        """A JSON document from which `from_document` restores the graph."""
        return {
            "schema": SCHEMA,
            "name": self.name,
            "inputs": list(self.inputs),
            "outputs": [list(pair) for pair in self.outputs],
            "tensors": {name: _buffer(tensor) for name, tensor in self.tensors.items()},
            "layers": [_layer_document(layer) for layer in self.layers],
            "kernels": {digest: to_document(spec) for digest, spec in self.kernels.items()},
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
            kernels={digest: from_document(entry) for digest, entry in document["kernels"].items()},
        )


def distinct(layers: Iterable[Layer]) -> dict[str, Layer]:
    """The different layers by structural hash, the first of each kind standing for all."""
    found: dict[str, Layer] = {}
    for layer in layers:
        found.setdefault(layer.structural_hash, layer)
    return found


def _scheduled(layer: Layer, choice: Choice) -> list[tuple[KernelCall, Implementation]]:
    """A layer's calls, and how a choice schedules each."""
    schedule = choice[layer.structural_hash]
    return [
        (call, Implementation(kernel=call.kernel, variant=variant))
        for call, variant in zip(layer.calls_of(schedule), schedule, strict=True)
    ]


def _buffer(tensor: Tensor) -> dict[str, Any]:
    return {"shape": list(tensor.shape), "dtype": tensor.dtype}


def _layer_document(layer: Layer) -> dict[str, Any]:
    return {
        "name": layer.name,
        "calls": _call_documents(layer.calls),
        "joined": _call_documents(layer.joined),
        "inputs": list(layer.inputs),
        "outputs": list(layer.outputs),
        "weights": list(layer.weights),
        "flops": layer.flops,
        "structural_hash": layer.structural_hash,
    }


def _call_documents(calls: Iterable[KernelCall]) -> list[dict[str, Any]]:
    return [{"kernel": call.kernel, "arguments": list(call.arguments)} for call in calls]


def _calls(entries: Iterable[Mapping[str, Any]]) -> tuple[KernelCall, ...]:
    return tuple(KernelCall(kernel=call["kernel"], arguments=tuple(call["arguments"])) for call in entries)


def _layer(entry: Mapping[str, Any]) -> Layer:
    return Layer(
        name=entry["name"],
        calls=_calls(entry["calls"]),
        joined=_calls(entry["joined"]),
        inputs=tuple(entry["inputs"]),
        outputs=tuple(entry["outputs"]),
        weights=tuple(entry["weights"]),
        flops=entry["flops"],
        structural_hash=entry["structural_hash"],
    )
