"""The bound is the optimum of its linear program: a split and prices of equal value prove each other."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from host.planner.bound import Floats, fractional_bound


def two_processors(work: Floats, cores: Floats) -> float:
    """The optimum by hand: layers go to the first processor in the order of how much it suits them."""
    ratio = work[:, 0] / work[:, 1]
    order = np.argsort(ratio)
    first, second = 0.0, float(work[:, 1].sum())
    for layer in order:
        here, there = work[layer]
        share = (second * cores[0] - first * cores[1]) / (here * cores[1] + there * cores[0])
        if share <= 1:
            return float((first + share * here) / cores[0])
        first, second = first + here, second - there
    return float(first / cores[0])


@pytest.mark.parametrize("seed", range(20))
def test_the_bound_of_two_processors_is_the_optimum(seed: int) -> None:
    chance = np.random.default_rng(seed)
    work = chance.uniform(0.1, 10.0, size=(30, 2))
    cores = chance.integers(1, 5, size=2).astype(np.float64)
    assert fractional_bound(work, cores).period == pytest.approx(two_processors(work, cores), rel=1e-9)


def test_equal_processors_share_the_work_by_their_cores() -> None:
    work = np.repeat(np.array([[3.0], [5.0], [4.0]]), 3, axis=1)
    assert fractional_bound(work, np.array([2.0, 3.0, 1.0])).period == pytest.approx(2.0)


def test_a_layer_that_runs_on_one_processor_only_stays_there() -> None:
    work = np.array([[10.0, np.inf], [10.0, 1.0]])
    assert fractional_bound(work, np.array([1.0, 1.0])).period == pytest.approx(10.0)


def test_no_work_takes_no_time() -> None:
    assert fractional_bound(np.array([[0.0, 5.0]]), np.array([1.0, 1.0])).period == 0
    assert fractional_bound(np.zeros((2, 2)), np.array([1.0, 1.0])).period == 0


WORK = st.integers(1, 4).flatmap(
    lambda processors: st.lists(
        st.lists(
            st.one_of(st.just(np.inf), st.floats(0.0, 1e6)), min_size=processors, max_size=processors
        ).filter(lambda row: min(row) < np.inf),
        min_size=1,
        max_size=6,
    )
)


@settings(deadline=None)
@given(WORK, st.lists(st.integers(1, 8), min_size=4, max_size=4))
def test_no_split_into_tenths_beats_the_bound(rows: list[list[float]], counts: list[int]) -> None:
    work, cores = np.array(rows), np.array(counts[: len(rows[0])], dtype=np.float64)
    bound = fractional_bound(work, cores)
    chance = np.random.default_rng(0)
    for _ in range(50):
        shares = chance.multinomial(10, np.full(cores.shape, 1 / len(cores)), size=len(rows)) / 10
        used = (shares * np.where(shares > 0, work, 0)).sum(axis=0)
        assert (used / cores).max() >= bound.period * (1 - 1e-9)


@settings(deadline=None)
@given(WORK, st.lists(st.integers(1, 8), min_size=4, max_size=4))
def test_the_prices_prove_the_bound(rows: list[list[float]], counts: list[int]) -> None:
    work, cores = np.array(rows), np.array(counts[: len(rows[0])], dtype=np.float64)
    bound = fractional_bound(work, cores)
    assert (bound.prices >= 0).all()
    assert bound.prices @ cores == pytest.approx(1.0)
    finite = np.where(np.isfinite(work), work, 0)
    worth = np.where(np.isfinite(work), finite * bound.prices, np.inf).min(axis=1)
    assert bound.period == pytest.approx(worth.sum(), rel=1e-9, abs=1e-9)
    assert (np.diff(bound.rest) <= 0).all()


@pytest.mark.parametrize("seed", range(10))
def test_no_other_prices_are_better(seed: int) -> None:
    chance = np.random.default_rng(seed)
    work = np.round(chance.lognormal(0.0, 1.0, size=(40, 5)), 1)
    cores = chance.integers(1, 5, size=5).astype(np.float64)
    bound = fractional_bound(work, cores)
    for scale in (1.0, 0.1, 0.01):
        for _ in range(200):
            prices = bound.prices * np.exp(scale * chance.normal(size=5)) + scale * 0.1 * chance.random(5)
            prices = prices / (prices @ cores)
            assert (work * prices).min(axis=1).sum() <= bound.period * (1 + 1e-9)
