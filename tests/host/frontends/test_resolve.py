"""A name or a file becomes a source: cheap to fingerprint, refused in a sentence where it cannot be used."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import external_data_helper, helper

from host.errors import InputError
from host.frontends import ModelSource, builtins, resolve

MakeModel = Callable[..., onnx.ModelProto]

RELU = [helper.make_node("Relu", ["x"], ["y"])]


def scaled(make_model: MakeModel, factor: float) -> onnx.ModelProto:
    return make_model(
        [helper.make_node("Mul", ["x", "k"], ["y"])], {"k": np.full((1, 4, 9, 9), factor, "f4")}
    )


def saved(model: onnx.ModelProto, path: Path, *, external: str = "") -> Path:
    if external:
        external_data_helper.convert_model_to_external_data(model, location=external, size_threshold=0)
    onnx.save(model, path)
    return path


def test_naming_a_builtin_loads_neither_onnx_nor_tvm_nor_numpy() -> None:
    program = (
        "import sys; from host.frontends import builtins, resolve; resolve('mobilenet'); builtins();"
        "sys.exit(bool({'onnx', 'tvm', 'numpy', 'torch'} & sys.modules.keys()))"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_all_published_networks_are_built_in() -> None:
    assert [one.name for one in builtins()] == [
        "mobilenet",
        "mobilenet_v2",
        "squeezenet",
        "squeezenet1_1",
        "alexnet",
        "vgg16",
        "vgg19",
        "googlenet",
        "inception_v3",
        "resnet18",
        "resnet50",
        "densenet121",
    ]
    assert {one.input_shape for one in builtins()} == {(1, 3, 224, 224), (1, 3, 299, 299)}


def test_a_source_is_named_as_its_network(tmp_path: Path, make_model: MakeModel) -> None:
    assert resolve("resnet18").name == "resnet18"
    assert resolve(str(saved(make_model(RELU), tmp_path / "camera-3.onnx"))).name == "camera-3"


def test_the_same_network_has_the_same_fingerprint() -> None:
    assert resolve("resnet18").fingerprint == resolve("resnet18").fingerprint
    assert (
        resolve("resnet18", shapes={"input": (1, 3, 224, 224)}).fingerprint == resolve("resnet18").fingerprint
    )


def test_network_weights_and_shapes_make_the_fingerprint(tmp_path: Path) -> None:
    weights = [tmp_path / "a.npz", tmp_path / "b.npz"]
    for number, path in enumerate(weights):
        np.savez(path, w=np.full(3, number, "f4"))
    sources = [
        resolve("resnet18"),
        resolve("resnet50"),
        resolve("resnet18", shapes={"input": (1, 3, 160, 160)}),
        *(resolve("resnet18", weights=path) for path in weights),
    ]
    assert len({source.fingerprint for source in sources}) == len(sources)


def test_a_files_fingerprint_is_that_of_its_content(tmp_path: Path, make_model: MakeModel) -> None:
    first = resolve(str(saved(scaled(make_model, 2.0), tmp_path / "a.onnx")))
    copy = resolve(str(saved(scaled(make_model, 2.0), tmp_path / "b.onnx")))
    other = resolve(str(saved(scaled(make_model, 3.0), tmp_path / "c.onnx")))
    assert first.fingerprint == copy.fingerprint != other.fingerprint


def test_weights_beside_a_file_belong_to_its_fingerprint(tmp_path: Path, make_model: MakeModel) -> None:
    def source(factor: float) -> ModelSource:
        return resolve(str(saved(scaled(make_model, factor), tmp_path / "m.onnx", external="m.data")))

    first, other = source(2.0), source(3.0)
    assert first.fingerprint != other.fingerprint


@pytest.mark.parametrize(
    ("model", "says"),
    [
        ("mobilnet", "neither a built-in network nor an ONNX file"),
        ("nowhere.onnx", "there is no such file"),
        ("network.pt2", "only ONNX files"),
    ],
)
def test_an_unknown_model_is_refused(model: str, says: str) -> None:
    with pytest.raises(InputError, match=says):
        resolve(model)


def test_a_misspelt_name_is_corrected() -> None:
    with pytest.raises(InputError) as caught:
        resolve("mobilnet")
    assert caught.value.hint == "did you mean mobilenet?"


@pytest.mark.parametrize(
    ("model", "shapes", "says"),
    [
        ("resnet18", {"data": (1, 3, 224, 224)}, "resnet18 has no input data, only input"),
        ("resnet18", {"input": (3, 224, 224)}, "cannot take 3x224x224"),
        ("resnet18", {"input": (1, 1, 224, 224)}, "cannot take 1x1x224x224"),
        ("resnet18", {"input": (1, 3, 0, 224)}, "extents are at least 1"),
        ("vgg16", {"input": (1, 3, 192, 192)}, "fully connected layers fix the image at 1x3x224x224"),
    ],
)
def test_shapes_that_a_builtin_cannot_take_are_refused(
    model: str, shapes: dict[str, tuple[int, ...]], says: str
) -> None:
    with pytest.raises(InputError, match=says):
        resolve(model, shapes=shapes)


def test_an_image_too_small_for_the_network_is_refused() -> None:
    with pytest.raises(
        InputError, match=r"squeezenet: the image is too small, only 2x2 of it reaches features\.6"
    ):
        resolve("squeezenet", shapes={"input": (1, 3, 16, 16)}).build()


def test_weights_go_only_with_builtins(tmp_path: Path, make_model: MakeModel) -> None:
    path = saved(make_model(RELU), tmp_path / "m.onnx")
    with pytest.raises(InputError, match="only built-in networks take a weight file"):
        resolve(str(path), weights=tmp_path / "w.npz")


def test_a_missing_weight_file_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"weights .*gone\.npz: No such file"):
        resolve("resnet18", weights=tmp_path / "gone.npz")
