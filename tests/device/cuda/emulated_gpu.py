"""A GPU that this machine does not have: TVM's real CUDA runtime on libraries that run kernels on the CPU.

A process that starts with the emulated GPU's environment finds one GPU of a Jetson TX2 (`sm_62`). Kernels are compiled
by g++ when they are loaded and run as `cuda_emulation.hpp` says, one at a time, whatever the stream; every call is done
when it returns. A kernel that leaves its tensors or waits for threads that never come is an error of its launch.
"""

import os
from pathlib import Path
from unittest.mock import patch

from device.cuda.build import build
from tests.device.cuda.emulated_nvcc import COMPILER
from tests.device.cuda.stub import StubCuda, build_stub

__all__ = ["COMPILER", "build_emulated_gpu"]


def build_emulated_gpu(folder: Path, compiler: str = "cc", *, is_logging: bool = False) -> StubCuda:
    """Builds it, with the stand-in for CUDA 13 beside it; takes about a second.

    Args:
        folder: Where to; made if it is not there.
        compiler: This machine's C compiler.
        is_logging: Whether `StubCuda.take_calls` shall tell what was called.

    Returns:
        It, with the environment for processes that shall see it.
    """
    gpu = build_stub(folder, [compiler], nvcc="emulated_nvcc.py", is_logging=is_logging)
    with patch.dict(os.environ, gpu.environment):
        build(gpu.folder, cudart=gpu.cudart, compiler=compiler)
    return gpu
