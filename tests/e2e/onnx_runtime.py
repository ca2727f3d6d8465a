"""What ONNX Runtime makes of a network, and how near ours has to come."""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime

TOLERANCE = 1e-3
"""Largest difference allowed, as a part of the largest value."""


def reference(model: onnx.ModelProto, folder: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """A random frame and what ONNX Runtime makes of it."""
    path = folder / "model.onnx"
    onnx.save_model(model, path, save_as_external_data=model.ByteSize() > (1 << 30))
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    random = np.random.default_rng(7)
    inputs = {
        item.name: random.standard_normal([int(extent) for extent in item.shape]).astype("float32")
        for item in session.get_inputs()
    }
    names = [item.name for item in session.get_outputs()]
    return inputs, dict(zip(names, session.run(names, inputs), strict=True))


def assert_equal(found: dict[str, Any], expected: dict[str, Any]) -> None:
    assert found.keys() == expected.keys()
    for name, wanted in expected.items():
        assert found[name].shape == wanted.shape
        error = np.abs(found[name] - wanted).max() / np.abs(wanted).max()
        print(f"{name}: largest difference {error:.1e} of the largest value")
        assert error < TOLERANCE
