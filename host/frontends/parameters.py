"""Where the parameters of a built-in network come from: a seed, or a file with torchvision's names."""

import zipfile
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from host.errors import InputError
from host.frontends.tensors import dimensions

Array = npt.NDArray[Any]

_NAMES_SHOWN = 5
_BOOKKEEPING = ".num_batches_tracked"


class ParameterSource(Protocol):
    """Gives each parameter by its name; whoever asks also says how a random one would be distributed."""

    def uniform(self, name: str, shape: tuple[int, ...], low: float, high: float) -> Array:
        """A float32 parameter between two bounds."""


class SeededParameters:
    """Random parameters that are the same in every run, each drawn from its own name and the seed.

    Args:
        seed: Another seed, other parameters.
    """

    def __init__(self, seed: int = 0) -> None:
        self._seed = seed

    def uniform(self, name: str, shape: tuple[int, ...], low: float, high: float) -> Array:
        """Uniformly distributed."""
        generator = np.random.default_rng([self._seed, zlib.crc32(name.encode())])
        array = generator.random(shape, dtype=np.float32)
        array *= np.float32(high - low)
        array += np.float32(low)
        return array


class LoadedParameters:
    """Parameters from a file. What does not fit is remembered and refused together at the end, by name.

    Args:
        arrays: The file's arrays by name.
        origin: The file, for messages.
        training_only: Beginnings of names that may be there although inference does not use them.
    """

    def __init__(self, arrays: Mapping[str, Array], origin: Path, training_only: Sequence[str] = ()) -> None:
        self._arrays = arrays
        self._origin = origin
        self._training_only = tuple(training_only)
        self._asked: set[str] = set()
        self._missing: list[str] = []
        self._misshaped: list[str] = []

    def uniform(self, name: str, shape: tuple[int, ...], low: float, high: float) -> Array:
        """The file's array, whatever its distribution."""
        return self._take(name, shape)

    def verify(self) -> None:
        """Checks that the file held what the network asked for, and nothing else.

        Raises:
            InputError: Parameters are missing, have another shape, or belong to no layer.
        """
        unknown = [name for name in self._arrays if name not in self._asked and not self._is_ignored(name)]
        findings = {
            "lacks": self._missing,
            "has another shape for": self._misshaped,
            "holds unknown": unknown,
        }
        problems = [f"{what} {_listed(names)}" for what, names in findings.items() if names]
        if problems:
            raise InputError(
                f"weights {self._origin}: the file {'; '.join(problems)}",
                hint="names and shapes are those of torchvision's state_dict for this network",
            )

    def _take(self, name: str, shape: tuple[int, ...]) -> Array:
        self._asked.add(name)
        if name not in self._arrays:
            self._missing.append(name)
            return np.zeros(shape, np.float32)
        array = self._arrays[name]
        if array.shape != shape:
            self._misshaped.append(f"{name} ({dimensions(array.shape)} where {dimensions(shape)} is needed)")
            return np.zeros(shape, np.float32)
        return np.ascontiguousarray(array, np.float32)

    def _is_ignored(self, name: str) -> bool:
        return name.endswith(_BOOKKEEPING) or name.startswith(self._training_only)


def load_parameters(path: Path, training_only: Sequence[str] = ()) -> LoadedParameters:
    """Reads a `.safetensors` or `.npz` file; neither can carry code.

    Args:
        path: The file.
        training_only: As for `LoadedParameters`.

    Raises:
        InputError: The file cannot be read or is of another kind.
    """
    readers = {".safetensors": _read_safetensors, ".npz": _read_npz}
    reader = readers.get(path.suffix)
    if reader is None:
        raise InputError(
            f"weights {path}: the suffix {path.suffix or '(none)'} is not one of {', '.join(readers)}",
            hint="from PyTorch: safetensors.torch.save_file(model.state_dict(), 'weights.safetensors')",
        )
    try:
        return LoadedParameters(reader(path), path, training_only)
    except OSError as error:
        raise InputError(f"weights {path}: {error.strerror or error}") from error


def _read_safetensors(path: Path) -> dict[str, Array]:
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    try:
        return load_file(path)
    except SafetensorError as error:
        raise InputError(f"weights {path}: this is no usable safetensors file: {error}") from error


def _read_npz(path: Path) -> dict[str, Array]:
    try:
        with np.load(path, allow_pickle=False) as archive:
            return {name: archive[name] for name in archive.files}
    except (ValueError, zipfile.BadZipFile, EOFError, AttributeError) as error:
        raise InputError(f"weights {path}: this is no usable npz file: {error}") from error


def _listed(names: Sequence[str]) -> str:
    rest = len(names) - _NAMES_SHOWN
    return ", ".join(names[:_NAMES_SHOWN]) + (f" and {rest} more" if rest > 0 else "")
