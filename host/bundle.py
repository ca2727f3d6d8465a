"""A plan as files for the board: the stages' programs, modules and weights, and a manifest with a digest for each."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from host.build import Builder
from host.errors import InputError
from host.layers.graph import Choice, LayerGraph
from host.layers.lowering import LoweredModel
from host.planner import PlanStage

_CHUNK_BYTES = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class StageSite:
    """Where a stage runs.

    Attributes:
        device: TVM's device kind, such as `cpu`.
        replica_cpus: For each replica the ids of its CPUs.
        builder: Builds kernels for the stage's processor.
        choice: How the stage's layers are scheduled.
    """

    device: str
    replica_cpus: tuple[tuple[int, ...], ...]
    builder: Builder
    choice: Choice


def assign_cpus(
    stages: Sequence[PlanStage], cpus: Mapping[str, Sequence[int]]
) -> list[tuple[tuple[int, ...], ...]]:
    """Gives every replica of every stage CPUs of its own.

    Args:
        stages: The plan's stages.
        cpus: CPU ids of each processor that consists of CPUs.

    Returns:
        For each stage, for each replica, its CPU ids; none for stages on other processors.

    Raises:
        InputError: The plan needs more cores of a processor than the board has.
    """
    free = {processor: list(ids) for processor, ids in cpus.items()}
    sites: list[tuple[tuple[int, ...], ...]] = []
    for stage in stages:
        if stage.processor not in free:
            sites.append(((),) * stage.replicas)
            continue
        pool = free[stage.processor]
        needed = stage.cores * stage.replicas
        if needed > len(pool):
            raise InputError(
                f"the plan needs {needed} more cores of {stage.processor}, and the board has {len(pool)} left",
                hint="plan again for this board",
            )
        taken, free[stage.processor] = pool[:needed], pool[needed:]
        sites.append(tuple(tuple(taken[i : i + stage.cores]) for i in range(0, needed, stage.cores)))
    return sites


def write_bundle(
    folder: Path,
    *,
    plan: Mapping[str, Any],
    stages: Sequence[PlanStage],
    sites: Sequence[StageSite],
    model: LoweredModel,
) -> None:
    """Writes what `Pipeline.load` reads on the board.

    Args:
        folder: An empty folder.
        plan: The `stageline.plan/1` document.
        stages: Its stages.
        sites: Where each stage runs; the kernels must have been built.
        model: The network with its weights.
    """
    graph = model.graph
    (folder / "plan.json").write_text(json.dumps(plan, indent=1))
    (folder / "pipeline.json").write_text(json.dumps(_pipeline(graph, stages, sites), indent=1))
    for index, (stage, site) in enumerate(zip(stages, sites, strict=True)):
        _write_stage(folder / _stage_folder(index), stage, site, model)
    (folder / "manifest.json").write_text(json.dumps(_manifest(folder), indent=1))


def _stage_folder(index: int) -> str:
    return f"stages/{index}"


def _write_stage(folder: Path, stage: PlanStage, site: StageSite, model: LoweredModel) -> None:
    folder.mkdir(parents=True)
    graph = model.graph
    program = graph.program(site.choice, stage.first, stage.last)
    site.builder.link(graph.implementations(site.choice, stage.first, stage.last), folder / "module.so")
    (folder / "program.json").write_text(json.dumps(program))
    packed = graph.packed_weights(site.choice, stage.first, stage.last)
    weights: dict[str, Any] = {
        name: packed[name].of(model.weights) if name in packed else model.weights[name]
        for name in program["weights"]
    }
    np.savez(folder / "weights.npz", **weights)


def _pipeline(graph: LayerGraph, stages: Sequence[PlanStage], sites: Sequence[StageSite]) -> dict[str, Any]:
    def buffer(tensor: str) -> dict[str, Any]:
        return {"shape": list(graph.tensors[tensor].shape), "dtype": graph.tensors[tensor].dtype}

    return {
        "schema": "stageline.pipeline/1",
        "inputs": {name: buffer(name) for name in graph.inputs},
        "outputs": {name: buffer(tensor) for name, tensor in graph.outputs},
        "output_tensors": dict(graph.outputs),
        "stages": [
            {
                "directory": _stage_folder(index),
                "processor": stage.processor,
                "cores": stage.cores,
                "device": site.device,
                "replica_cpus": [list(cpus) for cpus in site.replica_cpus],
            }
            for index, (stage, site) in enumerate(zip(stages, sites, strict=True))
        ],
    }


def _manifest(folder: Path) -> dict[str, Any]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {
        "schema": "stageline.bundle/1",
        "versions": {"tvm": version("apache-tvm"), "tvm_ffi": version("apache-tvm-ffi")},
        "files": {
            path.relative_to(folder).as_posix(): {"sha256": _digest(path), "bytes": path.stat().st_size}
            for path in files
        },
    }


def _digest(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()
