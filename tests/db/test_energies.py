"""Energies come back with what they were computed from, and give the profiles their number."""

import math
from dataclasses import replace
from typing import Any

import pytest

from db.errors import RecordError
from db.records import LayerEnergy
from db.store import Store


@pytest.fixture
def energy(samples: Any) -> LayerEnergy:
    found: LayerEnergy = samples.energy()
    return found


@pytest.fixture
def known(store: Store, samples: Any) -> Store:
    store.put_board(samples.board())
    store.put_model(samples.model())
    store.put_profiles(samples.profiles())
    return store


def test_energies_come_back_as_they_went_in(known: Store, energy: LayerEnergy) -> None:
    faint = replace(energy, layer_hash="hash-fc", energy_uj=-3.0, energy_error_uj=9.0, is_resolved=False)
    known.put_energies([energy, faint])
    fingerprint = energy.environment.fingerprint
    assert known.energies_for(fingerprint, ["hash-conv1", "hash-fc"]) == (energy, faint)
    assert known.energies_for(fingerprint, ["hash-conv2"]) == ()
    assert known.energies_for("elsewhere", ["hash-conv1"]) == ()


def test_an_energy_replaces_an_older_one(known: Store, energy: LayerEnergy) -> None:
    known.put_energies([energy])
    again = replace(energy, energy_uj=1100.0)
    known.put_energies([again])
    assert known.energies_for(energy.environment.fingerprint, ["hash-conv1"]) == (again,)


def test_profiles_show_energy_and_error(known: Store, energy: LayerEnergy) -> None:
    known.put_energies([energy])
    rows = {(row.layer, row.processor): row for row in known.profiles()}
    assert rows["conv1", "a57"].energy_uj == 1200.0
    assert rows["conv1", "a57"].energy_error_uj == 14.4
    assert rows["conv1", "gpu"].energy_uj is None
    assert rows["fc", "a57"].energy_error_uj is None


def test_a_profile_is_never_given_less_than_no_energy(known: Store, energy: LayerEnergy) -> None:
    known.put_energies([replace(energy, energy_uj=-3.0, is_resolved=False)])
    (profile,) = [
        row for row in known.profiles_for(energy.environment.fingerprint, ["hash-conv1"]) if row.cores == 2
    ]
    assert profile.energy_uj == 0.0


def test_a_profile_that_is_measured_anew_has_no_energy_until_that_is_too(
    known: Store, energy: LayerEnergy, samples: Any
) -> None:
    known.put_energies([energy])
    known.put_profiles([samples.profile(latency_us=90.0)])
    (row,) = [row for row in known.profiles() if (row.layer, row.processor) == ("conv1", "a57")]
    assert (row.energy_uj, row.energy_error_uj) == (None, None)


def test_a_board_has_one_idle_power_at_each_operating_point(known: Store, samples: Any) -> None:
    record, slow = samples.idle_power(), samples.idle_power(operating_point="maxq")
    known.put_idle_power(samples.idle_power(rail="something else"))
    known.put_idle_power(record)
    known.put_idle_power(slow)
    assert known.idle_powers("board-1") == {"maxn": record, "maxq": slow}
    assert known.idle_powers("board-2") == {}


def test_total_energy_contains_the_idle_boards(energy: LayerEnergy) -> None:
    assert energy.total_energy_uj == pytest.approx(2000.0)


def test_what_is_no_number_is_refused(energy: LayerEnergy) -> None:
    with pytest.raises(RecordError):
        replace(energy, energy_uj=math.nan)
