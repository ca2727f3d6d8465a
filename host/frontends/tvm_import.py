"""Simplified graph to Relax, with TVM's own ONNX importer; one of the few doors to TVM."""

import contextlib
import functools
import io
import re
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import tvm
from onnx import GraphProto, NodeProto, ValueInfoProto, helper
from tvm import relax, tirx
from tvm.relax.frontend.onnx.onnx_frontend import ONNXGraphImporter, _get_convert_map

from host.errors import InputError
from host.frontends.graph import Array, Graph, label
from host.frontends.relax_model import RelaxModel
from host.frontends.tensors import TensorInfo

# TVM's converters stack all operands into one tensor first and reduce it then.
_PAIRWISE = {"Sum": relax.op.add, "Max": relax.op.maximum, "Min": relax.op.minimum}


def import_graph(graph: Graph) -> RelaxModel:
    """Imports a simplified graph.

    Raises:
        InputError: There is an operator that TVM does not import, or a shape that depends on data.
    """
    _refuse_unsupported(graph)
    importer = _Importer(graph.constants)
    # TVM prints what it does not like; the error that it raises says it again.
    with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        module = importer.from_onnx(_proto(graph), graph.opset)
    module = _finished(module)
    types = _fields(module["main"].ret_ty)
    outputs = (_info(name, kind) for (name, _), kind in zip(graph.outputs, types, strict=True))
    return RelaxModel(module=module, inputs=graph.inputs, outputs=tuple(outputs))


class _Importer(ONNXGraphImporter):  # type: ignore[misc] # TVM comes without types
    """TVM's importer with constants as arrays, with its own way to clip, and with errors that name the node.

    Args:
        constants: Weights and other known tensors by name.
    """

    def __init__(self, constants: Mapping[str, Array]) -> None:
        super().__init__(shape_dict={}, dtype_dict={})
        self._constants = constants
        self._node: NodeProto | None = None

    def _parse_graph_initializers(self, graph: GraphProto) -> None:
        for name, array in self._constants.items():
            try:
                self._nodes[name] = relax.const(np.ascontiguousarray(array))
            except (TypeError, ValueError, RuntimeError) as error:
                raise InputError(f"the weight {name} has the unsupported type {array.dtype}") from error

    def _sanitize_name(self, name: str) -> str:
        """Names of inputs as identifiers, without a warning for each."""
        identifier = re.sub(r"\W|^(?=\d)", "_", name)
        return str(self._name_supply.fresh_name(identifier))

    def _parse_value_proto(self, value: Any) -> str:
        # The importer asks for each node's name right before it converts the node.
        if isinstance(value, NodeProto):
            self._node = value
        return str(super()._parse_value_proto(value))

    def _convert_operator(self, name: str, inputs: Sequence[Any], attrs: dict[str, Any], opset: int) -> Any:
        what = label(self._node) if self._node else name
        try:
            result = self._convert_better(name, inputs, attrs)
            if result is None:
                result = super()._convert_operator(name, inputs, attrs, opset)
        # TVM's converters raise everything from AssertionError to its own errors on what they do not cover.
        except Exception as error:
            raise InputError(f"TVM cannot import the operator {what}: {_summary(error)}") from error
        if isinstance(result, relax.Expr):
            _require_static(result.ty, what)
        return result

    def _convert_better(self, name: str, inputs: Sequence[Any], attrs: dict[str, Any]) -> Any:
        """What this importer converts itself; None for all else."""
        if name == "Clip":
            return self._clip(inputs, attrs)
        if name in _PAIRWISE:
            return functools.reduce(lambda left, right: self.bb.emit(_PAIRWISE[name](left, right)), inputs)
        return None

    def _clip(self, inputs: Sequence[Any], attrs: Mapping[str, Any]) -> Any:
        """One clip operator for constant bounds; TVM's converter would guard each against being no number."""
        data, dtype = inputs[0], inputs[0].ty.dtype
        bounds = _bounds(inputs, attrs)
        if bounds is None or np.dtype(str(dtype)).kind != "f":
            return None
        low, high = min(bounds), bounds[1]  # the upper one wins where they cross
        if low == 0 and high == np.inf:
            return self.bb.normalize(relax.op.nn.relu(data))
        low, high = (relax.prim_value(tirx.FloatImm(str(dtype), bound)) for bound in (low, high))
        return self.bb.normalize(relax.op.clip(data, low, high))


def _refuse_unsupported(graph: Graph) -> None:
    known = _get_convert_map()
    unknown: dict[str, NodeProto] = {}
    for node in graph.nodes:
        if node.op_type not in known:
            unknown.setdefault(node.op_type, node)
    if unknown:
        names = ", ".join(label(node) for node in unknown.values())
        raise InputError(f"unsupported operator{'s' if len(unknown) > 1 else ''}: {names}")


def _bounds(inputs: Sequence[Any], attrs: Mapping[str, Any]) -> tuple[float, float] | None:
    """Limits of a clip, from attributes (before opset 11) or from constant inputs."""
    limits = [float(attrs.get("min", -np.inf)), float(attrs.get("max", np.inf))]
    for place in (0, 1):
        bound = inputs[place + 1] if len(inputs) > place + 1 else None
        if bound is None:
            continue
        if not isinstance(bound, tvm.ir.GenericConst):
            return None
        value = float(bound.value.numpy().reshape(()))
        if not np.isnan(value):  # such a bound limits nothing
            limits[place] = value
    return limits[0], limits[1]


def _proto(graph: Graph) -> GraphProto:
    """What TVM's importer walks over: no constants, those it already has."""
    inputs = [
        helper.make_tensor_value_info(
            tensor.name, helper.np_dtype_to_tensor_dtype(np.dtype(tensor.dtype)), tensor.shape
        )
        for tensor in graph.inputs
    ]
    outputs = [ValueInfoProto(name=value) for _, value in graph.outputs]
    return helper.make_graph(graph.nodes, graph.name or "graph", inputs, outputs)


def _finished(module: Any) -> Any:
    passes = relax.transform
    chain = [
        passes.DecomposeOpsForInference(),
        passes.RemoveRedundantReshape(),
        passes.CanonicalizeBindings(),
        passes.DeadCodeElimination(),
    ]
    return tvm.ir.transform.Sequential(chain)(module)


def _fields(kind: Any) -> list[Any]:
    return list(kind.fields) if isinstance(kind, relax.TupleType) else [kind]


def _info(name: str, kind: Any) -> TensorInfo:
    _require_static(kind, f"that gives the output {name}")
    return TensorInfo(
        name=name, shape=tuple(int(extent) for extent in kind.shape.values), dtype=str(kind.dtype)
    )


def _require_static(kind: Any, what: str) -> None:
    for field in _fields(kind):
        if not isinstance(field, relax.TensorType):
            continue
        extents = field.shape.values if isinstance(field.shape, relax.ShapeExpr) else [None]
        if not all(isinstance(extent, tirx.IntImm) for extent in extents):
            raise InputError(f"the operator {what} gives a tensor whose shape depends on the network's data")


def _summary(error: Exception) -> str:
    """The first line that says something; TVM puts traces around it."""
    lines = [line.strip() for line in str(error).splitlines()]
    return next((line for line in lines if line), type(error).__name__)
