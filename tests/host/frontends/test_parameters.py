"""Weights: seeded ones are the same everywhere, loaded ones fit exactly or are refused by name."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import numpy_helper
from safetensors.numpy import save_file

from host.errors import InputError
from host.frontends import resolve
from host.frontends.parameters import SeededParameters

SMALL = {"input": (1, 3, 64, 64)}
Weights = dict[str, np.ndarray[Any, Any]]


def save_npz(arrays: Mapping[str, Any], path: Path) -> None:
    np.savez(path, **arrays)


@pytest.fixture(scope="module")
def weights() -> Weights:
    """Every parameter of SqueezeNet 1.1, each with a value of its own."""
    model = resolve("squeezenet1_1").build()
    return {
        tensor.name: np.full(tuple(tensor.dims), 0.001 * place, "f4")
        for place, tensor in enumerate(model.graph.initializer)
    }


def load(path: Path, network: str = "squeezenet1_1") -> Weights:
    model = resolve(network, shapes=SMALL, weights=path).build()
    return {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}


def test_seeded_parameters_are_the_same_in_every_run() -> None:
    array = SeededParameters(7).uniform("conv1.weight", (2, 2), -1.0, 1.0)
    np.testing.assert_allclose(array, SeededParameters(7).uniform("conv1.weight", (2, 2), -1.0, 1.0))
    assert not np.allclose(array, SeededParameters(8).uniform("conv1.weight", (2, 2), -1.0, 1.0))
    assert not np.allclose(array, SeededParameters(7).uniform("conv2.weight", (2, 2), -1.0, 1.0))


@pytest.mark.parametrize(("suffix", "save"), [(".safetensors", save_file), (".npz", save_npz)])
def test_weights_of_a_file_are_taken(
    tmp_path: Path, weights: Weights, suffix: str, save: Callable[[Weights, Path], None]
) -> None:
    path = tmp_path / f"w{suffix}"
    save(weights, path)
    loaded = load(path)
    assert loaded.keys() == weights.keys()
    assert all(np.array_equal(loaded[name], weights[name]) for name in weights)


def test_what_only_training_needs_is_ignored(tmp_path: Path) -> None:
    model = resolve("googlenet", shapes=SMALL).build()
    arrays = {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    extra = {"conv1.bn.num_batches_tracked": np.array(3), "aux1.fc1.weight": np.zeros((2, 2), "f4")}
    save_npz({**arrays, **extra}, tmp_path / "w.npz")
    assert load(tmp_path / "w.npz", "googlenet").keys() == arrays.keys()


def test_half_precision_weights_are_widened(tmp_path: Path, weights: Weights) -> None:
    save_file({name: array.astype("f2") for name, array in weights.items()}, tmp_path / "w.safetensors")
    assert {array.dtype for array in load(tmp_path / "w.safetensors").values()} == {np.dtype("f4")}


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda w: w.pop("classifier.1.bias"), r"lacks classifier\.1\.bias"),
        (lambda w: w.update(head=np.zeros(1, "f4")), "holds unknown head"),
        (
            lambda w: w.update({"features.0.weight": np.zeros((3, 3), "f4")}),
            r"has another shape for features\.0\.weight \(3x3 where 64x3x3x3 is needed\)",
        ),
        (lambda w: w.clear(), "lacks .*features.0.bias.* and 47 more"),
    ],
)
def test_parameters_that_do_not_fit_are_named(
    tmp_path: Path, weights: Weights, change: Callable[[Weights], object], says: str
) -> None:
    changed = dict(weights)
    change(changed)
    save_npz(changed, tmp_path / "w.npz")
    with pytest.raises(InputError, match=says):
        load(tmp_path / "w.npz")


@pytest.mark.parametrize("name", ["w.npz", "w.safetensors", "w.pth"])
def test_a_file_of_another_kind_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"something else entirely")
    with pytest.raises(InputError, match=r"weights .*w\.(npz|safetensors|pth): "):
        load(tmp_path / name)


def test_pickled_arrays_are_not_opened(tmp_path: Path) -> None:
    save_npz({"features.0.weight": np.array([{"a": 1}], dtype=object)}, tmp_path / "w.npz")
    with pytest.raises(InputError, match="no usable npz file"):
        load(tmp_path / "w.npz")
