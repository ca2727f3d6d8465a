"""What a plan says, and what a user hears when there is none."""

import random
from collections.abc import Callable
from typing import Any

import pytest

from host.errors import InfeasibleError, InputError, UsageError
from host.planner import Constraints, Plan, parse_profile, solve

Document = dict[str, Any]


def plan(document: Document, **limits: Any) -> Plan:
    return solve(parse_profile(document), Constraints(**limits))


def shape(found: Plan) -> list[tuple[tuple[str, ...], str, int, int]]:
    return [(stage.layers, stage.processor, stage.cores, stage.replicas) for stage in found.stages]


def test_the_numbers_of_a_plan_follow_their_definitions(document: Document) -> None:
    found = plan(document)
    assert shape(found) == [(("conv1",), "a57", 1, 2), (("conv2", "add"), "gpu", 1, 1)]
    transfer = 1.0 + 4000 / 2e9 * 1e6
    assert [stage.time_us for stage in found.stages] == [0.5 + 90.0, 0.5 + transfer + 20.0 + 10.0]
    assert found.period_us == 90.5 / 2
    assert found.latency_us == 90.5 + 0.5 + transfer + 30.0
    assert found.throughput_fps == 1e6 / found.period_us
    assert [stage.energy_uj for stage in found.stages] == [180.0, 60.0 + 5.0]
    assert found.energy_uj_per_frame == pytest.approx(245.0 + 2000.0 * found.period_us / 1000)
    assert found.baseline is not None
    assert (found.baseline.processor, found.baseline.period_us) == ("gpu", 70.5)
    assert found.gain == 70.5 / found.period_us


@pytest.mark.parametrize(
    ("table", "key", "expected"),
    [
        ("costs", "energy_uj", [None, 65.0]),
        ("transfers", "energy_uj", [180.0, None]),
        ("operating_points", "idle_power_mw", [180.0, 65.0]),
    ],
)
def test_energy_that_was_not_measured_is_not_invented(
    document: Document, table: str, key: str, expected: list[float | None]
) -> None:
    document[table][0][key] = None
    found = plan(document)
    assert found.energy_uj_per_frame is None
    assert [stage.energy_uj for stage in found.stages] == expected


def test_decimal_costs_that_tie_do_tie(document: Document) -> None:
    document |= {
        "layers": [{"name": name, "inputs": ["input"], "output_bytes": 1} for name in "abc"],
        "processors": [{"name": "x", "cores": 1}, {"name": "y", "cores": 1}],
        "operating_points": [{"name": "only"}],
        "transfers": [],
        "handover_us": 0.0,
        "costs": [
            {"layer": layer, "processor": processor, "cores": 1, "level": "only", "latency_us": latency}
            for processor, latencies in (("x", (0.1, 0.2, 0.0)), ("y", (9.0, 9.0, 0.3)))
            for layer, latency in zip("abc", latencies, strict=True)
        ],
    }
    assert len(plan(document).stages) == 1
    assert plan(document, use=("x", "y")).period_us == pytest.approx(0.3, rel=1e-15)


def test_a_plan_with_one_stage_gains_nothing(document: Document) -> None:
    found = plan(document, max_stages=1, no_replicas=True)
    assert shape(found) == [(("conv1", "conv2", "add"), "gpu", 1, 1)]
    assert found.gain == 1.0


def test_a_camera_sets_the_period(document: Document) -> None:
    found = plan(document, source_fps=1000)
    assert (found.period_us, found.throughput_fps, len(found.stages)) == (1000.0, 1000.0, 1)
    assert found.bound_us == 1000.0
    assert found.baseline is not None
    assert found.gain == 1.0


def test_the_best_operating_point_is_taken(document: Document) -> None:
    faster = [row | {"level": "boost", "latency_us": row["latency_us"] / 2} for row in document["costs"]]
    document["costs"] += faster
    document["operating_points"].append({"name": "boost"})
    assert plan(document).operating_point == "boost"


def test_a_placement_without_a_cost_for_a_layer_does_not_run_it(document: Document) -> None:
    document["costs"] = [
        row for row in document["costs"] if (row["layer"], row["processor"]) != ("conv2", "gpu")
    ]
    found = plan(document, max_stages=1)
    assert found.stages[0].processor == "a57"


def test_a_table_without_a_complete_placement_has_no_baseline(document: Document) -> None:
    keep = {("conv1", "gpu"), ("conv2", "a57"), ("add", "a57")}
    document["costs"] = [row for row in document["costs"] if (row["layer"], row["processor"]) in keep]
    found = plan(document)
    assert (found.baseline, found.gain) == (None, None)


def test_a_row_for_one_processor_and_itself_is_free(document: Document) -> None:
    document["transfers"].append({"from": "a57", "to": "a57", "latency_us": 99.0, "bytes_per_s": 1.0})
    found = plan(document, avoid=("gpu",), cuts=("conv1",))
    assert [stage.time_us for stage in found.stages] == [90.5, 90.5]


def test_forced_choices_are_kept(document: Document) -> None:
    assert {stage.processor for stage in plan(document, use=("a57",), max_stages=2).stages} >= {"a57"}
    assert {stage.processor for stage in plan(document, avoid=("gpu",)).stages} == {"a57"}
    assert [stage.layers for stage in plan(document, cuts=("conv2",)).stages][-1] == ("add",)
    assert all(stage.replicas == 1 for stage in plan(document, no_replicas=True).stages)


def test_a_plans_own_printed_numbers_may_be_its_limits(document: Document) -> None:
    free = plan(document)
    again = plan(document, min_fps=free.throughput_fps, max_latency_ms=free.latency_us / 1e3)
    assert again == free


@pytest.mark.parametrize(
    ("limits", "expected"),
    [
        ({"min_fps": 1e6}, "no plan reaches 1e+06 fps: the fastest makes 2.21e+04 fps"),
        ({"min_fps": 60, "source_fps": 30}, "frames come at 30 fps, and 60 fps are asked for"),
        (
            {"max_latency_ms": 0.01},
            "no plan takes a frame through in 0.01 ms: the least latency is 0.0705 ms",
        ),
        ({"max_stages": 1, "cuts": ("conv1",)}, "the forced cuts make at least 2 stages, and at most 1"),
        (
            {"max_stages": 1, "use": ("a57", "gpu")},
            "the 3 layers of tiny cannot be split over the cores of tx2 within --max-stages 1, --use a57, "
            "--use gpu",
        ),
    ],
)
def test_limits_that_no_plan_meets_are_explained(
    document: Document, limits: dict[str, Any], expected: str
) -> None:
    with pytest.raises(InfeasibleError) as caught:
        plan(document, **limits)
    assert caught.value.message.startswith(expected)
    assert caught.value.hint or "frames come" in expected


def test_a_layer_without_any_cost_is_named(document: Document) -> None:
    document["costs"] = [row for row in document["costs"] if row["layer"] != "conv2"]
    with pytest.raises(InfeasibleError, match="conv2 has no cost on any processor at maxn"):
        plan(document)


@pytest.mark.parametrize(
    ("limits", "expected"),
    [
        ({"use": ("dla",)}, "tx2 has no processor 'dla'"),
        ({"avoid": ("dla",)}, "tx2 has no processor 'dla'"),
        ({"cuts": ("conv9",)}, "tiny has no layer 'conv9'"),
        ({"cuts": ("add",)}, "nothing follows add"),
        ({"avoid": ("a57", "gpu")}, "every processor of tx2 is avoided"),
        ({"use": ("gpu",), "avoid": ("gpu",)}, "gpu cannot be used and avoided at once"),
        ({"max_stages": 0}, "a plan has at least one stage"),
        ({"min_fps": 0.0}, "min_fps is 0.0 fps"),
        ({"max_latency_ms": float("nan")}, "max_latency_ms is nan ms"),
        ({"source_fps": float("inf")}, "source_fps is inf fps"),
    ],
)
def test_limits_that_make_no_sense_are_refused(
    document: Document, limits: dict[str, Any], expected: str
) -> None:
    with pytest.raises(UsageError) as caught:
        plan(document, **limits)
    assert caught.value.message.startswith(expected)


def test_costs_of_nothing_have_no_throughput(document: Document) -> None:
    document["handover_us"] = 0
    for row in document["costs"]:
        row["latency_us"] = 0
    with pytest.raises(InputError, match="would take no time at all"):
        plan(document)
    assert plan(document, source_fps=50).period_us == 20000.0


@pytest.mark.parametrize("scale", [1e-250, 1e-9, 1e9, 1e250])
def test_the_unit_of_the_costs_does_not_matter(make_document: Callable[..., Document], scale: float) -> None:
    chance = random.Random(3)
    document = make_document(chance, layers=6, processors=2, cores=2)
    document |= {"transfers": []}
    plain = plan(document)
    document["handover_us"] *= scale
    for row in document["costs"]:
        row["latency_us"] *= scale
    scaled = plan(document)
    assert shape(scaled) == shape(plain)
    assert scaled.period_us == pytest.approx(plain.period_us * scale, rel=1e-12)


def test_costs_that_no_float_can_add_are_refused(document: Document) -> None:
    for row in document["costs"]:
        row["latency_us"] = 1.7e308
    with pytest.raises(InputError, match="too large to be added up"):
        plan(document)


def test_a_board_with_too_many_combinations_of_cores_is_refused(document: Document) -> None:
    names = [f"p{index}" for index in range(9)]
    document |= {
        "processors": [{"name": name, "cores": 8} for name in names],
        "operating_points": [{"name": "only"}],
        "transfers": [],
        "costs": [
            {"layer": layer["name"], "processor": name, "cores": 1, "level": "only", "latency_us": 1}
            for layer in document["layers"]
            for name in names
        ],
    }
    with pytest.raises(InputError, match="more combinations than the solver takes"):
        plan(document)
