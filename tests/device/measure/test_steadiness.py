"""A layer is steady when its median is known well enough, and no sooner."""

import numpy as np

from device.measure.steadiness import MIN_SAMPLES, judge, median_error


def test_quiet_samples_are_steady() -> None:
    quiet = np.random.default_rng(0).normal(100.0, 1.0, 50)
    assert judge([quiet]).is_steady


def test_few_samples_are_never_steady() -> None:
    assert not judge([np.full(MIN_SAMPLES - 1, 100.0)]).is_steady


def test_scattered_samples_are_not_steady() -> None:
    scattered = np.random.default_rng(0).uniform(50.0, 150.0, 20)
    assert not judge([scattered]).is_steady


def test_one_late_sample_does_not_spoil_a_layer() -> None:
    samples = np.random.default_rng(0).normal(100.0, 1.0, 50)
    samples[7] = 1e6
    assert judge([samples]).is_steady


def test_scatter_of_a_layer_too_short_to_matter_is_forgiven() -> None:
    long = np.random.default_rng(0).normal(100_000.0, 10.0, 20)
    short = np.random.default_rng(1).uniform(1.0, 3.0, 20)
    assert judge([long, short]).steady == (True, True)
    assert judge([short]).steady == (False,)


def test_error_of_the_median_shrinks_with_the_root_of_the_number() -> None:
    random = np.random.default_rng(0)
    few, many = random.normal(100, 10, 400), random.normal(100, 10, 40_000)
    assert 7 < median_error(few) / median_error(many) < 14
