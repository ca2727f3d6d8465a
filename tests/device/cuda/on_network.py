"""Runs a whole network on a GPU through TVM; says as JSON how long it took.

python on_network.py FOLDER    reads what `gpu_network.py` wrote there, writes outputs.npz
"""

import json
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import tvm.runtime

from device import cuda


def tensors_of(folder: Path, program: Mapping[str, Any], gpu: Any) -> dict[str, Any]:
    """Every tensor of the network in the GPU's memory: inputs, weights, and those that kernels write."""
    with np.load(folder / "inputs.npz") as inputs, np.load(folder / "weights.npz") as weights:
        known = dict(inputs) | dict(weights)
    return {
        name: tvm.runtime.tensor(known[name], gpu)
        if name in known
        else tvm.runtime.empty(tuple(buffer["shape"]), buffer["dtype"], gpu)
        for name, buffer in program["buffers"].items()
    }


def main(folder: Path) -> dict[str, float]:
    """Loads the module, calls every kernel once, and waits for the last."""
    assert cuda.enable() == ""
    gpu = tvm.runtime.cuda(0)
    program = json.loads((folder / "program.json").read_text())
    tensors = tensors_of(folder, program, gpu)
    started = time.perf_counter()
    module = tvm.runtime.load_module(str(folder / "module.so"))
    calls = [
        (module[call["function"]], [tensors[name] for name in call["arguments"]])
        for layer in program["layers"]
        for call in layer["calls"]
    ]
    loaded = time.perf_counter()
    for kernel, arguments in calls:
        kernel(*arguments)
    gpu.sync()
    done = time.perf_counter()
    outputs = {name: tensors[tensor].numpy() for name, tensor in program["results"].items()}
    np.savez(folder / "outputs.npz", **outputs)
    return {"load_s": loaded - started, "run_s": done - loaded}


if __name__ == "__main__":
    print(json.dumps(main(Path(sys.argv[1]))))
