"""Measured profiles become a document that the planner takes as it is."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from db.records import Environment, Profile, ProfileStatus
from host.exchange import exchange_document
from host.layers import KernelCall, Layer, LayerGraph, Tensor
from host.placement import Placement
from host.planner import Constraints, OperatingPoint, parse_profile, solve

ENVIRONMENT = Environment(
    tvm="1",
    tvm_ffi="1",
    target={"kind": "llvm"},
    board_fingerprint="f",
    operating_point="default",
    kernel_version="1",
)


def layer(name: str, reads: tuple[str, ...], writes: str, kind: str) -> Layer:
    return Layer(
        name=name,
        calls=(KernelCall(kernel=kind, arguments=(*reads, writes)),),
        inputs=reads,
        outputs=(writes,),
        weights=(),
        flops=1.0,
        structural_hash=kind,
    )


@pytest.fixture
def graph() -> LayerGraph:
    """x -> conv1 -> conv2, which is the same work again -> add of both and x."""
    layers = (
        layer("conv1", ("x",), "t1", "conv"),
        layer("conv2", ("t1",), "t2", "conv"),
        layer("add", ("t2", "t1", "x"), "t3", "add"),
    )
    tensors = {name: Tensor(name=name, shape=(2, 5), dtype="float32") for name in ("x", "t1", "t2", "t3")}
    return LayerGraph(
        name="net", inputs=("x",), outputs=(("y", "t3"),), tensors=tensors, layers=layers, kernels={}
    )


def placement(processor: str, cores: int) -> Placement:
    return Placement(
        processor=processor,
        cores=cores,
        cpus=tuple(range(cores)),
        level="default",
        environment=ENVIRONMENT,
    )


def profiles(on: Placement, times_us: Mapping[str, float]) -> tuple[Placement, dict[str, Profile]]:
    return on, {
        kind: Profile(
            layer_hash=kind,
            environment=ENVIRONMENT,
            processor=on.processor,
            cores=on.cores,
            level=on.level,
            latency_us=time_us,
            latency_mad_us=0.0,
            samples_us=(time_us,),
            status=ProfileStatus.STEADY,
            measured_at=datetime.now(UTC),
        )
        for kind, time_us in times_us.items()
    }


def document(
    graph: LayerGraph, *rows: tuple[Placement, dict[str, Profile]], cores: Mapping[str, int] | None = None
) -> dict[str, object]:
    return exchange_document(
        graph,
        board="b",
        processors={"big": 2, "little": 1},
        points=[OperatingPoint(name="default", idle_power_mw=2000.0, cores=cores or {})],
        profiles=rows,
        handover_us=3.0,
    )


def test_equal_layers_share_what_was_measured_once(graph: LayerGraph) -> None:
    found = document(graph, profiles(placement("big", 1), {"conv": 10.0, "add": 2.0}))
    assert found["costs"] == [
        {
            "layer": name,
            "processor": "big",
            "cores": 1,
            "level": "default",
            "latency_us": time_us,
            "busy_latency_us": None,
            "energy_uj": None,
        }
        for name, time_us in (("conv1", 10.0), ("conv2", 10.0), ("add", 2.0))
    ]


def test_operating_points_say_what_the_planner_needs(graph: LayerGraph) -> None:
    on = profiles(placement("big", 1), {"conv": 10.0, "add": 2.0})
    found = document(graph, on, cores={"big": 1})
    assert found["operating_points"] == [
        {"name": "default", "idle_power_mw": 2000.0, "levels": {}, "cores": {"big": 1}}
    ]


def test_work_on_the_other_cores_multiplies_what_is_expected(graph: LayerGraph) -> None:
    on, found = profiles(placement("big", 1), {"conv": 10.0, "add": 2.0})
    found["conv"] = replace(found["conv"], slowdown=1.5)
    costs = document(graph, (on, found))["costs"]
    assert isinstance(costs, list)
    assert [cost["busy_latency_us"] for cost in costs] == [15.0, 15.0, None]


def test_layers_name_who_feeds_them_and_what_they_hand_on(graph: LayerGraph) -> None:
    found = document(graph, profiles(placement("big", 1), {"conv": 10.0, "add": 2.0}))
    assert found["layers"] == [
        {"name": "conv1", "inputs": ["input"], "output_bytes": 40},
        {"name": "conv2", "inputs": ["conv1"], "output_bytes": 40},
        {"name": "add", "inputs": ["conv2", "conv1", "input"], "output_bytes": 40},
    ]
    assert found["input_bytes"] == 40


def test_what_was_not_measured_is_left_out(graph: LayerGraph) -> None:
    found = document(
        graph,
        profiles(placement("big", 1), {"conv": 10.0, "add": 2.0}),
        profiles(placement("little", 1), {"conv": 20.0}),
    )
    costs = found["costs"]
    assert isinstance(costs, list)
    assert [cost["layer"] for cost in costs if cost["processor"] == "little"] == ["conv1", "conv2"]


def test_the_planner_takes_the_document(graph: LayerGraph) -> None:
    table = parse_profile(
        document(
            graph,
            profiles(placement("big", 1), {"conv": 10.0, "add": 2.0}),
            profiles(placement("big", 2), {"conv": 6.0, "add": 2.0}),
            profiles(placement("little", 1), {"conv": 20.0, "add": 4.0}),
        )
    )
    plan = solve(table, Constraints(max_stages=1, no_replicas=True))
    (stage,) = plan.stages
    assert (stage.processor, stage.cores, stage.layers) == ("big", 2, ("conv1", "conv2", "add"))
    assert plan.period_us == pytest.approx(17.0)
