"""CUDA on boards older than TVM's wheel: a stand-in for the runtime that it wants, and the board's own nvcc."""

from device.cuda.loading import enable
from device.cuda.state import CudaState, state

__all__ = ["CudaState", "enable", "state"]
