"""A stored request finds the same network later, whatever the working directory is then."""

import json
from pathlib import Path

import pytest

from host.requests import ModelRequest


def stored(request: ModelRequest) -> ModelRequest:
    return ModelRequest.from_document(json.loads(json.dumps(request.to_document())))


def test_a_built_in_keeps_its_name() -> None:
    request = ModelRequest(model="mobilenet")
    assert stored(request) == request


def test_files_are_found_again_from_another_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("net.onnx").write_bytes(b"")
    request = ModelRequest(
        model="net.onnx", shapes={"x": (1, 3, 8, 8), "scalar": ()}, weights=Path("w.safetensors")
    )
    found = stored(request)
    assert found.model == str(tmp_path / "net.onnx")
    assert found.shapes == request.shapes
    assert found.weights == tmp_path / "w.safetensors"
    monkeypatch.chdir("/")
    assert stored(found) == found
