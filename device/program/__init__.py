"""Programs of kernel calls on named buffers: reading them, planning their memory and running them."""

from device.program.document import Buffer, Call, Layer, Program
from device.program.executor import BoundLayer, BoundProgram, Executor
from device.program.runtimes import (
    Kernel,
    PythonRuntime,
    Runtime,
    Tensor,
    TvmRuntime,
    aligned_copy,
    aligned_empty,
)
from device.program.storage import Lifetime, StoragePlan, plan_memory, plan_storage

__all__ = [
    "BoundLayer",
    "BoundProgram",
    "Buffer",
    "Call",
    "Executor",
    "Kernel",
    "Layer",
    "Lifetime",
    "Program",
    "PythonRuntime",
    "Runtime",
    "StoragePlan",
    "Tensor",
    "TvmRuntime",
    "aligned_copy",
    "aligned_empty",
    "plan_memory",
    "plan_storage",
]
