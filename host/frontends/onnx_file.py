"""Reads an ONNX file and fixes the shapes of its inputs."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import onnx
from google.protobuf.message import DecodeError
from onnx import ModelProto, TensorProto, ValueInfoProto, checker, external_data_helper

from host.errors import InputError
from host.frontends.reading import known_extents, open_shape
from host.frontends.tensors import dimensions


def load(path: Path, shapes: Mapping[str, tuple[int, ...]]) -> ModelProto:
    """Reads a file with everything that it refers to.

    Args:
        path: The ONNX file.
        shapes: Shapes for inputs that it leaves open.

    Raises:
        InputError: It is no ONNX file, its external data cannot be read, or the shapes do not go with it or
            leave an input open.
    """
    model = _parsed(path)
    try:
        external_data_helper.load_external_data_for_model(model, str(path.parent))
    except (OSError, ValueError, checker.ValidationError) as error:
        raise InputError(f"model {path}: its external data cannot be read: {error}") from error
    fix_shapes(model, shapes)
    return model


def external_files(path: Path) -> Sequence[Path]:
    """Files beside an ONNX file that hold its weights, each once.

    Raises:
        InputError: The file is no ONNX file.
    """
    graph = _parsed(path).graph
    held = [attribute.t for node in graph.node for attribute in node.attribute if attribute.HasField("t")]
    locations = {
        entry.value
        for tensor in (*graph.initializer, *held)
        if tensor.data_location == TensorProto.EXTERNAL
        for entry in tensor.external_data
        if entry.key == "location"
    }
    return [path.parent / location for location in sorted(locations)]


def fix_shapes(model: ModelProto, shapes: Mapping[str, tuple[int, ...]]) -> None:
    """Gives inputs the shapes that the user asked for; a named extent then holds for every input.

    Args:
        model: Changed in place.
        shapes: By input name.

    Raises:
        InputError: There is no such input, the shape contradicts the model, or an input stays open.
    """
    weights = {tensor.name for tensor in model.graph.initializer}
    inputs = {info.name: info for info in model.graph.input if info.name not in weights}
    unknown = [name for name in shapes if name not in inputs]
    if unknown:
        raise InputError(f"the model has no input {unknown[0]}, only {', '.join(inputs) or 'constants'}")
    if not shapes and all(_is_static(info) for info in inputs.values()):
        return
    extents: dict[str, int] = {}
    for name, shape in shapes.items():
        _learn(inputs[name], shape, extents)
    for info in inputs.values():
        _fix(info, shapes.get(info.name), extents)
    # What was inferred for the open shapes says less than what can be inferred now.
    del model.graph.value_info[:]


def _parsed(path: Path) -> ModelProto:
    try:
        model = onnx.load(path, load_external_data=False)
    except OSError as error:
        raise InputError(f"model {path}: {error.strerror or error}") from error
    except (DecodeError, ValueError, RuntimeError) as error:
        raise InputError(f"model {path}: this is no ONNX file, or a damaged one: {error}") from error
    if not model.graph.node:
        raise InputError(f"model {path}: the file holds no network")
    return model


def _is_static(info: ValueInfoProto) -> bool:
    extents = known_extents(info)
    return extents is not None and None not in extents


def _learn(info: ValueInfoProto, shape: tuple[int, ...], extents: dict[str, int]) -> None:
    """Checks a shape that the user gave, and remembers what it says about named extents."""
    known = known_extents(info)
    if known is None:
        return
    fits = len(known) == len(shape) and all(a in (None, b) for a, b in zip(known, shape, strict=True))
    if not fits:
        wanted = "x".join(str(extent or "?") for extent in known) or "scalar"
        raise InputError(f"the input {info.name} cannot be {dimensions(shape)}: in the model it is {wanted}")
    for dimension, extent in zip(info.type.tensor_type.shape.dim, shape, strict=True):
        name = dimension.dim_param
        if name and extents.setdefault(name, extent) != extent:
            raise InputError(f"the shapes disagree about {name}: {extents[name]} and {extent}")


def _fix(info: ValueInfoProto, shape: tuple[int, ...] | None, extents: Mapping[str, int]) -> None:
    tensor = info.type.tensor_type
    if shape is not None:
        tensor.shape.ClearField("dim")
        for extent in shape:
            tensor.shape.dim.add(dim_value=extent)
        return
    for dimension in tensor.shape.dim:
        if dimension.dim_param in extents:
            dimension.dim_value = extents[dimension.dim_param]
    if not _is_static(info):
        raise open_shape(info)
