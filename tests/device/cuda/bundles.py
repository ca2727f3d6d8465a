"""Networks as bundles whose stages run on CPUs or on a GPU, run in a process that sees an emulated one."""

import platform
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from host.build import Builder
from host.bundle import StageSite, write_bundle
from host.layers.choice import likeliest
from host.network import Network
from host.planner import PlanStage
from tests.device.cuda.stub import HERE, StubCuda, run_python

CPU = {"kind": "llvm", "mtriple": f"{platform.machine()}-linux-gnu"}
_TIMEOUT_S = 900.0

GPU = {"kind": "cuda", "arch": "sm_62", "host": CPU}


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
    """What the pipeline makes of a frame, in a process that sees the GPU.

    Raises:
        RuntimeError: It failed there.
    """
    np.savez(folder / "inputs.npz", **inputs)
    files = [made, folder / "inputs.npz", folder / "outputs.npz"]
    result = run_python([str(HERE / "on_pipeline.py"), *map(str, files)], gpu, timeout_s=_TIMEOUT_S)
    if result.returncode != 0:
        raise RuntimeError(result.stderr)
    with np.load(folder / "outputs.npz") as arrays:
        return dict(arrays)
