"""Launches the kernels of `on_driver.cu` on an emulated GPU by CUDA's driver interface; says as JSON what came of it.

python on_driver.py PART    runs in a process of its own, which a kernel may end
"""

import ctypes
import json
import math
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from ctypes import byref, c_size_t, c_void_p
from pathlib import Path
from typing import Any

from device.cuda import compiler

SOURCE = Path(__file__).with_suffix(".cu")
COUNT = 256


class Gpu:
    """The driver with a module loaded, and two tensors of `COUNT` numbers, the second of them 0, 1, 2, ..."""

    def __init__(self) -> None:
        self._runtime, self._driver = ctypes.CDLL("libcudart.so.10.2"), ctypes.CDLL("libcuda.so.1")
        self._module = c_void_p()
        self.status = self._driver.cuModuleLoadData(
            byref(self._module), compiler.cubin(SOURCE.read_text(), "sm_62")
        )
        self.out, self.ramp = self.tensor(), self.tensor()
        self._floats(self.ramp)[:] = list(range(COUNT))

    def tensor(self) -> c_void_p:
        memory = c_void_p()
        assert self._runtime.cudaMalloc(byref(memory), c_size_t(4 * COUNT)) == 0
        return memory

    def launch(self, name: str, *arguments: Any, blocks: int = 1, threads: int = 64) -> int:
        """Status of a launch."""
        function = c_void_p()
        assert self._driver.cuModuleGetFunction(byref(function), self._module, name.encode()) == 0
        pointers = (c_void_p * len(arguments))(*[ctypes.addressof(value) for value in arguments])
        extents = (blocks, 1, 1, threads, 1, 1)
        return int(self._driver.cuLaunchKernel(function, *extents, 0, None, pointers, None))

    def numbers(self, tensor: c_void_p, count: int) -> list[float]:
        return list(self._floats(tensor)[:count])

    def missing(self) -> int:
        """Status of asking for a kernel that the module does not have."""
        return int(self._driver.cuModuleGetFunction(byref(c_void_p()), self._module, b"no_such_kernel"))

    @staticmethod
    def _floats(tensor: c_void_p) -> Any:
        return (ctypes.c_float * COUNT).from_address(tensor.value or 0)


def several(gpu: Gpu) -> list[object]:
    """Two kernels with shared memory."""
    status = [gpu.launch("reverse", gpu.out, gpu.ramp, blocks=4)]
    reversed_numbers = gpu.numbers(gpu.out, COUNT)
    status.append(gpu.launch("sum", gpu.out, gpu.ramp, ctypes.c_int(4)))
    return [status, reversed_numbers, gpu.numbers(gpu.out, 1)]


def unset(gpu: Gpu) -> list[object]:
    """Numbers that nobody wrote: in the tensor, in shared memory before and after another kernel."""
    before = gpu.numbers(gpu.out, COUNT)
    status = [gpu.launch("reverse", gpu.out, gpu.ramp), gpu.launch("unset", gpu.out)]
    return [status, [math.isnan(number) for number in (*before, *gpu.numbers(gpu.out, 64))]]


def outside(gpu: Gpu) -> list[int]:
    """A launch that leaves its tensor, and the next one."""
    return [gpu.launch("reverse", gpu.out, gpu.ramp, blocks=5), gpu.launch("reverse", gpu.out, gpu.ramp)]


def uneven(gpu: Gpu) -> list[int]:
    """A launch of which some threads wait for others that never come, and the next one."""
    return [gpu.launch("uneven", gpu.out), gpu.launch("reverse", gpu.out, gpu.ramp)]


def crooked(gpu: Gpu) -> list[int]:
    """A launch with vectors at addresses that they do not divide."""
    return [gpu.launch("crooked", gpu.out)]


def impossible(gpu: Gpu) -> list[int]:
    """Too many threads, too much shared memory, a kernel that is not there; then what is possible."""
    tried = [
        gpu.launch("reverse", gpu.out, gpu.ramp, threads=1025),
        gpu.launch("greedy", gpu.out),
        gpu.missing(),
    ]
    return [*tried, gpu.launch("reverse", gpu.out, gpu.ramp)]


def at_once(gpu: Gpu) -> list[bool]:
    """Whether several threads' launches, each into its own tensor, compute what one after the other does."""

    def reverse(_: int) -> list[float]:
        out = gpu.tensor()
        assert {gpu.launch("reverse", out, gpu.ramp, blocks=4) for _ in range(20)} == {0}
        return gpu.numbers(out, COUNT)

    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(reverse, range(8)))
    gpu.launch("reverse", gpu.out, gpu.ramp, blocks=4)
    return [numbers == gpu.numbers(gpu.out, COUNT) for numbers in found]


def main(part: str) -> object:
    """What a part says."""
    gpu = Gpu()
    assert gpu.status == 0
    parts: Sequence[Any] = (several, unset, outside, uneven, crooked, impossible, at_once)
    return {function.__name__: function for function in parts}[part](gpu)


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1])))
