"""Generates the CUDA code of networks, for GPUs that need not be here, and compiles it with NVRTC.

    python tests/bench/cuda_code.py [MODEL ...]

For every network and every GPU: how many different kernels it has, how many of them are left to a general rule, and for
which the source compiled. NVRTC comes with `pip install nvidia-cuda-nvrtc-cu12`.
"""

import argparse
import time
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import tvm

from host.frontends import builtins, resolve
from host.kernels import candidates, emit
from host.kernels.cuda.source import portable
from host.kernels.specs import Generic, Separable, Spec, digest
from host.network import Network
from tests import nvrtc

ARCHS = ("sm_62", "sm_90")
BOARD = {"kind": "llvm", "mtriple": "aarch64-linux-gnu", "mcpu": "cortex-a57"}


@cache
def kernels_of(name: str) -> Mapping[str, Spec]:
    """The different kernels of a built-in network that a GPU runs."""
    kernels = Network(resolve(name), name, None).graph.kernels
    return {kernel: spec for kernel, spec in kernels.items() if not isinstance(spec, Separable)}


def source_of(spec: Spec, arch: str, code: Any = None) -> str:
    """CUDA source of a kernel's likeliest variant.

    Args:
        spec: What it computes.
        arch: The GPU's, such as `sm_62`.
        code: For a `Generic` spec its unscheduled TIR function.
    """
    target = {"kind": "cuda", "arch": arch}
    function = emit(spec, candidates(spec, target)[0], target, code)
    library = tvm.tirx.build(
        tvm.IRModule({"main": function}), target=tvm.target.Target(target, host=tvm.target.Target(BOARD))
    )
    return portable(library.imports[0].inspect_source())


def main(arguments: Sequence[str] | None = None) -> None:
    """Generates, compiles and prints."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("models", nargs="*", default=[builtin.name for builtin in builtins()])
    options = parser.parse_args(arguments)
    library = nvrtc.library()
    compiled: dict[tuple[str, str], bool] = {}
    print(f"{'model':<14} {'kernels':>7} {'general':>7} " + " ".join(f"{arch:>22}" for arch in ARCHS))
    for model in options.models:
        network = Network(resolve(model), model, None)
        kernels = kernels_of(model)
        general = sum(isinstance(spec, Generic) for spec in kernels.values())
        columns = []
        for arch in ARCHS:
            started = time.perf_counter()
            for kernel, spec in kernels.items():
                if (digest(spec), arch) not in compiled:
                    code = network.lowered.functions.get(kernel) if isinstance(spec, Generic) else None
                    source = source_of(spec, arch, code)
                    compiled[digest(spec), arch] = bool(library and nvrtc.compiled(library, source, arch))
            done = all(compiled[digest(spec), arch] for spec in kernels.values())
            columns.append(f"{'compiled' if done else 'generated'} {time.perf_counter() - started:>6.1f} s")
        cells = " ".join(f"{column:>22}" for column in columns)
        print(f"{model:<14} {len(kernels):>7} {general:>7} {cells}", flush=True)


if __name__ == "__main__":
    main()
