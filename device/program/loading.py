"""Modules onto the device that they were compiled for."""

from pathlib import Path

from device.program.runtimes import Runtime, TvmRuntime

DEVICES = ("cpu", "cuda")
"""TVM's device kinds that programs run on."""


def load_runtime(device: str, path: Path) -> Runtime:
    """Loads a shared object with kernels.

    Args:
        device: One of `DEVICES`.
        path: The shared object.

    Raises:
        ProgramError: It cannot be loaded, or TVM cannot use the device.
    """
    if device == "cuda":
        from device.program.gpu import CudaRuntime  # boards without one do not load what it needs

        return CudaRuntime.load(path)
    return TvmRuntime.load(path)
