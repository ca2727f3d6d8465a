"""ONNX Runtime as a contender: it is asked only when a comparison wants it, and says clearly what is wrong."""

import os
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from device.errors import PinningError, ReferenceEngineError
from device.measure.reference import OnnxRuntime, ReferenceMode, reference_version

CPUS = sorted(os.sched_getaffinity(0))
FRAME = {"x": np.array([-1.0, 2.0, 3.0], np.float32)}


@pytest.fixture
def model(tmp_path: Path) -> Path:
    form = TensorProto.FLOAT, [3]
    graph = helper.make_graph(
        [helper.make_node("Relu", ["x"], ["y"])],
        "relu",
        [helper.make_tensor_value_info("x", *form)],
        [helper.make_tensor_value_info("y", *form)],
    )
    path = tmp_path / "relu.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=10), path)
    return path


@pytest.mark.parametrize("mode", ReferenceMode)
def test_every_mode_computes_the_model_and_takes_turns(model: Path, mode: ReferenceMode) -> None:
    contender = OnnxRuntime(model, mode, CPUS[:2], FRAME)
    np.testing.assert_array_equal(contender.outputs()["y"], [0, 2, 3])
    for turn in (contender.turn(0.001), contender.turn(0.001)):
        assert turn.frames >= 2
        assert turn.latency_us > 0
        assert turn.throughput_fps > 0


def test_a_file_that_is_no_model_is_bad_input(tmp_path: Path) -> None:
    path = tmp_path / "broken.onnx"
    path.write_bytes(b"no model")
    with pytest.raises(ReferenceEngineError, match="does not take the model") as caught:
        OnnxRuntime(path, ReferenceMode.SINGLE_CORE, CPUS, FRAME)
    assert caught.value.code == "bad_input"


def test_a_cpu_that_is_not_there_is_named(model: Path) -> None:
    with pytest.raises(PinningError, match="100000"):
        OnnxRuntime(model, ReferenceMode.SINGLE_CORE, [100_000], FRAME)


def test_the_version_is_none_where_it_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    assert reference_version()
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    assert reference_version() is None
