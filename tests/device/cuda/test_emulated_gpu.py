"""Whole networks on an emulated GPU, through TVM's real CUDA runtime, compute what ONNX Runtime does."""

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from host.frontends import resolve
from host.network import Network
from tests.device.cuda.bundles import CPU, GPU, bundle, computed
from tests.device.cuda.emulated_gpu import COMPILER, build_emulated_gpu
from tests.device.cuda.stub import StubCuda
from tests.e2e.onnx_runtime import assert_equal, reference

pytestmark = pytest.mark.skipif(shutil.which(COMPILER) is None, reason="the emulation is compiled by g++")


@pytest.fixture(scope="module")
def gpu(compiler: str, tmp_path_factory: pytest.TempPathFactory) -> StubCuda:
    return build_emulated_gpu(tmp_path_factory.mktemp("gpu"), compiler)


@pytest.mark.parametrize(
    ("name", "borders", "targets"),
    [
        ("squeezenet1_1", (), (GPU,)),
        ("squeezenet1_1", (6,), (CPU, GPU)),
        ("squeezenet1_1", (9, 20), (GPU, CPU, CPU)),
        ("squeezenet1_1", (5, 13), (CPU, GPU, CPU)),
        ("mobilenet", (8,), (CPU, GPU)),
    ],
)
def test_stages_on_a_gpu_compute_what_onnx_runtime_does(
    name: str, borders: Sequence[int], targets: Sequence[dict[str, Any]], gpu: StubCuda, tmp_path: Path
) -> None:
    source = resolve(name)
    inputs, expected = reference(source.build(), tmp_path)
    made = bundle(tmp_path, Network(source, source.fingerprint, None), borders, targets)
    assert_equal(computed(gpu, made, inputs, tmp_path), expected)
