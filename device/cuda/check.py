"""Runs in a process of its own (`device.cuda.state`): says as JSON whether TVM can use a GPU here."""

import json
import sys
from dataclasses import asdict

from device.cuda.loading import enable
from device.cuda.state import CudaState


def check() -> CudaState:
    """What TVM finds."""
    reason = enable()
    if reason:
        return CudaState(usable=False, reason=reason)
    import tvm.runtime

    gpu = tvm.runtime.cuda(0)
    try:
        if not gpu.exist:
            return CudaState(usable=False, reason="the CUDA runtime finds no GPU")
        arch = f"sm_{gpu.compute_version.replace('.', '')}"
        return CudaState(usable=True, name=gpu.device_name, arch=arch)
    except RuntimeError as error:
        words = str(error).strip().splitlines()[-1]
        return CudaState(usable=False, reason=f"the CUDA runtime does not answer: {words}")


if __name__ == "__main__":
    sys.stdout.write(json.dumps(asdict(check())))
