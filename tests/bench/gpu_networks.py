"""Runs networks on an emulated GPU, whole, by their CUDA kernels, and compares with ONNX Runtime.

    python tests/bench/gpu_networks.py [--arch sm_62] [MODEL ...]

For every network: how many kernels it calls, seconds to build them, to load and compile them, to run one frame, and the
largest difference as a part of the largest value. It ends with status 1 if one is not what ONNX Runtime makes of it.
Seconds say something about the emulation, nothing about a GPU.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from host.errors import InputError
from host.frontends import builtins, resolve
from host.network import Network
from tests.device.cuda.emulated_gpu import build_emulated_gpu
from tests.device.cuda.gpu_network import run_network, write_network
from tests.device.cuda.stub import StubCuda
from tests.e2e.onnx_runtime import TOLERANCE, reference


def difference(found: Mapping[str, Any], expected: Mapping[str, Any]) -> float:
    """Largest difference of all outputs, each as a part of its largest value; NaN where one is."""
    parts = [np.abs(found[name] - wanted).max() / np.abs(wanted).max() for name, wanted in expected.items()]
    return float(np.max(parts))


def row(name: str, arch: str, gpu: StubCuda) -> tuple[str, bool]:
    """A network's line, and whether it is what ONNX Runtime makes of it."""
    source = resolve(name)
    with tempfile.TemporaryDirectory() as path:
        folder = Path(path)
        inputs, expected = reference(source.build(), folder)
        started = time.perf_counter()
        try:
            network = Network(source, name, None)
            write_network(folder, network.lowered, arch)
            build_s = time.perf_counter() - started
            run = run_network(folder, inputs, gpu)
        except (InputError, RuntimeError) as failure:
            return f"{name:<16} {str(failure).strip().splitlines()[-1]}", False
    calls = sum(len(layer.calls) for layer in network.graph.layers)
    error = difference(run.outputs, expected)
    times = f"{build_s:>8.1f} {run.load_s:>8.1f} {run.run_s:>8.2f}"
    return f"{name:<16} {calls:>7} {times} {error:>11.1e}", error < TOLERANCE


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs and prints; the process's status."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("models", nargs="*", default=[builtin.name for builtin in builtins()])
    parser.add_argument("--arch", default="sm_62", help="the GPU to build for, such as sm_62")
    options = parser.parse_args(arguments)
    print(f"{'model':<16} {'kernels':>7} {'build s':>8} {'load s':>8} {'run s':>8} {'difference':>11}")
    are_right = []
    with tempfile.TemporaryDirectory() as folder:
        gpu = build_emulated_gpu(Path(folder))
        for model in options.models:
            line, is_right = row(model, options.arch, gpu)
            print(line, flush=True)
            are_right.append(is_right)
    return 0 if all(are_right) else 1


if __name__ == "__main__":
    sys.exit(main())
