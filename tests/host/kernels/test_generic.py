"""The general schedule changes the speed of a kernel and nothing else."""

from typing import Any

import numpy as np
import pytest
import tvm
from tvm import te, topi

from host.kernels.generic import schedule

TARGET = tvm.target.Target({"kind": "llvm", "num-cores": 1})


def convolution(channels: int, out: int, size: int, kernel: int, stride: int, groups: int = 1) -> Any:
    data = te.placeholder((1, channels, size, size), name="data")
    weight = te.placeholder((out, channels // groups, kernel, kernel), name="weight")
    if groups == 1:
        conv = topi.nn.conv2d_nchw(data, weight, stride, kernel // 2, 1)
    else:
        conv = topi.nn.group_conv2d_nchw(data, weight, stride, kernel // 2, 1, groups)
    return te.create_prim_func([data, weight, topi.nn.relu(conv)])


def pooling(channels: int, size: int) -> Any:
    data = te.placeholder((1, channels, size, size), name="data")
    return te.create_prim_func(
        [data, topi.nn.pool2d(data, [3, 3], [2, 2], [1, 1], [1, 1, 1, 1], "max", layout="NCHW")]
    )


def softmax(length: int) -> Any:
    data = te.placeholder((1, length), name="data")
    return te.create_prim_func([data, topi.nn.softmax(data)])


def product(rows: int, inner: int, columns: int) -> Any:
    left, right = te.placeholder((rows, inner), name="left"), te.placeholder((inner, columns), name="right")
    return te.create_prim_func([left, right, topi.nn.matmul(left, right)])


def run(function: Any) -> np.ndarray[Any, Any]:
    library = tvm.tirx.build(
        tvm.IRModule({"main": function.with_attr("global_symbol", "main")}), target=TARGET
    )
    random = np.random.default_rng(3)
    shapes = [tuple(int(extent) for extent in parameter.shape) for parameter in function.params]
    tensors = [tvm.runtime.tensor(random.standard_normal(shape).astype("float32")) for shape in shapes]
    library["main"](*tensors)
    return np.asarray(tensors[-1].numpy())


@pytest.mark.parametrize(
    "function",
    [
        convolution(3, 8, 17, 3, 2),
        convolution(16, 24, 14, 1, 1),
        convolution(5, 7, 13, 5, 1),
        convolution(4, 4, 1, 1, 1),
        convolution(12, 12, 9, 3, 1, groups=12),
        convolution(8, 16, 10, 3, 1, groups=2),
        pooling(5, 15),
        softmax(37),
        product(1, 50, 41),
        product(6, 20, 64),
    ],
)
def test_scheduled_kernels_compute_what_plain_loops_compute(function: Any) -> None:
    np.testing.assert_allclose(run(schedule(function)), run(function), rtol=1e-4, atol=1e-5)


def test_reductions_run_in_vectors_and_parallel_tiles() -> None:
    text = schedule(convolution(16, 32, 16, 3, 1)).script()
    assert "T.vectorized" in text
    assert "T.parallel" in text
