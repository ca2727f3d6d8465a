"""Kernels compiled and linked here for a Cortex-A57 compute on an emulated one what numpy computes.

Not collected by a plain `pytest`: `make test-board` names this file. It needs Debian's package archive and PyPI.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tvm

from host.kernels import cpu
from host.kernels.epilogue import Epilogue, Step
from host.kernels.forms import Form
from host.kernels.machines import describe_cpu
from host.kernels.specs import Convolution, Lrn, Pointwise, Pooling, Separable, Softmax
from host.kernels.variants import Variant, Winograd
from host.linker import link
from tests.emulated_board.board import EmulatedBoard, default_folder, prepare
from tests.host.kernels.reference import Case, Kernel, Separated

TARGET = {"kind": "llvm", "mtriple": "aarch64-linux-gnu", "mcpu": "cortex-a57"}
CPU = describe_cpu(TARGET)
FOLDER = default_folder()  # asked before the tests' own folders take the place of the user's


RUN_TIMEOUT_S = 1200.0

PLAIN, TRANSFORMED = 1e-5, 1e-4
"""Errors allowed, as parts of the largest value; transformations round more."""

BIAS, RELU = Step(operation="add", operands=("x", "o0")), Step(operation="maximum", operands=("s0", 0.0))
BIAS_RELU = Epilogue(operands=(None,), steps=(BIAS, RELU))
SWISH = Epilogue(
    steps=(
        Step(operation="sigmoid", operands=("x",)),
        Step(operation="multiply", operands=("s0", "x")),
    )
)


def form(channels: int, height: int, width: int, halo: int = 0, **more: Any) -> Form:
    return Form(channels=channels, height=height, width=width, halo=(halo, halo), **more)


def convolution(input: Form, output: Form, kernel: int = 1, **more: Any) -> Convolution:
    options: dict[str, Any] = {"padding": (kernel // 2, kernel // 2), "epilogue": BIAS_RELU}
    return Convolution(input=input, output=output, kernel=(kernel, kernel), **options | more)


def pooling(input: Form, output: Form, kernel: int, stride: int, **more: Any) -> Pooling:
    options: dict[str, Any] = {"padding": (kernel // 2, kernel // 2), "kind": "max"}
    return Pooling(
        input=input, output=output, kernel=(kernel, kernel), strides=(stride, stride), **options | more
    )


SPECS: Mapping[str, Kernel] = {
    "1x1": convolution(form(32, 9, 9), form(64, 9, 9)),
    "1x1_into_halo": convolution(form(24, 7, 11), form(20, 7, 11, 1)),
    "1x1_with_few_channels": convolution(form(3, 5, 5), form(7, 5, 5)),
    "1x1_of_one_pixel": convolution(form(129, 1, 1), form(50, 1, 1)),
    "1x1_with_stride": convolution(form(16, 9, 9), form(16, 5, 5), strides=(2, 2)),
    "1x1_with_residual": convolution(
        form(16, 6, 6),
        form(24, 6, 6),
        epilogue=Epilogue(
            operands=(None, form(24, 6, 6, 1)),
            steps=(BIAS, Step(operation="add", operands=("s0", "o1")), RELU),
        ),
    ),
    "3x3": convolution(form(16, 8, 8, 1), form(32, 8, 8), 3),
    "3x3_with_odd_channels": convolution(form(13, 5, 17, 1), form(11, 5, 17, 2), 3),
    "3x3_of_many_channels": convolution(form(48, 14, 14, 1), form(72, 14, 14, 1), 3),
    "3x3_with_stride": convolution(form(8, 9, 9, 1), form(12, 5, 5), 3, strides=(2, 2)),
    "3x3_with_dilation": convolution(form(8, 9, 9, 2), form(8, 9, 9), 3, dilation=(2, 2), padding=(2, 2)),
    "3x3_with_groups": convolution(form(12, 6, 6, 1), form(18, 6, 6), 3, groups=3),
    "3x3_of_two_images": convolution(form(8, 5, 5, 1, batch=2), form(8, 5, 5, batch=2), 3),
    "first_of_a_network": convolution(
        form(3, 16, 16, 1, layout="channels-first"), form(16, 8, 8, 1), 3, strides=(2, 2)
    ),
    "first_with_channels_last": convolution(form(3, 16, 16, 3), form(16, 8, 8), 7, strides=(2, 2)),
    "last_of_a_network": convolution(form(16, 4, 4), form(10, 4, 4, layout="channels-first")),
    "fully_connected": convolution(
        form(8, 3, 3), form(33, 1, 1), 3, padding=(0, 0), weights="dense", epilogue=SWISH
    ),
    "depthwise": convolution(form(32, 9, 9, 1), form(32, 9, 9), 3, groups=32),
    "depthwise_with_tails": convolution(form(13, 7, 5, 2), form(13, 4, 3, 1), 5, groups=13, strides=(2, 2)),
    "max_pooling_of_negative_numbers": pooling(form(20, 9, 9), form(20, 5, 5), 3, 2),
    "max_pooling_over_zeros": pooling(form(32, 8, 8, 1), form(32, 8, 8, 1), 3, 1, is_nonnegative=True),
    "mean_of_what_is_inside": pooling(form(9, 7, 7, 1), form(9, 7, 7), 3, 1, kind="average"),
    "mean_of_windows": pooling(form(16, 7, 7), form(16, 7, 7), 3, 1, kind="average", counts_padding=True),
    "global_mean": pooling(form(37, 7, 7), form(37, 1, 1), 7, 1, kind="average", padding=(0, 0)),
    "concatenation": Pointwise(
        inputs=(form(5, 6, 6), form(16, 6, 6, 1), form(7, 6, 6, layout="channels-first")),
        output=form(28, 6, 6, 1),
    ),
    "change_of_layout": Pointwise(
        inputs=(form(17, 6, 6, layout="channels-first"),), output=form(17, 6, 6), epilogue=SWISH
    ),
    "local_response_normalisation": Lrn(
        input=form(24, 5, 6), output=form(24, 5, 6, 1), size=5, alpha=1e-2, beta=0.75, bias=1.0
    ),
    "softmax": Softmax(input=Form(batch=2, channels=101, rank=2), output=Form(batch=2, channels=101, rank=2)),
}


BOTH: Mapping[str, Separable] = {
    "depthwise_and_1x1": Separable(
        depthwise=convolution(form(32, 9, 9, 1), form(32, 9, 9), 3, groups=32),
        pointwise=convolution(form(32, 9, 9), form(24, 9, 9, 1)),
    ),
    "depthwise_and_1x1_with_tails": Separable(
        depthwise=convolution(form(13, 7, 5, 1), form(13, 4, 3), 3, groups=13, strides=(2, 2)),
        pointwise=convolution(form(13, 4, 3), form(11, 4, 3)),
    ),
}

CASES: Mapping[str, Case | Separated] = {
    **{name: Case.of(spec) for name, spec in SPECS.items()},
    **{name: Separated.of(spec) for name, spec in BOTH.items()},
}

KERNELS: Mapping[str, tuple[Case | Separated, Variant]] = {
    f"{name}_{index}": (case, variant)
    for name, case in CASES.items()
    for index, variant in enumerate(cpu.candidates(case.spec, CPU))
}


@pytest.fixture(scope="session")
def board() -> EmulatedBoard:
    return prepare(FOLDER)


@pytest.fixture(scope="session")
def computed(board: EmulatedBoard, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with what the board computed, all kernels in one go: its Python takes seconds to start."""
    folder = tmp_path_factory.mktemp("board")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("STAGELINE_AARCH64_LINKER", str(board.linker))
        link([_compiled(folder, name) for name in KERNELS], folder / "kernels.so", TARGET["mtriple"])
    for name, (case, variant) in KERNELS.items():
        output = np.full(case.spec.output.shape, np.nan, "float32")
        np.savez(folder / f"{name}.npz", *case.arguments(variant), output)
    result = board.run([str(Path(__file__).with_name("on_board.py")), str(folder)], timeout_s=RUN_TIMEOUT_S)
    assert result.returncode == 0, f"{result.stdout.split()[-1:]} ended it: {result.stderr}"
    return folder


def _compiled(folder: Path, name: str) -> Path:
    case, variant = KERNELS[name]
    function = cpu.emit(case.spec, variant, CPU).with_attr("global_symbol", name)
    library = tvm.tirx.build(tvm.IRModule({name: function}), target=tvm.target.Target(TARGET))
    library.write_to_file(str(folder / f"{name}.o"), "o")
    return folder / f"{name}.o"


def test_the_board_is_what_it_plays(board: EmulatedBoard) -> None:
    result = board.run(
        ["-c", "import platform, tvm; print(platform.machine(), tvm.runtime.enabled('llvm'))"], timeout_s=60
    )
    assert result.stdout.split() == ["aarch64", "False"], result.stderr


@pytest.mark.parametrize("name", KERNELS)
def test_kernels_compute_on_the_board(name: str, computed: Path) -> None:
    case, variant = KERNELS[name]
    found, expected = np.load(computed / f"{name}.npy"), case.expected()
    error = TRANSFORMED if isinstance(variant, Winograd) else PLAIN
    np.testing.assert_allclose(found, expected, rtol=PLAIN, atol=error * np.abs(expected).max())
