"""Which network the user means, and a fingerprint of it that costs neither ONNX nor TVM."""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from host.errors import InputError
from host.frontends.tensors import dimensions
from host.frontends.zoo import ARCHITECTURES, Architecture

if TYPE_CHECKING:
    from onnx import ModelProto

VERSION = "1"
"""Changes whenever a built-in network or the way into Relax changes: layers that were stored before then are
not taken for those of the network as it is now."""

_SEED = 0
_INPUT = "input"
_NO_SHAPES: Mapping[str, tuple[int, ...]] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSource:
    """A network that has been found and not yet been loaded.

    Attributes:
        name: Built-in name, or the file's name without its suffix.
        fingerprint: SHA-256 over the network, its weights, its input shapes, and the versions of the import.
        build: Loads or constructs the network with static input shapes; raises `InputError`.
    """

    name: str
    fingerprint: str
    build: "Callable[[], ModelProto]" = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Builtin:
    """A built-in network, for lists.

    Attributes:
        name: What `--model` takes.
        title: The network as people write it.
        source: Where it was published.
        input_shape: `(batch, channels, height, width)` unless the user asks for another.
    """

    name: str
    title: str
    source: str
    input_shape: tuple[int, ...]


def builtins() -> tuple[Builtin, ...]:
    """Every built-in network."""
    return tuple(
        Builtin(name=one.name, title=one.title, source=one.source, input_shape=one.input_shape)
        for one in ARCHITECTURES.values()
    )


def resolve(
    model: str, *, shapes: Mapping[str, Sequence[int]] = _NO_SHAPES, weights: Path | None = None
) -> ModelSource:
    """Finds a network by its name or file.

    Args:
        model: The name of a built-in network, or the path of an ONNX file.
        shapes: Input shapes by name, for inputs that the file leaves open; a built-in network's only input is
            `input`.
        weights: A `.safetensors` or `.npz` file for a built-in network, which has random weights otherwise.

    Raises:
        InputError: There is no such network or file, or shapes or weights do not go with it.
    """
    exact = {name: tuple(shape) for name, shape in shapes.items()}
    for name, shape in exact.items():
        if not shape or min(shape) < 1:
            raise InputError(
                f"the shape {dimensions(shape)} for {name} is not possible: extents are at least 1"
            )
    if model in ARCHITECTURES:
        return _builtin(ARCHITECTURES[model], exact, weights)
    if weights is not None:
        raise InputError(
            f"weights {weights} cannot be used with {model}: only built-in networks take a weight file",
            hint=f"built-in networks: {', '.join(ARCHITECTURES)}",
        )
    return _file(model, exact)


def _builtin(
    architecture: Architecture, shapes: Mapping[str, tuple[int, ...]], weights: Path | None
) -> ModelSource:
    shape = _image_shape(architecture, shapes)

    def build() -> "ModelProto":
        from host.frontends.parameters import SeededParameters, load_parameters
        from host.frontends.zoo.builder import build_network

        if weights is None:
            return build_network(architecture, shape, SeededParameters(_SEED))
        loaded = load_parameters(weights, architecture.training_only)
        network = build_network(architecture, shape, loaded)
        loaded.verify()
        return network

    origin = _digest(weights, "weights") if weights else f"seed {_SEED}"
    return ModelSource(
        name=architecture.name,
        fingerprint=_fingerprint(architecture.name, origin, {_INPUT: shape}),
        build=build,
    )


def _image_shape(
    architecture: Architecture, shapes: Mapping[str, tuple[int, ...]]
) -> tuple[int, int, int, int]:
    name = architecture.name
    unknown = [other for other in shapes if other != _INPUT]
    if unknown:
        raise InputError(f"{name} has no input {unknown[0]}, only {_INPUT}")
    shape = shapes.get(_INPUT, architecture.input_shape)
    usual = dimensions(architecture.input_shape)
    if len(shape) != len(architecture.input_shape) or shape[1] != architecture.input_shape[1]:
        raise InputError(
            f"{name} cannot take {dimensions(shape)}: its input is 3-channel images like {usual}"
        )
    if not architecture.is_resizable and shape[2:] != architecture.input_shape[2:]:
        raise InputError(
            f"{name} cannot take {dimensions(shape)}: its fully connected layers fix the image at {usual}"
        )
    batch, channels, height, width = shape
    return batch, channels, height, width


def _file(model: str, shapes: Mapping[str, tuple[int, ...]]) -> ModelSource:
    path = Path(model)
    if path.suffix != ".onnx":
        raise _unknown(model)
    if not path.is_file():
        raise InputError(f"model {model}: there is no such file")

    def build() -> "ModelProto":
        from host.frontends.onnx_file import load

        return load(path, shapes)

    return ModelSource(
        name=path.stem, fingerprint=_fingerprint("onnx", _digest(path, "model"), shapes), build=build
    )


def _unknown(model: str) -> InputError:
    if Path(model).exists() or Path(model).suffix in (".pt", ".pth", ".pt2"):
        return InputError(
            f"model {model}: only ONNX files can be read, and they end in .onnx",
            hint="torch.onnx.export(model, (example,), 'model.onnx', dynamo=True) writes one from PyTorch",
        )
    import difflib

    close = difflib.get_close_matches(model, ARCHITECTURES, n=1)
    names = ", ".join(ARCHITECTURES)
    return InputError(
        f"model {model}: neither a built-in network nor an ONNX file",
        hint=f"did you mean {close[0]}?" if close else f"built-in networks: {names}",
    )


def _digest(path: Path, what: str) -> str:
    """SHA-256 of a file and, for ONNX, of the files that it refers to."""
    try:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256")
        if path.suffix == ".onnx":
            for part in _external_files(path):
                with part.open("rb") as file:
                    digest.update(hashlib.file_digest(file, "sha256").digest())
    except OSError as error:
        raise InputError(f"{what} {error.filename or path}: {error.strerror or error}") from error
    return digest.hexdigest()


def _external_files(path: Path) -> Sequence[Path]:
    """Files that hold weights of an ONNX file, which is parsed only where it looks as if there were any."""
    if b"location" not in path.read_bytes():
        return ()
    from host.frontends.onnx_file import external_files

    return external_files(path)


def _fingerprint(kind: str, origin: str, shapes: Mapping[str, tuple[int, ...]]) -> str:
    from importlib import metadata

    # Another TVM makes other kernels of the same network, and so other layers.
    parts = [VERSION, metadata.version("apache-tvm"), kind, origin, sorted(shapes.items())]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()
