"""Many frames through stages with replicas: none lost, none out of order, memory flat.

    python tests/bench/soak.py [--frames N]

The stages only pass a number on. Frames go in by a source thread and come out in the main thread, as in a
user's program.
"""

import argparse
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from device.pipeline import Interface, Pipeline, Stage
from device.program import Buffer, Call, Layer, Program, PythonRuntime

REPLICAS = (2, 3, 1, 2)
MAX_GROWTH_BYTES = 4 << 20

NUMBER = Buffer(shape=(), dtype="int64")


def passing_on(index: int, replicas: int) -> Stage:
    """A stage that copies its input to its output."""
    source, target = f"t{index}", f"t{index + 1}"
    call = Call(function="copy", arguments=(source, target))
    return Stage(
        program=Program(
            inputs=(source,),
            outputs=(target,),
            weights=(),
            buffers={source: NUMBER, target: NUMBER},
            layers=(Layer(name="copy", calls=(call,)),),
        ),
        runtime=PythonRuntime({"copy": lambda source, target: np.copyto(target, source)}),
        weights={},
        replica_cpus=((),) * replicas,
    )


def numbers(count: int) -> Iterator[dict[str, Any]]:
    """Frames that carry their number."""
    for number in range(count):
        yield {"t0": np.array(number)}


def resident_bytes() -> int:
    """Memory of this process that is in use."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def main() -> None:
    """Prints what came out, and exits with 1 if anything is wrong."""
    parser = argparse.ArgumentParser(description="soak test of the staged runtime")
    parser.add_argument("--frames", type=int, default=1_000_000)
    frames = parser.parse_args().frames
    stages = [passing_on(index, replicas) for index, replicas in enumerate(REPLICAS)]
    interface = Interface(
        inputs={"t0": NUMBER}, outputs={"out": NUMBER}, output_tensors={"out": f"t{len(REPLICAS)}"}
    )
    settled = out_of_order = count = 0
    began = time.monotonic()
    with Pipeline(interface, stages) as pipeline:
        for count, output in enumerate(pipeline.run(numbers(frames)), start=1):
            out_of_order += int(output["out"]) != count - 1
            if count == frames // 10:
                settled = resident_bytes()
    elapsed_s = time.monotonic() - began
    growth = resident_bytes() - settled
    print(f"{count} of {frames} frames out, {out_of_order} out of order, replicas {REPLICAS}")
    print(f"{elapsed_s:.1f} s, {elapsed_s / frames * 1e6:.1f} us a frame")
    print(f"memory grew by {growth / 1024:.0f} KiB after the first tenth, at {settled / (1 << 20):.0f} MiB")
    raise SystemExit(count != frames or out_of_order > 0 or growth > MAX_GROWTH_BYTES)


if __name__ == "__main__":
    main()
