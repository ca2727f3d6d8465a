"""Our kernels for GPUs, a whole network of them through TVM's CUDA runtime, compute what ONNX Runtime does."""

import shutil
from pathlib import Path

import pytest

from host.frontends import resolve
from host.network import Network
from tests.device.cuda.emulated_gpu import COMPILER, build_emulated_gpu
from tests.device.cuda.gpu_network import run_network, write_network
from tests.e2e.onnx_runtime import assert_equal, reference

pytestmark = pytest.mark.skipif(shutil.which(COMPILER) is None, reason=f"{COMPILER} is not installed")


def test_mobilenet_on_a_gpu_computes_what_onnx_runtime_does(compiler: str, tmp_path: Path) -> None:
    gpu = build_emulated_gpu(tmp_path / "gpu", compiler)
    source = resolve("mobilenet")
    inputs, expected = reference(source.build(), tmp_path)
    write_network(tmp_path, Network(source, "", None).lowered, "sm_62")
    assert_equal(dict(run_network(tmp_path, inputs, gpu).outputs), expected)
