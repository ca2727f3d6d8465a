"""Measured copies become the planner's transfers: a latency and a bandwidth for each direction."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from db.records import BoardRecord, Environment, ProcessorRecord
from db.store import Store
from host.placement import Placement
from host.transfers import layer_hash, transfer_profiles, transfer_rows

ENVIRONMENT = Environment(
    tvm="1",
    tvm_ffi="1",
    target={"kind": "cuda"},
    board_fingerprint="f",
    operating_point="MAXN",
    kernel_version="1",
)
GPU = Placement(
    processor="gpu", cores=1, cpus=(0,), level="1300500000", environment=ENVIRONMENT, device="cuda"
)
CPU = replace(GPU, processor="a57", level="2035200", device="cpu")
SIZES = (4096, 65536, 1 << 20)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(str(tmp_path / "p.sqlite")) as store:
        processors = (ProcessorRecord(name="gpu", kind="gpu", cores=1),)
        store.put_board(BoardRecord(name="b", fingerprint="f", processors=processors, description={}))
        yield store


def put(store: Store, *, latency_us: float, bytes_per_us: float) -> None:
    samples = {str(size): [latency_us + size / bytes_per_us] * 3 for size in SIZES}
    store.put_profiles(transfer_profiles(GPU, {"in": samples, "out": samples}))


def test_a_line_is_found_again(store: Store) -> None:
    put(store, latency_us=20.0, bytes_per_us=4000.0)
    rows = transfer_rows(store, [CPU, GPU], ["a57", "denver2"])
    assert [(row["from"], row["to"]) for row in rows] == [
        ("a57", "gpu"),
        ("gpu", "a57"),
        ("denver2", "gpu"),
        ("gpu", "denver2"),
    ]
    for row in rows:
        assert row["latency_us"] == pytest.approx(20.0)
        assert row["bytes_per_s"] == pytest.approx(4e9)
        assert row["energy_uj"] is None


def test_what_does_not_depend_on_size_has_a_bandwidth_all_the_same(store: Store) -> None:
    put(store, latency_us=3.0, bytes_per_us=1e18)
    (row, *_) = transfer_rows(store, [GPU], ["a57"])
    assert row["latency_us"] == pytest.approx(3.0)
    assert row["bytes_per_s"] >= 1e9


def test_what_was_measured_at_another_point_of_equal_clocks_counts(store: Store) -> None:
    put(store, latency_us=20.0, bytes_per_us=4000.0)
    elsewhere = replace(
        GPU, environment=replace(ENVIRONMENT, operating_point="MAXP"), elsewhere=(ENVIRONMENT,)
    )
    assert len(transfer_rows(store, [elsewhere], ["a57"])) == 2
    assert not transfer_rows(store, [replace(elsewhere, level="114750000")], ["a57"])


def test_boards_of_cpus_have_no_transfers(store: Store) -> None:
    assert not transfer_rows(store, [CPU], ["a57"])


def test_copies_are_not_listed_as_layers(store: Store) -> None:
    put(store, latency_us=20.0, bytes_per_us=4000.0)
    assert layer_hash("in", 4096) == "transfer:in:4096"
    assert not store.profiles()
