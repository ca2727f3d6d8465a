"""CUDA kernels compute what the formulas say, on an emulation of a GPU, however they are scheduled."""

import shutil
from random import Random

import numpy as np
import pytest

from host.kernels import cuda
from host.kernels.forms import Form
from host.kernels.machines import describe_gpu
from host.kernels.specs import Convolution, Lrn, Pooling, Softmax
from host.kernels.variants import GpuDot, GpuTile, GpuWindow, Variant, name_of, variant_of
from tests.host.kernels.cuda_emulation import COMPILER, compiled, emulate
from tests.host.kernels.reference import Case, Kernel
from tests.host.kernels.shapes import a_channel_count, an_epilogue, an_image
from tests.host.kernels.test_convolution import a_convolution, a_depthwise_convolution
from tests.host.kernels.test_pointwise import a_pointwise
from tests.host.kernels.test_window import a_pooling

pytestmark = pytest.mark.skipif(shutil.which(COMPILER) is None, reason=f"{COMPILER} is not installed")

ARCHS = ("sm_62", "sm_90")


def assert_computes(spec: Kernel, variant: Variant, arch: str) -> None:
    case = Case.of(spec)
    program = compiled(cuda.emit(spec, variant, describe_gpu({"kind": "cuda", "arch": arch})), arch)
    output = np.full(spec.output.shape, np.nan, "float32")
    *_, found = emulate(program, [*case.arguments(variant), output])
    np.testing.assert_allclose(found, case.expected(), rtol=1e-5, atol=1e-5)


def a_variant(random: Random, spec: Kernel, arch: str) -> Variant:
    return random.choice(cuda.candidates(spec, describe_gpu({"kind": "cuda", "arch": arch})))


@pytest.mark.parametrize("seed", range(16))
def test_convolutions(seed: int) -> None:
    random = Random(f"cuda {seed}")
    spec, arch = a_convolution(random), random.choice(ARCHS)
    assert_computes(spec, a_variant(random, spec, arch), arch)


@pytest.mark.parametrize("seed", range(6))
def test_depthwise_convolutions(seed: int) -> None:
    random = Random(f"cuda {seed}")
    spec, arch = a_depthwise_convolution(random), random.choice(ARCHS)
    assert_computes(spec, a_variant(random, spec, arch), arch)


@pytest.mark.parametrize("seed", range(6))
def test_poolings(seed: int) -> None:
    random = Random(f"cuda {seed}")
    spec, arch = a_pooling(random), random.choice(ARCHS)
    assert_computes(spec, a_variant(random, spec, arch), arch)


@pytest.mark.parametrize("seed", range(5))
def test_pointwise(seed: int) -> None:
    random = Random(f"cuda {seed}")
    spec, arch = a_pointwise(random), random.choice(ARCHS)
    assert_computes(spec, a_variant(random, spec, arch), arch)


@pytest.mark.parametrize("seed", range(4))
def test_normalisations(seed: int) -> None:
    random = Random(f"cuda {seed}")
    channels = a_channel_count(random)
    image = an_image(random, batch=1, channels=channels, height=3, width=random.randint(1, 9))
    flat = Form(batch=2, channels=channels, rank=2)
    specs: tuple[Kernel, ...] = (
        Softmax(input=flat, output=flat),
        Lrn(
            input=image,
            output=image,
            size=5,
            alpha=1e-2,
            beta=0.75,
            bias=1.0,
            epilogue=an_epilogue(random, image),
        ),
    )
    for spec in specs:
        assert_computes(spec, a_variant(random, spec, "sm_62"), "sm_62")


@pytest.mark.parametrize(
    "variant", [GpuTile(32, 64, 16, 4, 4, 1), GpuTile(64, 32, 8, 8, 4, 3), GpuTile(16, 16, 32, 4, 4, 2)]
)
def test_a_convolution_in_tiles_that_do_not_fit(variant: GpuTile) -> None:
    spec = Convolution(
        input=Form(channels=21, height=9, width=7, halo=(1, 1)),
        output=Form(channels=37, height=9, width=7, halo=(1, 1)),
        kernel=(3, 3),
        padding=(1, 1),
    )
    assert_computes(spec, variant, "sm_62")


def test_a_fully_connected_layer_shares_its_sums() -> None:
    spec = Convolution(
        input=Form(channels=24, height=3, width=3),
        output=Form(channels=33, height=1, width=1),
        kernel=(3, 3),
        weights="dense",
    )
    found = cuda.candidates(spec, describe_gpu({"kind": "cuda", "arch": "sm_62"}))
    assert all(isinstance(variant, GpuDot) for variant in found)
    assert_computes(spec, found[0], "sm_62")


def test_a_mean_of_a_whole_image_shares_its_window() -> None:
    spec = Pooling(
        input=Form(channels=40, height=7, width=7),
        output=Form(channels=40, height=1, width=1),
        kernel=(7, 7),
        kind="average",
    )
    found = cuda.candidates(spec, describe_gpu({"kind": "cuda", "arch": "sm_90"}))
    shared = next(v for v in found if isinstance(v, GpuWindow) and v.slices > 1)
    assert_computes(spec, shared, "sm_90")


def test_there_are_few_candidates_and_each_has_a_name() -> None:
    for seed in range(40):
        spec = a_convolution(Random(seed))
        found = cuda.candidates(spec, describe_gpu({"kind": "cuda", "arch": ARCHS[seed % 2]}))
        assert 1 <= len(found) <= 8
        assert [variant_of(name_of(variant)) for variant in found] == list(found)
