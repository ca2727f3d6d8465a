"""A module with one kernel for a Jetson TX2's GPU: built here, its CUDA source compiled by whoever loads it."""

import platform
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import tvm
from tvm import te

Link = Callable[[Sequence[Path], Path, str], None]


def build_module(path: Path, host: dict[str, Any], link: Link) -> None:
    """Writes a shared object whose function `double` doubles 256 numbers in 4 blocks of 64 threads.

    Args:
        path: The shared object.
        host: The target of the code around the kernel.
        link: Links objects for it.
    """
    source = te.placeholder((256,), name="A")
    result = te.compute((256,), lambda index: source[index] + source[index], name="B")
    schedule = tvm.s_tir.Schedule(te.create_prim_func([source, result]).with_attr("global_symbol", "double"))
    blocks, threads = schedule.split(schedule.get_loops(schedule.get_sblock("B"))[0], [None, 64])
    schedule.bind(blocks, "blockIdx.x")
    schedule.bind(threads, "threadIdx.x")
    target = tvm.target.Target({"kind": "cuda", "arch": "sm_62"}, host=host)

    def compile_objects(output: str, objects: Sequence[str], **_: Any) -> None:
        mtriple = host.get("mtriple", f"{platform.machine()}-linux-gnu")
        link([Path(name) for name in objects], Path(output), mtriple)

    compile_objects.object_format = "o"  # type: ignore[attr-defined]  # TVM asks the function for it
    compile_objects.output_format = "so"  # type: ignore[attr-defined]
    tvm.tirx.build(schedule.mod, target=target).export_library(str(path), fcompile=compile_objects)
