"""One frame or many, by input name; what does not fit is refused with the input's name."""

from pathlib import Path

import numpy as np
import pytest

from host.errors import InputError
from host.frames import read_frames, write_outputs
from host.layers.graph import LayerGraph, Tensor


def graph(*inputs: str) -> LayerGraph:
    tensors = {name: Tensor(name=name, shape=(1, 3, 4), dtype="float32") for name in inputs}
    return LayerGraph(name="net", inputs=inputs, outputs=(), tensors=tensors, layers=())


@pytest.mark.parametrize(("shape", "count"), [((1, 3, 4), 1), ((5, 1, 3, 4), 5), ((5, 3, 4), 5)])
def test_frames_are_told_by_their_shape(tmp_path: Path, shape: tuple[int, ...], count: int) -> None:
    array = np.random.default_rng(0).standard_normal(shape)
    np.save(tmp_path / "in.npy", array.astype("float32"))
    frames = read_frames(tmp_path / "in.npy", graph("image"))
    assert len(frames) == count
    np.testing.assert_array_equal(
        np.stack([frame["image"] for frame in frames]).ravel(), array.astype("float32").ravel()
    )


def test_several_inputs_come_by_name(tmp_path: Path) -> None:
    np.savez(tmp_path / "in.npz", a=np.zeros((2, 1, 3, 4), "float32"), b=np.ones((2, 1, 3, 4), "float32"))
    first, second = read_frames(tmp_path / "in.npz", graph("a", "b"))
    assert first.keys() == second.keys() == {"a", "b"}
    assert second["b"].max() == 1


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        ({"a": np.zeros((1, 3, 4), "float32")}, "input 'b' does not match"),
        ({"a": np.zeros((1, 3, 4)), "b": np.zeros((1, 3, 5))}, r"b has shape \(1, 3, 5\)"),
        ({"a": np.zeros((2, 1, 3, 4)), "b": np.zeros((3, 1, 3, 4))}, "different numbers of frames: a 2, b 3"),
        (
            {"a": np.zeros((1, 3, 4), "complex64"), "b": np.zeros((1, 3, 4))},
            "a has elements of type complex64",
        ),
        ({"a": np.zeros((0, 1, 3, 4)), "b": np.zeros((0, 1, 3, 4))}, "a has shape"),
    ],
)
def test_what_does_not_fit_is_refused(
    tmp_path: Path, arrays: dict[str, "np.ndarray[tuple[int, ...], np.dtype[np.generic]]"], words: str
) -> None:
    stacks: dict[str, object] = dict(arrays)
    np.savez(tmp_path / "in.npz", **stacks)  # type: ignore[arg-type]
    with pytest.raises(InputError, match=words):
        read_frames(tmp_path / "in.npz", graph("a", "b"))


@pytest.mark.parametrize("content", [b"", b"junk", b"PK\x03\x04junk", b"\x93NUMPY\x01\x00"])
def test_a_broken_file_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "in.npz").write_bytes(content)
    with pytest.raises(InputError, match="cannot read"):
        read_frames(tmp_path / "in.npz", graph("a"))


def test_pickles_are_never_read(tmp_path: Path) -> None:
    np.save(tmp_path / "in.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    with pytest.raises(InputError, match="plain arrays"):
        read_frames(tmp_path / "in.npy", graph("a"))


def test_outputs_are_stacked_in_order(tmp_path: Path) -> None:
    outputs = ({"out": np.full((1, 2), value)} for value in range(3))
    write_outputs(tmp_path / "out.npz", iter(outputs))
    with np.load(tmp_path / "out.npz") as found:
        assert found["out"].tolist() == [[[0, 0]], [[1, 1]], [[2, 2]]]
