"""ONNX model to `Graph`: everything that cannot be used is refused here, in a sentence."""

from collections.abc import Iterable

from onnx import (
    ModelProto,
    NodeProto,
    TensorProto,
    TypeProto,
    ValueInfoProto,
    checker,
    helper,
    inliner,
    numpy_helper,
)
from onnx.shape_inference import InferenceError

from host.errors import InputError
from host.frontends.graph import Array, Graph, has_subgraph, label
from host.frontends.tensors import TensorInfo


def read_graph(model: ModelProto) -> Graph:
    """Takes a model apart and checks it.

    Args:
        model: With its external data loaded and with static input shapes.

    Raises:
        InputError: The model is not valid ONNX, or holds what Stageline cannot use.
    """
    if model.functions:
        model = inliner.inline_local_functions(model)
    if model.graph.sparse_initializer:
        raise InputError(f"model {model.graph.name}: sparse weights are not supported")
    constants = {tensor.name: _array(tensor) for tensor in model.graph.initializer}
    graph = Graph(
        name=model.graph.name,
        opsets={"" if one.domain == "ai.onnx" else one.domain: one.version for one in model.opset_import},
        nodes=tuple(model.graph.node),
        constants=constants,
        inputs=tuple(_input(info) for info in model.graph.input if info.name not in constants),
        outputs=tuple((info.name, info.name) for info in model.graph.output),
    )
    _refuse_control_flow(graph.nodes)
    _check(graph, model.graph.output)
    return graph


def _array(tensor: TensorProto) -> Array:
    if tensor.data_location == TensorProto.EXTERNAL:
        where = next(
            (entry.value for entry in tensor.external_data if entry.key == "location"), "another file"
        )
        raise InputError(
            f"the weight {tensor.name} lies in {where}, which was not loaded with the model",
            hint="load the model with onnx.load, which reads its external data too",
        )
    try:
        return numpy_helper.to_array(tensor)
    except (ValueError, TypeError, KeyError) as error:
        raise InputError(f"the weight {tensor.name} cannot be read: {error}") from error


def _input(info: ValueInfoProto) -> TensorInfo:
    if not info.type.HasField("tensor_type"):
        kind = str(info.type.WhichOneof("value") or "unknown").removesuffix("_type")
        raise InputError(f"the input {info.name} is no tensor but of kind {kind}")
    tensor = info.type.tensor_type
    shape = known_extents(info)
    if shape is None or None in shape:
        raise open_shape(info)
    try:
        dtype = helper.tensor_dtype_to_np_dtype(tensor.elem_type)
    except KeyError as error:
        raise InputError(f"the input {info.name} has the unknown element type {tensor.elem_type}") from error
    if dtype.kind not in "biuf":
        raise InputError(f"the input {info.name} has elements of the unsupported type {dtype}")
    return TensorInfo(name=info.name, shape=tuple(extent or 0 for extent in shape), dtype=str(dtype))


def known_extents(info: ValueInfoProto) -> tuple[int | None, ...] | None:
    """An input's shape with None for what the model leaves open; None where not even the rank is known."""
    tensor: TypeProto.Tensor = info.type.tensor_type
    if not tensor.HasField("shape"):
        return None
    return tuple(extent.dim_value if extent.dim_value > 0 else None for extent in tensor.shape.dim)


def open_shape(info: ValueInfoProto) -> InputError:
    """The error for an input whose shape the model leaves open."""
    shape = known_extents(info)
    if shape is None:
        return InputError(
            f"the input {info.name} has no shape in the model",
            hint=f"give one: --shape {info.name}=1x3x224x224",
        )
    names = [extent.dim_param or "?" for extent in info.type.tensor_type.shape.dim]
    text = "x".join(str(extent or name) for extent, name in zip(shape, names, strict=True))
    # Most often it is the batch that is open, and one frame at a time is what a pipeline wants.
    advice = ["1" if place == 0 else "N" for place in range(len(shape))]
    example = "x".join(str(extent or guess) for extent, guess in zip(shape, advice, strict=True))
    return InputError(
        f"the input {info.name} has the open shape {text}", hint=f"fix it: --shape {info.name}={example}"
    )


def _refuse_control_flow(nodes: Iterable[NodeProto]) -> None:
    for node in nodes:
        if has_subgraph(node):
            raise InputError(
                f"the operator {label(node)} is control flow, which has no place in a pipeline of layers",
                hint="export the model with its branches resolved",
            )


def _check(graph: Graph, outputs: Iterable[ValueInfoProto]) -> None:
    model = graph.skeleton()
    del model.graph.output[:]
    model.graph.output.extend(outputs)
    # Declared output shapes are often wrong and nobody needs them; ONNX infers them anew.
    for output in model.graph.output:
        for extent in output.type.tensor_type.shape.dim:
            extent.Clear()
    try:
        checker.check_model(model, full_check=True)
    except (checker.ValidationError, InferenceError, ValueError) as error:
        raise InputError(f"this is not valid ONNX: {_first_line(error)}") from error


def _first_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0] if lines else type(error).__name__
