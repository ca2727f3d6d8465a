"""Whole networks become CUDA source that compilers take, on a machine without a GPU."""

import pytest

from host.kernels.specs import Generic
from tests import nvrtc
from tests.bench.cuda_code import kernels_of, source_of

NETWORKS = ("mobilenet", "squeezenet1_1")


@pytest.mark.parametrize("name", NETWORKS)
def test_no_layer_is_left_without_a_kernel_for_gpus(name: str) -> None:
    assert not any(isinstance(spec, Generic) for spec in kernels_of(name).values())


@pytest.mark.parametrize("arch", ["sm_62", "sm_90"])
@pytest.mark.parametrize("name", NETWORKS)
def test_source_is_what_an_old_compiler_takes(name: str, arch: str) -> None:
    for spec in kernels_of(name).values():
        source = source_of(spec, arch)
        assert "__global__" in source
        assert "0x1." not in source


@pytest.mark.parametrize("name", NETWORKS)
def test_source_compiles_for_a_jetson_tx2(name: str) -> None:
    library = nvrtc.library()
    if library is None:
        pytest.skip("nvidia-cuda-nvrtc-cu12 is not installed")
    for spec in kernels_of(name).values():
        assert nvrtc.compiled(library, source_of(spec, "sm_62"), "sm_62")
