"""ONNX files: what they leave open is fixed by the user, what is damaged or missing is named."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, external_data_helper, helper

from host.errors import InputError
from host.frontends import resolve
from host.frontends.onnx_file import fix_shapes

MakeModel = Callable[..., onnx.ModelProto]

RELU = [helper.make_node("Relu", ["x"], ["y"])]


def extents(model: onnx.ModelProto, place: int = 0) -> list[int]:
    return [extent.dim_value for extent in model.graph.input[place].type.tensor_type.shape.dim]


def two_inputs() -> onnx.ModelProto:
    graph = helper.make_graph(
        [helper.make_node("Add", ["a", "b"], ["y"])],
        "pair",
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", 3]) for name in ("a", "b")],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["batch", 3])],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def with_external_data(make_model: MakeModel, folder: Path) -> Path:
    model = make_model([helper.make_node("Mul", ["x", "k"], ["y"])], {"k": np.full(9, 2.5, "f4")})
    external_data_helper.convert_model_to_external_data(model, location="k.bin", size_threshold=0)
    onnx.save(model, folder / "m.onnx")
    return folder / "m.onnx"


def test_an_open_shape_is_fixed_by_the_user(make_model: MakeModel) -> None:
    model = make_model(RELU, shape=["batch", 3, None, None])
    fix_shapes(model, {"x": (2, 3, 20, 30)})
    assert extents(model) == [2, 3, 20, 30]


def test_a_named_extent_holds_for_every_input() -> None:
    model = two_inputs()
    fix_shapes(model, {"b": (4, 3)})
    assert extents(model, 0) == extents(model, 1) == [4, 3]


def test_shapes_that_disagree_about_a_named_extent_are_refused() -> None:
    with pytest.raises(InputError, match="the shapes disagree about batch: 4 and 5"):
        fix_shapes(two_inputs(), {"a": (4, 3), "b": (5, 3)})


def test_an_open_shape_is_refused_with_the_flag_that_fixes_it(make_model: MakeModel) -> None:
    with pytest.raises(InputError, match="the input x has the open shape batchx3xhxw") as caught:
        fix_shapes(make_model(RELU, shape=["batch", 3, "h", "w"]), {})
    assert caught.value.hint == "fix it: --shape x=1x3xNxN"


def test_an_input_that_stays_open_is_refused_by_name(make_model: MakeModel) -> None:
    model = two_inputs()
    model.graph.input[1].type.tensor_type.shape.dim[0].dim_param = "other"
    with pytest.raises(InputError, match="the input b has the open shape otherx3"):
        fix_shapes(model, {"a": (4, 3)})


@pytest.mark.parametrize(
    ("shapes", "says"),
    [
        ({"z": (1, 4, 9, 9)}, "the model has no input z, only x"),
        ({"x": (1, 4, 8, 8)}, "the input x cannot be 1x4x8x8: in the model it is 1x4x9x9"),
        ({"x": (4, 9, 9)}, "the input x cannot be 4x9x9: in the model it is 1x4x9x9"),
    ],
)
def test_a_shape_that_contradicts_the_model_is_refused(
    make_model: MakeModel, shapes: dict[str, tuple[int, ...]], says: str
) -> None:
    with pytest.raises(InputError, match=says):
        fix_shapes(make_model(RELU), shapes)


def test_external_data_is_read_with_the_file(make_model: MakeModel, tmp_path: Path) -> None:
    model = resolve(str(with_external_data(make_model, tmp_path))).build()
    assert onnx.numpy_helper.to_array(model.graph.initializer[0]).tolist() == [2.5] * 9


def test_missing_external_data_is_named(make_model: MakeModel, tmp_path: Path) -> None:
    path = with_external_data(make_model, tmp_path)
    source = resolve(str(path))
    (tmp_path / "k.bin").unlink()
    with pytest.raises(InputError, match=r"external data cannot be read: .*k\.bin"):
        source.build()
    with pytest.raises(InputError, match=r"model .*k\.bin: No such file"):
        resolve(str(path))


def test_external_data_outside_the_models_folder_is_not_read(make_model: MakeModel, tmp_path: Path) -> None:
    folder = tmp_path / "inner"
    folder.mkdir()
    path = with_external_data(make_model, folder)
    (folder / "k.bin").rename(tmp_path / "k.bin")
    model = onnx.load(path, load_external_data=False)
    model.graph.initializer[0].external_data[0].value = "../k.bin"
    onnx.save(model, path)
    with pytest.raises(InputError, match="external data cannot be read"):
        resolve(str(path)).build()


@pytest.mark.parametrize("content", [b"", b"not a network at all", b"\x08\x07\x12"])
def test_a_file_that_is_no_onnx_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "m.onnx"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"m\.onnx: .*(no ONNX file|no network)"):
        resolve(str(path)).build()
