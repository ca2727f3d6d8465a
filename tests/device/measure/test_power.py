"""Means of steady stretches carry an error that neither many readings nor rounding can hide."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from device.measure.power import Series, changes_s, hidden_by_steps_mw, mean_power, student_95


def readings(values: list[float], every_s: float = 0.1) -> Series:
    return Series.of([(index * every_s, value) for index, value in enumerate(values)])


def test_reading_the_same_window_more_often_does_not_lower_the_error() -> None:
    values = np.random.default_rng(0).normal(3000, 50, 20)
    errors = [
        power.error_mw
        for often in (1, 4, 16)
        if (
            power := mean_power(
                readings(list(np.repeat(values, often)), 0.4 / often), window_s=0.4, step_mw=0
            )
        )
    ]
    assert errors == pytest.approx([errors[0]] * 3, rel=0.1)


def test_too_few_readings_give_nothing() -> None:
    assert mean_power(readings([]), window_s=0.4) is None
    assert mean_power(readings([2000.0] * 8), window_s=0.4) is None


def test_a_reading_that_never_changes_may_be_off_by_a_step() -> None:
    power = mean_power(readings([2052.0] * 100), window_s=0.4, step_mw=76.0)
    assert power is not None
    assert power.error_mw == pytest.approx(1.96 * 76 / np.sqrt(12))
    assert power.distinct == 1


def test_slow_wandering_widens_the_error() -> None:
    values = list(3000 + 100 * np.sin(np.linspace(0, 2 * np.pi, 400)))
    slow = mean_power(readings(values), window_s=0.2, step_mw=0)
    random = mean_power(readings(list(np.random.default_rng(1).permutation(values))), window_s=0.2, step_mw=0)
    assert slow is not None
    assert random is not None
    assert slow.error_mw > 1.5 * random.error_mw


@given(st.floats(0, 500), st.floats(1, 100))
def test_rounding_hides_at_most_a_steps_deviation(sd_mw: float, step_mw: float) -> None:
    assert 0 <= hidden_by_steps_mw(sd_mw, step_mw) <= step_mw / np.sqrt(12)


@pytest.mark.parametrize(
    ("freedom", "quantile"), [(2, 4.303), (5, 2.571), (9, 2.262), (30, 2.042), (1000, 1.962)]
)
def test_quantiles_are_students(freedom: int, quantile: float) -> None:
    assert student_95(freedom) == pytest.approx(quantile, rel=0.04 if freedom < 5 else 0.002)


def test_the_window_is_the_time_between_changes() -> None:
    steps = np.random.default_rng(2).integers(0, 5, 40).cumsum() + np.arange(40)
    series = readings([float(value) for value in np.repeat(steps, 20)], every_s=0.02)
    assert changes_s(series) == pytest.approx(0.4)
    assert changes_s(readings([1.0] * 50)) is None
