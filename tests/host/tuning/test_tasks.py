"""Trials go to the kernels in which a network spends its time."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from host.kernels.forms import Form
from host.kernels.specs import Convolution, Pooling, Spec
from host.kernels.variants import Direct, Window, variant_of
from host.layers.graph import KernelCall, Layer, LayerGraph
from host.tuning.tasks import next_task, tasks_of

TARGET = {"kind": "llvm", "mtriple": "x86_64-linux-gnu", "mcpu": "x86-64-v3"}
FORM = Form(channels=64, height=14, width=14, halo=(1, 1))
SPECS: dict[str, Spec] = {
    "conv": Convolution(input=FORM, output=FORM, kernel=(3, 3), padding=(1, 1)),
    "pool": Pooling(input=FORM, output=FORM, kind="max", kernel=(3, 3), padding=(1, 1)),
}


def layer(name: str, *kernels: str) -> Layer:
    return Layer(
        name=name,
        calls=tuple(KernelCall(kernel=kernel, arguments=("x", "y")) for kernel in kernels),
        inputs=("x",),
        outputs=("y",),
        weights=(),
        flops=1.0,
        structural_hash="+".join(kernels),
    )


def graph(*layers: Layer) -> LayerGraph:
    return LayerGraph(
        name="net", inputs=("x",), outputs=(("y", "y"),), tensors={}, layers=layers, kernels=SPECS
    )


NET = graph(
    layer("conv1", "conv"), layer("pool1", "pool"), layer("conv2", "conv"), layer("conv3", "pool", "conv")
)
LATENCIES = {"conv": 10.0, "pool": 25.0, "pool+conv": 7.0}
CHOICE = {
    "conv": ("winograd-4-2-16-32-blocks",),
    "pool": ("window-4-8",),
    "pool+conv": ("window-4-8", "direct-1-4-16-pixels"),
}


def choice(conv: str) -> dict[str, tuple[str, ...]]:
    return {**CHOICE, "conv": (conv,)}


def test_each_kernel_is_searched_once_for_all_its_layers() -> None:
    tasks = tasks_of(NET, choice("direct-1-4-16-pixels"), LATENCIES, TARGET)
    assert [(task.kernel, task.time_us, task.layers) for task in tasks] == [
        ("conv", 27.0, ("conv1", "conv3")),
        ("pool", 25.0, ("pool1",)),
    ]
    assert tasks[0].base == tasks[0].rival == Direct(1, 4, 16, "pixels")
    assert tasks[1].base == Window(4, 8)


def test_a_tuned_kernel_goes_on_from_its_analytic_base() -> None:
    (task, _) = tasks_of(NET, choice("tuned-0123456789abcdef-direct-1-4-16-pixels"), LATENCIES, TARGET)
    assert task.base == task.rival == Direct(1, 4, 16, "pixels")


def test_a_transformation_is_the_rival_of_plain_loops() -> None:
    name = "winograd-4-2-16-32-blocks"
    (task, _) = tasks_of(NET, choice(name), LATENCIES, TARGET)
    assert task.rival == variant_of(name)
    assert isinstance(task.base, Direct)


@given(times=st.lists(st.floats(1.0, 1000.0), min_size=1, max_size=6), trials=st.integers(1, 300))
def test_trials_are_in_proportion_to_times(times: list[float], trials: int) -> None:
    counts = [0] * len(times)
    for _ in range(trials):
        counts[next_task(times, counts)] += 1
    for time, count in zip(times, counts, strict=True):
        # D'Hondt's method never gives less than the quota rounded down, less what the others gain by rounding
        assert count <= trials * time / sum(times) + len(times)
        assert count >= trials * time / sum(times) - len(times)


def test_a_kernel_that_is_exhausted_gets_nothing() -> None:
    assert next_task([0.0, 1.0], [0, 1000]) == 1


def test_the_share_follows_what_is_left_to_gain() -> None:
    assert next_task([100.0, 60.0], [1, 0]) == 1
    assert next_task([100.0, 40.0], [1, 0]) == 0
    with pytest.raises(ValueError, match="empty"):
        next_task([], [])
