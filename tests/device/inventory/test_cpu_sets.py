"""Sets of CPUs are read and written in the kernel's form."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device.inventory.cpu_sets import read_cpu_set, write_cpu_set


@given(st.frozensets(st.integers(min_value=0, max_value=300), min_size=1))
def test_what_is_written_can_be_read(cpus: frozenset[int]) -> None:
    assert read_cpu_set(write_cpu_set(cpus)) == cpus


@given(st.text())
def test_any_text_is_a_set_or_none(text: str) -> None:
    cpus = read_cpu_set(text)
    assert cpus is None or all(cpu >= 0 for cpu in cpus)


@pytest.mark.parametrize(
    ("text", "cpus"),
    [("0", {0}), ("0,3-5\n", {0, 3, 4, 5}), ("2-2", {2}), ("domain,1-2", {1, 2}), ("3-1", None), ("", None)],
)
def test_the_kernels_form_is_understood(text: str, cpus: set[int] | None) -> None:
    assert read_cpu_set(text) == cpus


def test_ranges_are_written_short() -> None:
    assert write_cpu_set([0, 3, 4, 5]) == "0, 3-5"
    assert write_cpu_set([]) == "-"
