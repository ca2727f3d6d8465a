"""The `stageline.program/1` document: layers as calls of compiled kernels on named buffers."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import chain
from typing import Any, Self

import numpy as np

from device.documents import Node
from device.errors import ProgramError

SCHEMA = "stageline.program/1"

_DTYPES = frozenset(
    (
        "bool",
        "int8",
        "int16",
        "int32",
        "int64",
        "uint8",
        "uint16",
        "uint32",
        "uint64",
        "float16",
        "float32",
        "float64",
    )
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Buffer:
    """A dense tensor's form.

    Attributes:
        shape: Extent of each axis; empty for a scalar.
        dtype: Element type as numpy spells it.
    """

    shape: tuple[int, ...]
    dtype: str

    @property
    def nbytes(self) -> int:
        """Size in bytes."""
        return math.prod(self.shape) * np.dtype(self.dtype).itemsize

    @classmethod
    def parse(cls, node: Node) -> Self:
        """Reads `{"shape": [...], "dtype": "..."}`.

        Raises:
            DeviceError: The form is malformed; which class, the node says.
        """
        dtype = node["dtype"].text()
        if dtype not in _DTYPES:
            raise node["dtype"].wrong(
                f"unknown element type {dtype!r}, known are {', '.join(sorted(_DTYPES))}"
            )
        return cls(shape=node["shape"].wholes(least=1), dtype=dtype)

    def check(self, what: str, tensor: Any) -> None:
        """Refuses a tensor of another form.

        Args:
            what: Names it in the error.
            tensor: An array or a TVM tensor.

        Raises:
            ProgramError: It has another shape or element type.
        """
        if tuple(tensor.shape) != self.shape or str(tensor.dtype) != self.dtype:
            given = f"{tensor.dtype}{[int(extent) for extent in tensor.shape]}"
            raise ProgramError(f"{what} must be {self}, got {given}")

    def __str__(self) -> str:
        return f"{self.dtype}{list(self.shape)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One call of a kernel, which writes its results into its last arguments.

    Attributes:
        function: The kernel's name in its module.
        arguments: Buffer names.
    """

    function: str
    arguments: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """The calls of one layer, in order."""

    name: str
    calls: tuple[Call, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """What a stage computes, or a whole network while it is measured.

    Attributes:
        inputs: Buffers that the caller fills.
        outputs: Buffers of the caller that the program fills.
        weights: Buffers that never change.
        buffers: Form of every buffer; those that are nothing of the above are the runtime's own.
        layers: In execution order.
    """

    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    weights: tuple[str, ...]
    buffers: Mapping[str, Buffer]
    layers: tuple[Layer, ...]

    @property
    def calls(self) -> tuple[Call, ...]:
        """All calls in execution order."""
        return tuple(chain.from_iterable(layer.calls for layer in self.layers))

    @property
    def intermediates(self) -> tuple[str, ...]:
        """Buffers that the runtime allocates."""
        given = {*self.inputs, *self.outputs, *self.weights}
        return tuple(name for name in self.buffers if name not in given)

    @classmethod
    def parse(cls, document: Any) -> Self:
        """Reads a program and checks that it is consistent.

        Args:
            document: The parsed JSON.

        Raises:
            ProgramError: With the place in the document.
        """
        root = Node(document, "program", ProgramError)
        root["schema"].expect(SCHEMA)
        program = cls(
            inputs=root["inputs"].texts(),
            outputs=root["outputs"].texts(),
            weights=root["weights"].texts(),
            buffers={name: Buffer.parse(node) for name, node in root["buffers"].members()},
            layers=tuple(_parse_layer(node) for node in root["layers"].items()),
        )
        program._check()
        return program

    def _check(self) -> None:
        roles = [*self.inputs, *self.outputs, *self.weights]
        if twice := {name for name in roles if roles.count(name) > 1}:
            raise ProgramError(
                f"program: buffer {min(twice)!r} stands twice among inputs, outputs and weights"
            )
        used = {name for call in self.calls for name in call.arguments}
        for name in [*roles, *sorted(used)]:
            if name not in self.buffers:
                raise ProgramError(f"program: buffer {name!r} is not described in `buffers`")
        for name in self.outputs:
            if name not in used:
                raise ProgramError(f"program: no call writes output {name!r}")


def _parse_layer(node: Node) -> Layer:
    calls = (
        Call(function=call["function"].text(), arguments=call["arguments"].texts())
        for call in node["calls"].items()
    )
    return Layer(name=node["name"].text(), calls=tuple(calls))
