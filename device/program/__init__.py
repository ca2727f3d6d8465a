"""Programs of kernel calls on named buffers: reading them, planning their memory and running them."""

from device.program.document import Buffer, Call, Layer, Program
from device.program.executor import BoundLayer, BoundProgram, Executor
from device.program.loading import load_runtime
from device.program.memory import aligned_copy, aligned_empty
from device.program.runtimes import (
    HostRuntime,
    Kernel,
    Port,
    PythonRuntime,
    Run,
    Runtime,
    Tensor,
    TvmRuntime,
)
from device.program.storage import Lifetime, StoragePlan, plan_memory, plan_storage

__all__ = [
    "BoundLayer",
    "BoundProgram",
    "Buffer",
    "Call",
    "Executor",
    "HostRuntime",
    "Kernel",
    "Layer",
    "Lifetime",
    "Port",
    "Program",
    "PythonRuntime",
    "Run",
    "Runtime",
    "StoragePlan",
    "Tensor",
    "TvmRuntime",
    "aligned_copy",
    "aligned_empty",
    "load_runtime",
    "plan_memory",
    "plan_storage",
]
