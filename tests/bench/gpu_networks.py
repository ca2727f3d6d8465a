"""Runs networks on an emulated GPU, whole, by their CUDA kernels, and compares with ONNX Runtime.

    python tests/bench/gpu_networks.py [--arch sm_62] [MODEL ...]

For every network: how many kernels it calls, seconds to build them, to load, compile and run them on two frames, and
the largest difference as a part of the largest value. Ends with status 1 if one is not what ONNX Runtime makes of it.
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

from host.frontends import builtins, resolve
from host.network import Network
from tests.device.cuda.bundles import GPU, bundle, computed
from tests.device.cuda.emulated_gpu import build_emulated_gpu
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
        network = Network(source, name, None)
        made = bundle(folder, network, (), (GPU | {"arch": arch},))
        build_s = time.perf_counter() - started
        try:
            outputs = computed(gpu, made, inputs, folder)
        except RuntimeError as failure:
            return f"{name:<16} {str(failure).strip().splitlines()[-1]}", False
        run_s = time.perf_counter() - started - build_s
    calls = sum(len(layer.calls) for layer in network.graph.layers)
    error = difference(outputs, expected)
    return f"{name:<16} {calls:>7} {build_s:>8.1f} {run_s:>8.1f} {error:>11.1e}", error < TOLERANCE


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs and prints; the process's status."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("models", nargs="*", default=[builtin.name for builtin in builtins()])
    parser.add_argument("--arch", default="sm_62", help="the GPU to build for, such as sm_62")
    options = parser.parse_args(arguments)
    print(f"{'model':<16} {'kernels':>7} {'build s':>8} {'run s':>8} {'difference':>11}")
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
