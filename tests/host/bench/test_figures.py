"""Figures are medians over the rounds; ratios compare engines at the same task."""

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from host.bench import Contender, Engine, Entry, Mode, Turn
from host.bench.figures import unsteady

if TYPE_CHECKING:
    from tests.host.bench.conftest import MakeComparison, MakeEntry

OURS, THEIRS = Engine.STAGELINE, Engine.ONNXRUNTIME


def test_a_round_that_was_disturbed_does_not_move_the_figures(entry: "MakeEntry") -> None:
    found = entry(OURS, Mode.SINGLE_CORE, (5.0, 200.0), (50.0, 20.0), (5.2, 192.0))
    assert (found.latency_ms, found.throughput_fps, found.frames) == (5.2, 192.0, 30)


@given(st.lists(st.floats(1, 1e4), min_size=1, max_size=9))
def test_figures_lie_within_the_rounds(rates: list[float]) -> None:
    turns = tuple(Turn(latency_ms=1e3 / rate, throughput_fps=rate, frames=1) for rate in rates)
    found = Entry(contender=Contender(engine=OURS, mode=Mode.PIPELINE), turns=turns)
    assert min(rates) <= found.throughput_fps <= max(rates)
    assert found.scatter >= 0


def test_ratios_are_ours_over_theirs_at_one_core_and_at_each_ones_best(
    entry: "MakeEntry", comparison: "MakeComparison"
) -> None:
    found = comparison(
        [
            entry(THEIRS, Mode.SINGLE_CORE, (8.0, 125.0)),
            entry(THEIRS, Mode.ALL_CORES, (5.0, 200.0)),
            entry(THEIRS, Mode.SESSION_PER_CORE, (9.0, 220.0)),
            entry(OURS, Mode.SINGLE_CORE, (6.0, 166.0)),
            entry(OURS, Mode.ALL_CORES, (4.0, 250.0)),
            entry(OURS, Mode.PIPELINE, (12.0, 330.0)),
        ]
    )
    assert found.ratios.single_core_latency == pytest.approx(0.75)
    assert found.ratios.best_throughput == pytest.approx(1.5)
    assert found.best(THEIRS).contender.mode is Mode.SESSION_PER_CORE
    ours = found.entry(OURS, Mode.ALL_CORES)
    assert ours is not None
    assert ours.latency_ms == 4.0


def test_without_another_engine_there_are_no_ratios(entry: "MakeEntry", comparison: "MakeComparison") -> None:
    found = comparison([entry(OURS, Mode.SINGLE_CORE, (6.0, 166.0))])
    assert found.ratios.single_core_latency is None
    assert found.ratios.best_throughput is None


def test_rounds_that_scatter_are_told_apart(entry: "MakeEntry") -> None:
    calm = entry(OURS, Mode.SINGLE_CORE, (5.0, 200.0), (5.0, 201.0), (5.0, 199.0))
    wild = entry(OURS, Mode.ALL_CORES, (5.0, 200.0), (5.0, 260.0), (5.0, 150.0))
    assert unsteady([calm, wild]) == [wild]
