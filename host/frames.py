"""A user's frames from a file, and what came of them into one."""

import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from host.errors import InputError
from host.layers.graph import LayerGraph

Array = npt.NDArray[Any]
Arrays = Mapping[str, Array]


def read_frames(path: Path, graph: LayerGraph) -> list[dict[str, Array]]:
    """Reads one frame or many.

    Args:
        path: A .npy file for a network with one input, or a .npz file with an array for each input by name.
        graph: The network.

    Returns:
        For each frame an array for each input. An array has the input's shape for one frame, or that shape behind a
        leading axis of frames; where the input's own first axis is 1, frames may also lie along it.

    Raises:
        InputError: The file cannot be read, or its arrays do not fit the network.
    """
    arrays = _load(path, graph)
    if unknown := sorted(arrays.keys() ^ set(graph.inputs)):
        expected = ", ".join(graph.inputs)
        raise InputError(f"{path}: input {unknown[0]!r} does not match; {graph.name} takes {expected}")
    stacks = {name: _frames_of(path, graph, name, array) for name, array in arrays.items()}
    counts = {name: len(stack) for name, stack in stacks.items()}
    if len(set(counts.values())) != 1:
        shown = ", ".join(f"{name} {count}" for name, count in counts.items())
        raise InputError(f"{path}: the inputs hold different numbers of frames: {shown}")
    return [{name: stack[index] for name, stack in stacks.items()} for index in range(min(counts.values()))]


def write_outputs(path: Path | None, outputs: Iterator[Arrays]) -> None:
    """Takes all outputs in and writes them, frames along a new first axis.

    Args:
        path: A .npz file; None to take them in only.
        outputs: The frames' outputs in order.

    Raises:
        InputError: The file cannot be written.
    """
    frames = [dict(arrays) if path else {} for arrays in outputs]
    if path is None:
        return
    try:
        with path.open("wb") as file:
            stacks: dict[str, Any] = {name: np.stack([frame[name] for frame in frames]) for name in frames[0]}
            np.savez(file, **stacks)
    except OSError as error:
        raise InputError(f"cannot write {path}: {error.strerror}") from error


def _load(path: Path, graph: LayerGraph) -> dict[str, Array]:
    try:
        loaded = np.load(path, allow_pickle=False)
        if isinstance(loaded, np.ndarray):
            if len(graph.inputs) != 1:
                raise InputError(
                    f"{path} holds one array, and {graph.name} takes {', '.join(graph.inputs)}",
                    hint="use .npz",
                )
            return {graph.inputs[0]: loaded}
        return {name: loaded[name] for name in loaded.files}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        reason = getattr(error, "strerror", None) or "it is no .npy or .npz file of plain arrays"
        raise InputError(f"cannot read {path}: {reason}") from error


def _frames_of(path: Path, graph: LayerGraph, name: str, array: Array) -> Array:
    tensor = graph.tensors[name]
    if not np.can_cast(array.dtype, tensor.dtype, casting="same_kind"):
        raise InputError(
            f"{path}: {name} has elements of type {array.dtype}, and {graph.name} takes {tensor.dtype}"
        )
    array = array.astype(tensor.dtype, copy=False)
    if array.shape == tensor.shape:
        return array[np.newaxis]
    if array.shape[1:] == tensor.shape and len(array):
        return array
    if tensor.shape[:1] == (1,) and array.ndim and array.shape[1:] == tensor.shape[1:] and len(array):
        return array[:, np.newaxis]
    raise InputError(
        f"{path}: {name} has shape {array.shape}, and {graph.name} takes {tensor.shape}",
        hint="many frames lie along a leading axis",
    )
