"""Uses the stub's GPU through TVM; says as JSON what came of it.

python on_tvm.py MODULE    runs in a process of its own, here or on an emulated board
"""

import json
import sys

import numpy as np
import tvm.runtime

from device import cuda


def main(path: str) -> dict[str, object]:
    """Copies there and back, runs the kernel `double` on 256 numbers, and times it."""
    before = bool(tvm.runtime.enabled("cuda"))
    reason = cuda.enable()
    gpu = tvm.runtime.cuda(0)
    numbers = np.arange(256, dtype="float32")
    there = tvm.runtime.tensor(numbers, gpu)
    result = tvm.runtime.empty((256,), "float32", gpu)
    module = tvm.runtime.load_module(path)
    module["double"](there, result)
    gpu.sync()
    stream = gpu.create_raw_stream()
    gpu.set_raw_stream(stream)
    module["double"](there, result)
    gpu.sync(stream)
    gpu.free_raw_stream(stream)
    gpu.set_raw_stream(0)
    timed = module.time_evaluator("double", gpu, number=1, repeat=1)(there, result)
    return {
        "enabled": [before, bool(tvm.runtime.enabled("cuda"))],
        "reason": reason,
        "name": gpu.device_name,
        "compute_version": gpu.compute_version,
        "memory_bytes": gpu.total_global_memory,
        "copied_back": bool((there.numpy() == numbers).all()),
        "doubled": bool((result.numpy() == 2 * numbers).all()),
        "seconds": timed.mean,
    }


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1])))
