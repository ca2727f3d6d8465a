import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from db.records import (
    BoardRecord,
    Environment,
    LayerRecord,
    ModelRecord,
    ProcessorRecord,
    Profile,
    ProfileStatus,
)
from db.store import Store
from host.layers.graph import KernelCall, Layer, LayerGraph, Tensor

if TYPE_CHECKING:
    from tests.host.cli.conftest import Cli

LATENCIES_US = {
    ("conv1", "a57", 2): 5210.0,
    ("fc", "a57", 2): 800.0,
    ("conv1", "gpu", 1): 1500.0,
    ("fc", "gpu", 1): 900.0,
}


def layer(name: str, source: str, target: str) -> Layer:
    call = KernelCall(kernel=f"kernel-{name}", arguments=(source, target))
    return Layer(
        name=name,
        calls=(call,),
        inputs=(source,),
        outputs=(target,),
        weights=(),
        flops=1e6,
        structural_hash=f"hash-{name}",
    )


GRAPH = LayerGraph(
    name="tiny",
    inputs=("x",),
    outputs=(("out", "t2"),),
    tensors={
        name: Tensor(name=name, shape=(size,), dtype="float32")
        for name, size in (("x", 8), ("t1", 4), ("t2", 2))
    },
    layers=(layer("conv1", "x", "t1"), layer("fc", "t1", "t2")),
    kernels={},
)


def board(name: str) -> BoardRecord:
    processors = (
        ProcessorRecord(name="a57", kind="cpu", cores=4),
        ProcessorRecord(name="gpu", kind="gpu", cores=1),
    )
    return BoardRecord(name=name, fingerprint=f"print-{name}", processors=processors, description={})


def model() -> ModelRecord:
    layers = tuple(
        LayerRecord(name=one.name, structural_hash=one.structural_hash, flops=one.flops, output_bytes=16)
        for one in GRAPH.layers
    )
    return ModelRecord(
        name="tiny", fingerprint="model-1", weight_bytes=0, layers=layers, graph=GRAPH.to_document()
    )


def profile(board_name: str, layer_name: str, processor: str, cores: int, latency_us: float) -> Profile:
    environment = Environment(
        tvm="0.27",
        tvm_ffi="0.1",
        target={"kind": "llvm"},
        board_fingerprint=f"print-{board_name}",
        operating_point="maxn",
        kernel_version="1",
    )
    return Profile(
        layer_hash=f"hash-{layer_name}",
        environment=environment,
        processor=processor,
        cores=cores,
        level="fast",
        latency_us=latency_us,
        latency_mad_us=1.0,
        samples_us=(latency_us, latency_us),
        status=ProfileStatus.STEADY,
        measured_at=datetime(2026, 1, 1, tzinfo=UTC),
    )


def remeasured(latency_us: float) -> Profile:
    newer = profile("tx2", "conv1", "gpu", 1, latency_us)
    environment = replace(newer.environment, kernel_version="2")
    return replace(newer, environment=environment, measured_at=datetime(2026, 2, 1, tzinfo=UTC))


def fill(database: Path, board_name: str) -> None:
    with Store.open(database) as store:
        store.put_board(board(board_name))
        store.put_model(model())
        store.put_profiles([profile(board_name, *key, latency) for key, latency in LATENCIES_US.items()])


@pytest.fixture
def database(tmp_path: Path) -> Path:
    path = tmp_path / "profiles.sqlite"
    fill(path, "tx2")
    return path


def test_list_adds_a_network_up_on_every_placement(cli: "Cli", database: Path) -> None:
    document = cli("profiles", "list", "--db", database, "--json").document
    found = {entry["placement"]: entry["latency_us"] for entry in document["placements"]}
    assert found == {"a57x2": 6010.0, "gpu": 2400.0}


def test_list_for_people_has_units_and_no_invented_energy(cli: "Cli", database: Path) -> None:
    answer = cli("profiles", "list", "--db", database)
    assert "6.01 ms" in answer.out
    assert "no sensor" in answer.out


def test_list_of_nothing_says_how_to_measure(cli: "Cli", database: Path) -> None:
    answer = cli("profiles", "list", "--model", "unknown", "--db", database)
    assert answer.code == 0
    assert "host profile" in answer.out


def test_show_has_every_layer_and_under_json_its_samples(cli: "Cli", database: Path) -> None:
    assert "conv1" in cli("profiles", "show", "tiny", "--db", database).out
    chosen = ("--layer", "conv1", "--processor", "gpu", "--status", "steady")
    document = cli("profiles", "show", "tiny", *chosen, "--db", database, "--json").document
    (entry,) = document["profiles"]
    assert (entry["layer"], entry["placement"], entry["samples_us"]) == ("conv1", "gpu", [1500.0, 1500.0])


TRIED_US = {"direct-1-14-32-pixels": 1800.0, "winograd-4-32": 1500.0, "direct-1-7-64-pixels": 1650.0}


@pytest.fixture
def scheduled(database: Path) -> Path:
    """A database in which one layer was given the fastest of three schedules."""
    chosen = profile("tx2", "conv1", "gpu", 1, 1490.0)
    with Store.open(database) as store:
        store.put_profiles([replace(chosen, schedule="winograd-4-32", candidates_us=TRIED_US)])
    return database


def test_show_names_the_schedule_and_how_far_the_next_was_behind(
    cli: "Cli", scheduled: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "160")
    lines = cli("profiles", "show", "tiny", "--layer", "conv1", "--db", scheduled).out.splitlines()
    (chosen,) = (line for line in lines if "gpu" in line)
    assert chosen.endswith("winograd-4-32, best of 3, next +10.0 %")
    (unknown,) = (line for line in lines if "a57x2" in line)
    assert unknown.endswith("steady")


def test_show_has_the_runner_up_under_json(cli: "Cli", scheduled: Path) -> None:
    document = cli("profiles", "show", "tiny", "--layer", "conv1", "--db", scheduled, "--json").document
    found = {entry["placement"]: entry for entry in document["profiles"]}
    assert found["gpu"]["schedule"] == "winograd-4-32"
    assert found["gpu"]["candidates_us"] == TRIED_US
    assert found["gpu"]["runner_up"] == {
        "schedule": "direct-1-7-64-pixels",
        "latency_us": 1650.0,
        "slower_by": pytest.approx(0.1),
    }
    assert found["a57x2"]["schedule"] is None
    assert found["a57x2"]["candidates_us"] == {}
    assert found["a57x2"]["runner_up"] is None


def test_a_hundred_columns_and_forty_show_the_same_layers(
    cli: "Cli", scheduled: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for columns in ("100", "40"):
        monkeypatch.setenv("COLUMNS", columns)
        answer = cli("profiles", "show", "tiny", "--db", scheduled)
        assert max(map(len, answer.out.splitlines())) <= int(columns)
        assert answer.out.count("conv1") == 2
        assert answer.out.count("+10.0") == 1


def test_export_can_be_solved(cli: "Cli", database: Path, tmp_path: Path) -> None:
    path = tmp_path / "tiny.json"
    assert cli("profiles", "export", "tiny", "--db", database, "-o", path).out == ""
    document = cli("profiles", "export", "tiny", "--db", database).document
    assert document == json.loads(path.read_text())
    plan = cli("solve", path, "--json").document
    assert [(stage["processor"], stage["cores"]) for stage in plan["stages"]] == [("gpu", 1), ("a57", 2)]


def test_export_leaves_out_what_a_newer_measurement_superseded(cli: "Cli", database: Path) -> None:
    with Store.open(database) as store:
        store.put_profiles([remeasured(1200.0)])
    costs = cli("profiles", "export", "tiny", "--db", database).document["costs"]
    found = [cost["latency_us"] for cost in costs if (cost["layer"], cost["processor"]) == ("conv1", "gpu")]
    assert found == [1200.0]


def test_export_of_a_network_on_several_boards_asks_which(cli: "Cli", database: Path) -> None:
    fill(database, "rk3399")
    answer = cli("profiles", "export", "tiny", "--db", database)
    assert answer.code == 3
    assert "rk3399, tx2" in answer.err
    chosen = cli("profiles", "export", "tiny", "--board", "rk3399", "--db", database)
    assert chosen.document["board"] == "rk3399"


def test_export_of_an_unknown_network_suggests_one(cli: "Cli", database: Path) -> None:
    answer = cli("profiles", "export", "tinny", "--db", database, "--json")
    assert answer.code == 3
    assert "'tiny'" in answer.document["error"]["hint"]


def test_an_imported_file_is_listed_and_exported_as_it_was(
    cli: "Cli", database: Path, tmp_path: Path
) -> None:
    path, other = tmp_path / "tiny.json", tmp_path / "other.sqlite"
    document: dict[str, Any] = cli("profiles", "export", "tiny", "--db", database).document
    document["transfers"] = [
        {"from": "a57", "to": "gpu", "latency_us": 20.0, "bytes_per_s": 4e9, "energy_uj": None}
    ]
    path.write_text(json.dumps(document))
    counted = cli("profiles", "import", path, "--db", other, "--json").document
    assert counted == {"model": "tiny", "board": "tx2", "profiles": len(LATENCIES_US)}
    listed = cli("profiles", "list", "--db", other, "--json").document["placements"]
    assert sorted(entry["latency_us"] for entry in listed) == [2400.0, 6010.0]
    assert cli("profiles", "export", "tiny", "--db", other).document == document


def test_importing_twice_changes_nothing(cli: "Cli", database: Path, tmp_path: Path) -> None:
    path, other = tmp_path / "tiny.json", tmp_path / "other.sqlite"
    cli("profiles", "export", "tiny", "--db", database, "-o", path)
    cli("profiles", "import", path, "--db", other)
    once = cli("profiles", "export", "tiny", "--db", other).document
    assert cli("profiles", "import", path, "--db", other).code == 0
    assert cli("profiles", "export", "tiny", "--db", other).document == once


def test_importing_rubbish_stores_nothing(cli: "Cli", tmp_path: Path) -> None:
    path, other = tmp_path / "rubbish.json", tmp_path / "other.sqlite"
    path.write_text('{"schema": "stageline.profile/1"}')
    assert cli("profiles", "import", path, "--db", other).code == 3
