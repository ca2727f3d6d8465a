"""Frames are read in every arrangement that can be meant, and refused where it cannot."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from host.errors import InputError
from host.frames import read_frames, write_outputs
from host.layers import LayerGraph, Tensor

Shapes = dict[str, tuple[int, ...]]


def network(shapes: Shapes, dtype: str = "float32") -> LayerGraph:
    tensors = {name: Tensor(name=name, shape=shape, dtype=dtype) for name, shape in shapes.items()}
    return LayerGraph(name="net", inputs=tuple(shapes), outputs=(), tensors=tensors, layers=(), kernels={})


IMAGE = network({"x": (1, 3, 4, 4)})
PAIR = network({"a": (1, 2), "b": (3,)})


def save(folder: Path, **arrays: Any) -> Path:
    path = folder / "in.npz"
    np.savez(path, **arrays)
    return path


def random(*shape: int) -> Any:
    return np.random.default_rng(1).standard_normal(shape).astype("float32")


@pytest.mark.parametrize(
    ("shape", "count"), [((1, 3, 4, 4), 1), ((5, 1, 3, 4, 4), 5), ((5, 3, 4, 4), 5), ((1, 1, 3, 4, 4), 1)]
)
def test_one_frame_or_many_along_either_first_axis(
    tmp_path: Path, shape: tuple[int, ...], count: int
) -> None:
    array = random(*shape)
    frames = read_frames(save(tmp_path, x=array), IMAGE)
    assert len(frames) == count
    assert all(frame["x"].shape == (1, 3, 4, 4) for frame in frames)
    np.testing.assert_array_equal(np.stack([frame["x"] for frame in frames]).ravel(), array.ravel())


def test_one_array_is_enough_for_one_input(tmp_path: Path) -> None:
    np.save(tmp_path / "in.npy", random(1, 3, 4, 4))
    (frame,) = read_frames(tmp_path / "in.npy", IMAGE)
    np.testing.assert_array_equal(frame["x"], random(1, 3, 4, 4))


def test_one_array_is_not_enough_for_two_inputs(tmp_path: Path) -> None:
    np.save(tmp_path / "in.npy", random(1, 2))
    with pytest.raises(InputError, match="holds one array, and net takes a, b") as caught:
        read_frames(tmp_path / "in.npy", PAIR)
    assert caught.value.hint == "use .npz"


def test_inputs_of_one_frame_stay_together(tmp_path: Path) -> None:
    a, b = random(4, 2), random(4, 3)
    frames = read_frames(save(tmp_path, a=a, b=b), PAIR)
    assert [frame["a"].shape for frame in frames] == [(1, 2)] * 4
    np.testing.assert_array_equal([frame["b"] for frame in frames], b)


@pytest.mark.parametrize(
    ("given", "wanted"), [("float64", "float32"), ("float16", "float32"), ("uint8", "float32")]
)
def test_elements_become_those_of_the_network(tmp_path: Path, given: str, wanted: str) -> None:
    (frame,) = read_frames(save(tmp_path, x=np.ones((1, 3, 4, 4), given)), IMAGE)
    assert frame["x"].dtype == wanted


@pytest.mark.parametrize(
    ("graph", "arrays", "complaint"),
    [
        (IMAGE, {"y": random(1, 3, 4, 4)}, "input '[xy]' does not match; net takes x"),
        (PAIR, {"a": random(1, 2)}, "input 'b' does not match; net takes a, b"),
        (PAIR, {"a": random(4, 2), "b": random(3, 3)}, "different numbers of frames: a 4, b 3"),
        (IMAGE, {"x": random(3, 4, 4)}, r"x has shape \(3, 4, 4\), and net takes \(1, 3, 4, 4\)"),
        (IMAGE, {"x": random(0, 3, 4, 4)}, "x has shape"),
        (IMAGE, {"x": random(0, 1, 3, 4, 4)}, "x has shape"),
        (IMAGE, {"x": np.float32(1)}, r"x has shape \(\)"),
        (network({"x": (1,)}), {"x": np.float32(1)}, r"x has shape \(\), and net takes \(1,\)"),
        (IMAGE, {"x": np.ones((1, 3, 4, 4), "complex64")}, "elements of type complex64, and net takes float"),
        (IMAGE, {"x": np.full((1, 3, 4, 4), "text")}, "elements of type"),
        (network({"x": (2,)}, "int64"), {"x": random(2)}, "type float32, and net takes int64"),
    ],
)
def test_what_does_not_fit_is_named(
    tmp_path: Path, graph: LayerGraph, arrays: dict[str, Any], complaint: str
) -> None:
    with pytest.raises(InputError, match=complaint):
        read_frames(save(tmp_path, **arrays), graph)


def test_a_scalar_input_takes_one_frame_or_many(tmp_path: Path) -> None:
    graph = network({"x": ()})
    assert len(read_frames(save(tmp_path, x=np.float32(1)), graph)) == 1
    assert [float(f["x"]) for f in read_frames(save(tmp_path, x=np.array([1, 2, 3], "float32")), graph)] == [
        1,
        2,
        3,
    ]


@pytest.mark.parametrize("content", [b"", b"text", b"PK\x03\x04 broken", b"\x93NUMPY\x01\x00", bytes(100)])
@pytest.mark.parametrize("name", ["in.npy", "in.npz"])
def test_a_file_of_something_else_is_refused(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=f"cannot read .*{name}"):
        read_frames(tmp_path / name, IMAGE)


def test_python_objects_are_never_loaded(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="plain arrays"):
        read_frames(save(tmp_path, x=np.array([{"a": 1}, None], dtype=object)), IMAGE)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"nowhere\.npz: No such file or directory"):
        read_frames(tmp_path / "nowhere.npz", IMAGE)


def test_outputs_lie_along_a_new_first_axis(tmp_path: Path) -> None:
    frames = [{"y": random(1, 5) + number, "z": np.array([number])} for number in range(3)]
    path = tmp_path / "out.data"
    write_outputs(path, iter(frames))
    with np.load(path) as found:
        np.testing.assert_array_equal(found["y"], np.stack([frame["y"] for frame in frames]))
        assert found["z"].tolist() == [[0], [1], [2]]


def test_outputs_that_nobody_wants_are_still_taken_in() -> None:
    outputs = iter([{"y": random(1)}] * 3)
    write_outputs(None, outputs)
    assert next(outputs, None) is None


def test_outputs_that_cannot_be_written_are_an_input_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"cannot write .*: No such file or directory"):
        write_outputs(tmp_path / "nowhere/out.npz", iter([{"y": random(1)}]))
