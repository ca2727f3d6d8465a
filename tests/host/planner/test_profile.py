"""Profile files: what is read, and what is refused with which words."""

import copy
import json
import random
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from host.errors import InputError
from host.planner import Cost, Placement, parse_profile, profile_document

Document = dict[str, Any]


def put(document: Document, path: str, value: object) -> Document:
    """A copy with one value replaced; the path as in messages, an unknown key is added."""
    changed = copy.deepcopy(document)
    *parents, last = path.replace("[", ".").replace("]", "").split(".")
    target: Any = changed
    for part in parents:
        target = target[int(part) if part.isdigit() else part]
    target[int(last) if last.isdigit() else last] = value
    return changed


def message(document: object) -> str:
    with pytest.raises(InputError) as caught:
        parse_profile(document)
    assert "\n" not in caught.value.message
    return caught.value.message


def test_every_number_of_a_profile_is_read(document: Document) -> None:
    table = parse_profile(document)
    assert [layer.name for layer in table.layers] == ["conv1", "conv2", "add"]
    assert table.layers[2].inputs == ("conv2", "conv1")
    key = (Placement(processor="a57", cores=2), "2035200")
    assert table.layers[1].costs[key] == Cost(latency_us=35.0, energy_uj=70.0)
    assert table.operating_points[0].idle_power_mw == 2000.0
    assert table.transfer("a57", "gpu") == table.transfers[0]
    assert table.handover_us == 0.5


def test_a_profile_survives_writing_and_reading(document: Document) -> None:
    table = parse_profile(document)
    written = profile_document(table)
    for cost in document["costs"]:
        cost.setdefault("busy_latency_us", None)
    assert sorted(written.pop("costs"), key=str) == sorted(document.pop("costs"), key=str)
    assert written == document
    assert parse_profile(json.loads(json.dumps(profile_document(table)))) == table


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.randoms(use_true_random=False))
def test_any_profile_survives_writing_and_reading(
    make_document: Callable[..., Document], chance: random.Random
) -> None:
    table = parse_profile(make_document(chance, layers=5, processors=3, cores=3))
    assert parse_profile(json.loads(json.dumps(profile_document(table)))) == table


def test_a_processor_without_a_level_has_the_operating_points_name(document: Document) -> None:
    del document["operating_points"][0]["levels"]
    for row in document["costs"]:
        row["level"] = "maxn"
    assert parse_profile(document).operating_points[0].level("gpu") == "maxn"


def test_what_may_be_missing_may_be_missing(document: Document) -> None:
    del document["transfers"]
    del document["operating_points"][0]["idle_power_mw"]
    for row in document["costs"]:
        del row["energy_uj"]
    table = parse_profile(document)
    assert table.transfers == ()
    assert all(cost.energy_uj is None for layer in table.layers for cost in layer.costs.values())


def test_every_live_tensor_crosses_a_cut(document: Document) -> None:
    assert parse_profile(document).crossing_bytes == (0, 4000, 6000)


def test_an_output_of_the_model_that_no_layer_reads_crosses_nothing(document: Document) -> None:
    document["layers"][2]["inputs"] = ["input"]
    assert parse_profile(document).crossing_bytes == (0, 4000, 0)


@pytest.mark.parametrize(
    ("path", "value", "expected"),
    [
        ("schema", "stageline.profile/2", 'schema is "stageline.profile/2"; this version reads'),
        ("color", 1, 'unknown key "color"'),
        ("model", 3, "model is 3, not text"),
        ("model", "", 'model is ""; a name must be printable and not empty'),
        ("model", "a\nb", 'model is "a\\nb"; a name must be printable'),
        ("model", "\ud800", 'model is "\\ud800"; a name must be printable'),
        ("layers", [], "layers is empty; there must be at least one"),
        ("layers", {}, "layers is an object, not a list"),
        ("layers[1]", 5, "layers[1] is 5, not an object"),
        ("layers[1].name", "conv1", "layers[1].name repeats layers[0].name"),
        ("layers[1].name", "input", 'layers[1].name is "input", which stands for the model\'s input'),
        ("layers[1].inputs", "conv1", 'layers[1].inputs is "conv1", not a list'),
        ("layers[1].inputs[0]", None, "layers[1].inputs[0] is null, not text"),
        ("layers[1].inputs", ["add"], "layers[1].inputs names add, and no earlier layer has this name"),
        ("layers[1].inputs", ["conv2"], "layers[1].inputs names conv2, and no earlier layer"),
        ("layers[1].output_bytes", 1.5, "layers[1].output_bytes is 1.5, not a whole number"),
        ("layers[1].output_bytes", True, "layers[1].output_bytes is true, not a number"),
        ("layers[1].output_bytes", 10**400, "layers[1].output_bytes is a number of more than 30 digits"),
        ("input_bytes", -1, "input_bytes is -1; it must not be negative"),
        ("processors[0].cores", 0, "processors[0].cores is 0; it must be at least 1"),
        ("processors[1].name", "a57", "processors[1].name repeats processors[0].name"),
        ("operating_points[0].levels", {"dla": "x"}, "operating_points[0].levels names dla, and no proc"),
        ("operating_points[0].levels", None, "operating_points[0].levels is null, not an object"),
        ("operating_points[0].levels.a57", 5, "operating_points[0].levels.a57 is 5, not text"),
        ("operating_points[0].idle_power_mw", -0.5, "operating_points[0].idle_power_mw is -0.5; it must not"),
        ("costs[3].latency_us", float("nan"), "costs[3].latency_us is NaN, not a finite number"),
        ("costs[3].latency_us", float("inf"), "costs[3].latency_us is Infinity, not a finite number"),
        ("costs[3].latency_us", -2.0, "costs[3].latency_us is -2.0; it must not be negative"),
        ("costs[3].latency_us", None, "costs[3].latency_us is null, not a number"),
        ("costs[3].latency_us", "12", 'costs[3].latency_us is "12", not a number'),
        ("costs[3].energy_uj", False, "costs[3].energy_uj is false, not a number"),
        ("costs[3].power", 1, 'costs[3]: unknown key "power"'),
        ("costs[3].layer", "conv9", 'costs[3].layer is "conv9", and no layer has this name'),
        ("costs[3].processor", "dla", 'costs[3].processor is "dla", and no processor has this name'),
        ("costs[3].cores", 3, "costs[3].cores is 3, and a57 has 2"),
        ("costs[3].level", "1", 'costs[3].level is "1", and no operating point gives a57 this level'),
        ("costs[3].layer", "conv2", None),
        ("transfers[0].bytes_per_s", 0, "transfers[0].bytes_per_s is 0; it must be more than zero"),
        ("transfers[0].to", "dla", 'transfers[0].to is "dla", and no processor has this name'),
        ("transfers[1]", {"from": "a57", "to": "gpu", "latency_us": 0, "bytes_per_s": 1}, "transfers[1] rep"),
        ("handover_us", None, "handover_us is null, not a number"),
    ],
)
def test_what_does_not_fit_is_refused_with_its_place(
    document: Document, path: str, value: object, expected: str | None
) -> None:
    text = message(put(document, path, value))
    assert text.startswith(expected or 'costs[4].layer is "conv2", and an earlier row has its cost')


@pytest.mark.parametrize("key", ["schema", "layers", "input_bytes", "costs", "handover_us", "board"])
def test_what_is_missing_is_named(document: Document, key: str) -> None:
    del document[key]
    assert key in message(document)


@pytest.mark.parametrize("value", [None, 3, "text", [], [{}], object()])
def test_what_is_no_object_is_no_profile(value: object) -> None:
    assert message(value).startswith("the document is ")
