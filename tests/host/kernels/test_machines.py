"""Every target is described: by its name, by its features, or modestly by its architecture."""

from typing import Any

import pytest

from host.kernels.machines import Cpu, describe_cpu, describe_gpu


def cpu(name: str = "", triple: str = "aarch64-linux-gnu", **more: Any) -> Cpu:
    return describe_cpu({"kind": "llvm", "mtriple": triple, "mcpu": name, **more})


def x86(name: str = "", *features: str) -> Cpu:
    return cpu(name, "x86_64-linux-gnu", mattr=list(features))


@pytest.mark.parametrize(
    ("name", "multiply_adds", "loads", "kib", "ways"),
    [
        ("cortex-a53", 1, 1, 32, 4),
        ("cortex-a57", 1, 1, 32, 2),
        ("cortex-a72", 1, 1, 32, 2),
        ("cortex-a76", 2, 2, 64, 4),
        ("cortex-a78", 2, 2, 64, 4),
        ("cortex-a78ae", 2, 2, 64, 4),
        ("neoverse-n1", 2, 2, 64, 4),
        ("neoverse-v1", 4, 2, 64, 4),
        ("carmel", 2, 2, 64, 4),
        ("apple-m1", 4, 3, 128, 8),
        ("apple-m3", 4, 3, 128, 8),
    ],
)
def test_arm_cores(name: str, multiply_adds: int, loads: int, kib: int, ways: int) -> None:
    found = cpu(name)
    assert (found.multiply_adds, found.loads) == (multiply_adds, loads)
    assert (found.first_cache_bytes, found.first_cache_ways) == (kib * 1024, ways)
    assert (found.lanes, found.broadcasts_from_memory, found.has_maxnum) == (4, False, True)


@pytest.mark.parametrize(
    ("name", "lanes", "registers"),
    [
        ("x86-64", 4, 16),
        ("x86-64-v2", 4, 16),
        ("x86-64-v3", 8, 16),
        ("x86-64-v4", 16, 32),
        ("haswell", 8, 16),
        ("skylake", 8, 16),
        ("skylake-avx512", 16, 32),
        ("icelake-server", 16, 32),
        ("znver3", 8, 16),
        ("znver4", 16, 32),
        ("znver5", 16, 32),
    ],
)
def test_x86_cores(name: str, lanes: int, registers: int) -> None:
    found = x86(name)
    assert (found.lanes, found.registers, found.broadcasts_from_memory) == (lanes, registers, True)


def test_the_longest_name_that_fits_holds() -> None:
    assert x86("skylake") != x86("skylake-avx512")
    assert cpu("cortex-a720") == cpu("cortex-a78") != cpu("cortex-a72")


def test_a_name_speaks_only_for_its_architecture() -> None:
    assert x86("generic").lanes == x86("cortex-a57").lanes == 4
    assert x86("generic").broadcasts_from_memory
    assert not cpu("generic").broadcasts_from_memory


def test_features_widen_what_the_name_promises() -> None:
    assert x86("generic", "+sse4.2").lanes == 4
    assert x86("x86-64-v2", "+avx2").lanes == 8
    assert x86("", "+avx2", "+avx512f").lanes == 16
    assert x86("znver4", "+avx2") == x86("znver4")


def test_unknown_cores_are_modest_ones_of_their_architecture() -> None:
    assert cpu("cortex-a9000") == cpu("generic") == cpu("", "arm64-apple-darwin")
    assert cpu("generic").multiply_adds == 1
    assert x86("future-lake") == x86("x86-64")
    assert describe_cpu({"kind": "llvm"}) == x86("x86-64")


def test_of_an_unknown_architecture_not_even_vectors_are_expected() -> None:
    assert cpu("", "riscv64-linux-gnu").lanes == 1


def test_gpus_are_described_by_their_capability() -> None:
    assert describe_gpu({"kind": "cuda", "arch": "sm_62"}).multiprocessors == 2
    assert describe_gpu({"kind": "cuda"}).multiprocessors > 0
