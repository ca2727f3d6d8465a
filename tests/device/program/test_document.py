"""A program is read strictly: whatever is wrong with it is named with its place."""

from typing import Any

import pytest

from device.errors import ProgramError
from device.program import Buffer, Program


def document() -> dict[str, Any]:
    form = {"shape": [2, 3], "dtype": "float32"}
    return {
        "schema": "stageline.program/1",
        "inputs": ["x"],
        "outputs": ["y"],
        "weights": ["w"],
        "buffers": {name: dict(form) for name in ("x", "w", "t", "y")},
        "layers": [
            {"name": "conv1", "calls": [{"function": "f", "arguments": ["x", "w", "t"]}]},
            {"name": "relu1", "calls": [{"function": "g", "arguments": ["t", "y"]}]},
        ],
    }


def test_program_tells_its_own_buffers_from_the_callers() -> None:
    program = Program.parse(document())
    assert program.intermediates == ("t",)
    assert [call.function for call in program.calls] == ["f", "g"]
    assert program.buffers["x"] == Buffer(shape=(2, 3), dtype="float32")
    assert program.buffers["x"].nbytes == 24


def test_scalar_has_the_size_of_one_element() -> None:
    assert Buffer(shape=(), dtype="int64").nbytes == 8


@pytest.mark.parametrize(
    ("path", "value", "complaint"),
    [
        (["schema"], "stageline.program/2", r"program.schema: must be 'stageline.program/1'"),
        (["inputs"], "x", r"program.inputs: must be a list"),
        (["outputs"], ["y", "x"], r"'x' stands twice"),
        (["weights"], ["w", "v"], r"'v' is not described"),
        (["buffers", "x", "dtype"], "float31", r"program.buffers.x.dtype: unknown element type 'float31'"),
        (
            ["buffers", "x", "shape"],
            [2, 0],
            r"program.buffers.x.shape\[1\]: must be a whole number of at least 1",
        ),
        (["buffers", "x", "shape"], [2, True], r"shape\[1\]"),
        (["layers", 0, "name"], 3, r"program.layers\[0\].name: must be a string, got 3"),
        (["layers", 0, "calls"], None, r"program.layers\[0\].calls: must be a list"),
        (["layers", 1, "calls", 0, "arguments"], ["t", "z"], r"'z' is not described"),
        (["layers", 1, "calls", 0, "arguments"], ["t"], r"no call writes output 'y'"),
    ],
)
def test_malformed_program_is_refused_with_its_place(path: list[Any], value: Any, complaint: str) -> None:
    broken = document()
    parent = broken
    for step in path[:-1]:
        parent = parent[step]
    parent[path[-1]] = value
    with pytest.raises(ProgramError, match=complaint):
        Program.parse(broken)


@pytest.mark.parametrize("broken", [None, 3, [], "program"])
def test_what_is_no_object_is_refused(broken: Any) -> None:
    with pytest.raises(ProgramError, match="must be an object"):
        Program.parse(broken)


def test_missing_member_is_named() -> None:
    broken = document()
    del broken["layers"][1]["calls"][0]["function"]
    with pytest.raises(ProgramError, match=r"program.layers\[1\].calls\[0\]: `function` is missing"):
        Program.parse(broken)
