"""Whole networks on an emulated GPU, through TVM's real CUDA runtime, compute what ONNX Runtime does."""

import platform
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from host.build import Builder
from host.bundle import StageSite, write_bundle
from host.frontends import resolve
from host.layers.choice import likeliest
from host.network import Network
from host.planner import PlanStage
from tests.device.cuda.emulated_gpu import build_emulated_gpu
from tests.device.cuda.stub import HERE, StubCuda, run_python
from tests.e2e.onnx_runtime import assert_equal, reference

CPU = {"kind": "llvm", "mtriple": f"{platform.machine()}-linux-gnu"}
GPU = {"kind": "cuda", "arch": "sm_62", "host": CPU}

pytestmark = pytest.mark.skipif(shutil.which("g++") is None, reason="the emulation is compiled by g++")


@pytest.fixture(scope="module")
def gpu(compiler: str, tmp_path_factory: pytest.TempPathFactory) -> StubCuda:
    return build_emulated_gpu(tmp_path_factory.mktemp("gpu"), compiler)


def bundle(folder: Path, network: Network, borders: Sequence[int], targets: Sequence[dict[str, Any]]) -> Path:
    """Writes a network as stages.

    Args:
        folder: Where to.
        network: The network.
        borders: Index of the first layer of each stage but the first one.
        targets: What each stage is compiled for.
    """
    graph, ends = network.graph, [*borders, len(network.graph.layers)]
    stages, sites = [], []
    for first, end, target in zip([0, *borders], ends, targets, strict=True):
        is_gpu = target["kind"] == "cuda"
        choice = likeliest(graph, target)
        builder = Builder(target, folder / "objects")
        kernels = graph.implementations(choice, first, end - 1)
        builder.build(kernels, graph.kernels, lambda: network.lowered.functions)
        names = tuple(layer.name for layer in graph.layers[first:end])
        stages.append(
            PlanStage(
                first=first,
                last=end - 1,
                layers=names,
                processor="gpu" if is_gpu else "cpu",
                cores=1,
                replicas=1,
                time_us=1.0,
                energy_uj=None,
            )
        )
        sites.append(
            StageSite(
                device=target["kind"] if is_gpu else "cpu",
                replica_cpus=((),) if is_gpu else ((0,),),
                builder=builder,
                choice=choice,
            )
        )
    made = folder / "bundle"
    made.mkdir()
    write_bundle(made, plan={}, stages=stages, sites=sites, model=network.lowered)
    return made


def computed(gpu: StubCuda, made: Path, inputs: dict[str, Any], folder: Path) -> dict[str, Any]:
    """What the pipeline makes of a frame, in a process that sees the GPU."""
    np.savez(folder / "inputs.npz", **inputs)
    files = [made, folder / "inputs.npz", folder / "outputs.npz"]
    result = run_python([str(HERE / "on_pipeline.py"), *map(str, files)], gpu)
    assert result.returncode == 0, result.stderr
    with np.load(folder / "outputs.npz") as arrays:
        return dict(arrays)


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
