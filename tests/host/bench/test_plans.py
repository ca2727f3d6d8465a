"""Each of Stageline's modes is a plan of its own, made from the same profiles."""

from typing import Any

import pytest

from host.bench import Mode
from host.bench.plans import plans_of
from host.remote import BoardDescription, OperatingPoint, ProcessorDescription

TIMES_US = {("little", 1): 40.0, ("little", 2): 22.0, ("big", 1): 25.0, ("gpu", 1): 18.0}


def processor(name: str, kind: str, cpus: tuple[int, ...]) -> ProcessorDescription:
    return ProcessorDescription(name=name, kind=kind, cpus=cpus, cores=len(cpus) or 1, target={})


@pytest.fixture
def board() -> BoardDescription:
    processors = (
        processor("little", "cpu", (0, 1)),
        processor("big", "cpu", (2,)),
        processor("gpu", "gpu", ()),
    )
    return BoardDescription(
        name="b",
        model="m",
        hostname="h",
        machine="aarch64",
        fingerprint="f",
        processors=processors,
        operating_points=(OperatingPoint(name="maxn", levels={}),),
        versions={},
        notes=(),
        lease_holder="",
    )


@pytest.fixture
def document(board: BoardDescription) -> dict[str, Any]:
    layers = ["conv1", "conv2", "fc"]
    return {
        "schema": "stageline.profile/1",
        "model": "net",
        "board": "b",
        "layers": [
            {"name": name, "inputs": [source], "output_bytes": 4}
            for name, source in zip(layers, ["input", *layers], strict=False)
        ],
        "input_bytes": 4,
        "processors": [{"name": p.name, "cores": p.cores} for p in board.processors],
        "operating_points": [{"name": "maxn"}],
        "costs": [
            {"layer": layer, "processor": name, "cores": cores, "level": "maxn", "latency_us": time_us}
            for layer in layers
            for (name, cores), time_us in TIMES_US.items()
        ],
        "handover_us": 0.0,
    }


def test_single_core_is_one_core_of_the_fastest_cluster(
    document: dict[str, Any], board: BoardDescription
) -> None:
    (stage,) = plans_of(document, board)[Mode.SINGLE_CORE].stages
    assert (stage.processor, stage.cores, len(stage.layers)) == ("big", 1, 3)


def test_all_cores_is_the_best_processor_as_a_whole(
    document: dict[str, Any], board: BoardDescription
) -> None:
    (stage,) = plans_of(document, board)[Mode.ALL_CORES].stages
    assert (stage.processor, stage.cores, stage.replicas) == ("gpu", 1, 1)


def test_all_cores_stays_all_cores_where_one_is_faster(
    document: dict[str, Any], board: BoardDescription
) -> None:
    costs = [cost for cost in document["costs"] if cost["processor"] == "little"]
    slower = [cost | {"latency_us": 50.0} if cost["cores"] == 2 else cost for cost in costs]
    plans = plans_of({**document, "costs": slower}, board)
    assert plans[Mode.ALL_CORES].stages[0].cores == 2
    assert plans[Mode.SINGLE_CORE].stages[0].cores == 1


def test_the_pipeline_uses_the_whole_board(document: dict[str, Any], board: BoardDescription) -> None:
    plan = plans_of(document, board)[Mode.PIPELINE]
    assert plan.period_us < 3 * TIMES_US["gpu", 1]
    assert len({stage.processor for stage in plan.stages}) > 1
