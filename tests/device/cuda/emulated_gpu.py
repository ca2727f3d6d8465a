"""A GPU that this machine does not have: TVM's real CUDA runtime on libraries that run kernels on the CPU.

Kernels are compiled by g++ when they are loaded, and run thread by thread as `cuda_emulation.hpp` says.
"""

from pathlib import Path

import pytest

from device.cuda.build import build
from tests.device.cuda.stub import StubCuda, build_stub


def build_emulated_gpu(folder: Path, compiler: str) -> StubCuda:
    """Builds it, with the stand-in for CUDA 13 beside it.

    Args:
        folder: Where to.
        compiler: This machine's C compiler.
    """
    stub = build_stub(folder, [compiler], nvcc="emulated_nvcc.py", is_logging=False)
    with pytest.MonkeyPatch.context() as patch:
        for name, value in stub.environment.items():
            patch.setenv(name, value)
        build(stub.folder, cudart=stub.cudart, compiler=compiler)
    return stub
