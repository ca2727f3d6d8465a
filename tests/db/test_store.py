"""Boards, networks and profiles come back as they were stored; what would lose work is refused."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from db.errors import RecordError
from db.records import ProcessorRecord, ProfileFilter, ProfileStatus
from db.store import Store


def test_board_survives(store: Store, samples: Any) -> None:
    store.put_board(samples.board())

    found = store.find_board("tx2")

    assert found is not None
    assert found == samples.board(seen_at=found.seen_at)


def test_board_is_found_by_fingerprint_too(store: Store, samples: Any) -> None:
    store.put_board(samples.board())

    assert store.find_board("board-1") == store.find_board("tx2")
    assert store.find_board("nano") is None


def test_board_with_known_fingerprint_is_renewed(store: Store, samples: Any) -> None:
    store.put_board(samples.board())
    renewed = samples.board(name="kitchen", processors=(ProcessorRecord(name="gpu", kind="gpu", cores=1),))

    store.put_board(renewed)

    (only,) = store.boards()
    assert (only.name, only.processors) == ("kitchen", renewed.processors)


def test_name_means_the_board_seen_last(store: Store, samples: Any) -> None:
    for fingerprint in ("board-1", "board-2", "board-1"):
        store.put_board(samples.board(fingerprint=fingerprint))

    found = store.find_board("tx2")

    assert found is not None
    assert found.fingerprint == "board-1"
    assert [board.fingerprint for board in store.boards()] == ["board-1", "board-2"]


def test_model_survives(store: Store, samples: Any) -> None:
    store.put_model(samples.model())

    found = store.find_model("model-1")

    assert found is not None
    assert found == samples.model(seen_at=found.seen_at)
    assert store.find_model("model-2") is None


def test_model_name_means_the_one_stored_last(store: Store, samples: Any) -> None:
    store.put_model(samples.model())
    store.put_model(samples.model(fingerprint="model-2"))

    found = store.find_model_by_name("tinynet")

    assert found is not None
    assert found.fingerprint == "model-2"
    assert store.find_model_by_name("hugenet") is None


def test_model_with_known_fingerprint_gets_new_layers(store: Store, samples: Any) -> None:
    store.put_model(samples.model())
    layers = (samples.layer("conv1"), samples.layer("conv2", structural_hash="hash-conv1"))

    store.put_model(samples.model(layers=layers))

    (summary,) = store.models()
    assert (summary.layers, summary.different_layers, summary.flops) == (2, 1, 4e6)


def test_model_with_a_layer_name_twice_is_refused_whole(store: Store, samples: Any) -> None:
    with pytest.raises(RecordError):
        store.put_model(samples.model(layers=(samples.layer("conv1"), samples.layer("conv1"))))

    assert store.models() == ()


def test_profiles_survive(store: Store, samples: Any) -> None:
    store.put_board(samples.board())
    profile = samples.profile(energy_uj=12.5)

    store.put_profiles([profile])

    assert store.profiles_for(profile.environment.fingerprint, ["hash-conv1"]) == (profile,)


def test_profile_of_another_environment_or_layer_is_never_given(store: Store, samples: Any) -> None:
    store.put_board(samples.board())
    store.put_profiles([samples.profile()])
    other = samples.environment(tvm="0.28.0")

    assert store.profiles_for(other.fingerprint, ["hash-conv1"]) == ()
    assert store.profiles_for(samples.environment().fingerprint, ["hash-fc"]) == ()
    assert store.profiles_for(samples.environment().fingerprint, []) == ()


def test_batch_with_an_unknown_board_stores_nothing(store: Store, samples: Any) -> None:
    store.put_board(samples.board())
    stranger = samples.profile("fc", environment=samples.environment(board_fingerprint="board-9"))

    with pytest.raises(RecordError, match="board-9"):
        store.put_profiles([samples.profile(), stranger])

    assert store.info().counts["profiles"] == 0
    assert store.info().counts["environments"] == 0


def test_no_profiles_are_no_work(store: Store) -> None:
    store.put_profiles([])

    assert store.info().counts["profiles"] == 0


PARTIAL, STEADY, UNSTEADY = ProfileStatus.PARTIAL, ProfileStatus.STEADY, ProfileStatus.UNSTEADY


@pytest.mark.parametrize(
    ("stored", "offered", "is_replaced"),
    [
        ((PARTIAL, 3), (STEADY, 9), True),
        ((PARTIAL, 3), (PARTIAL, 5), True),
        ((PARTIAL, 5), (PARTIAL, 3), False),
        ((STEADY, 3), (PARTIAL, 9), False),
        ((UNSTEADY, 9), (PARTIAL, 12), False),
        ((UNSTEADY, 9), (STEADY, 5), True),
        ((STEADY, 9), (UNSTEADY, 5), True),
        ((STEADY, 9), (STEADY, 5), True),
    ],
)
def test_profile_replaces_another_only_without_losing_work(
    store: Store, samples: Any, stored: tuple[Any, int], offered: tuple[Any, int], is_replaced: bool
) -> None:
    store.put_board(samples.board())
    for status, count in (stored, offered):
        store.put_profiles([samples.profile(status=status, samples_us=(1.0,) * count)])

    (kept,) = store.profiles_for(samples.environment().fingerprint, ["hash-conv1"])

    assert (kept.status, len(kept.samples_us)) == (offered if is_replaced else stored)


def test_each_placement_and_level_has_its_own_profile(store: Store, samples: Any) -> None:
    store.put_board(samples.board())
    variants: list[dict[str, Any]] = [
        {"cores": 1},
        {"cores": 4},
        {"processor": "denver2"},
        {"level": "345600"},
    ]
    store.put_profiles([samples.profile(), *(samples.profile(**changes) for changes in variants)])

    found = store.profiles_for(samples.environment().fingerprint, ["hash-conv1"])

    assert len(found) == 5


@pytest.mark.parametrize(
    ("chosen", "expected"),
    [
        ({}, ["conv1", "conv2", "fc"] * 2),
        ({"processor": "gpu"}, ["conv1", "conv2", "fc"]),
        ({"layer": "fc"}, ["fc", "fc"]),
        ({"cores": 2, "layer": "conv1"}, ["conv1"]),
        ({"level": "1300500000", "layer": "conv2"}, ["conv2"]),
        ({"model": "tinynet", "board": "tx2", "operating_point": "maxn", "layer": "fc"}, ["fc", "fc"]),
        ({"model": "hugenet"}, []),
        ({"board": "nano"}, []),
        ({"status": ProfileStatus.PARTIAL}, []),
    ],
)
def test_listing_follows_the_filter(
    store: Store, samples: Any, chosen: dict[str, Any], expected: list[str]
) -> None:
    samples.fill(store)

    assert [row.layer for row in store.profiles(ProfileFilter(**chosen))] == expected


def test_listing_names_cores_of_cpus_and_accelerators_alone(store: Store, samples: Any) -> None:
    samples.fill(store)

    assert {row.placement for row in store.profiles()} == {"a57x2", "gpu"}


def test_newer_environment_supersedes_the_older(store: Store, samples: Any) -> None:
    samples.fill(store)
    newer = samples.environment(kernel_version="generic-2")
    later = samples.clock()
    later()
    store.put_profiles([samples.profile(environment=newer, latency_us=90.0, measured_at=later())])

    newest = store.profiles(ProfileFilter(layer="conv1", processor="a57"))
    every = store.profiles(ProfileFilter(layer="conv1", processor="a57", newest_only=False))

    assert [row.latency_us for row in newest] == [90.0]
    assert [(row.latency_us, row.is_newest) for row in every] == [(400.0, False), (90.0, True)]


def test_replaced_model_is_listed_once(store: Store, samples: Any) -> None:
    samples.fill(store)
    store.put_model(samples.model(fingerprint="model-2"))

    assert len(store.profiles(ProfileFilter(layer="fc"))) == 2
    assert len(store.profiles(ProfileFilter(layer="fc", newest_only=False))) == 4


def test_totals_add_up_the_layers(store: Store, samples: Any) -> None:
    samples.fill(store)

    totals = store.model_totals(ProfileFilter(model="tinynet"))

    assert [(total.placement, total.latency_us, total.measured_layers) for total in totals] == [
        ("gpu", 590.0, 3),
        ("a57x2", 900.0, 3),
    ]


def test_totals_count_neither_interrupted_nor_missing_layers(store: Store, samples: Any) -> None:
    store.put_board(samples.board())
    store.put_model(samples.model())
    interrupted = samples.profile("conv2", status=PARTIAL)
    store.put_profiles([samples.profile(status=UNSTEADY, energy_uj=7.0), interrupted])

    (total,) = store.model_totals()

    assert (total.layers, total.measured_layers, total.unsteady_layers) == (3, 1, 1)
    assert (total.latency_us, total.energy_uj, total.is_complete) == (100.0, None, False)


def test_threads_share_a_store(store: Store, samples: Any) -> None:
    store.put_board(samples.board())

    def write(worker: int) -> None:
        for index in range(20):
            store.put_profiles([samples.profile(f"{worker}-{index}")])

    with ThreadPoolExecutor(max_workers=4) as threads:
        list(threads.map(write, range(4)))

    assert store.info().counts["profiles"] == 80
