"""What the host calls over TVM RPC to have a network measured; runs in the private child process of a lease.

Strings go in and out as JSON, since arrays cannot be arguments of a remote call. The host uploads the program and its
module first; weights are not uploaded: what a kernel costs does not depend on them, so random ones stand in.
"""

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from device.measure.latency import LatencyLoop
from device.measure.steadiness import judge
from device.measure.stand_in import stand_in_weight
from device.program import Executor, Program, TvmRuntime
from device.threads import pin_to_cpus


class Bench:
    """A network loaded on one placement, its thread pinned, its layers ready to be timed.

    Args:
        folder: Where the host's uploads are.
        request: `program` and `module` (file names), `cpus` (ids), `prior_us` (per layer, samples of an earlier run).
    """

    def __init__(self, folder: Path, request: dict[str, Any]) -> None:
        self._worker = ThreadPoolExecutor(max_workers=1, initializer=pin_to_cpus, initargs=(request["cpus"],))
        self._samples = [list(map(float, prior)) for prior in request["prior_us"]]
        self._loop = self._worker.submit(self._load, folder, request).result()

    def warm_up(self, seconds: float) -> None:
        """Runs the network untimed for about `seconds`."""
        self._worker.submit(self._loop.warm_up, seconds).result()

    def sample(self, seconds: float) -> dict[str, Any]:
        """Times passes for about `seconds`.

        Returns:
            `samples_us`: for each layer the new samples; `steady`: for each layer the verdict over all samples so far.
        """
        passes = self._worker.submit(self._loop.sample, seconds).result()
        columns = [column.tolist() for column in passes.T]
        for samples, column in zip(self._samples, columns, strict=True):
            samples.extend(column)
        verdict = judge([np.asarray(samples) for samples in self._samples])
        return {"samples_us": columns, "steady": list(verdict.steady)}

    def close(self) -> None:
        """Ends the thread and frees the network's memory."""
        self._worker.shutdown()

    def _load(self, folder: Path, request: dict[str, Any]) -> LatencyLoop:
        program = Program.parse(json.loads((folder / request["program"]).read_text()))
        runtime = TvmRuntime.load(folder / request["module"])
        random = np.random.default_rng(0)
        weights = {name: runtime.tensor(stand_in_weight(program.buffers[name], random)) for name in program.weights}
        executor = Executor(program, runtime, weights)
        bound = executor.bind(
            {name: runtime.tensor(stand_in_weight(program.buffers[name], random)) for name in program.inputs},
            {name: runtime.empty(program.buffers[name]) for name in program.outputs},
        )
        return LatencyLoop([layer.run for layer in bound.layers])


_benches: dict[str, Bench] = {}


def register(folder: Path) -> None:
    """Makes the measuring functions known to this process's TVM RPC server.

    Args:
        folder: Where uploads land.
    """
    import tvm_ffi

    def open_bench(text: str) -> None:
        close_bench()
        request = json.loads(text)
        bench = _benches["open"] = Bench(folder, request)
        bench.warm_up(request["warm_up_s"])

    def sample(seconds: float) -> str:
        return json.dumps(_benches["open"].sample(seconds))

    def close_bench() -> None:
        if "open" in _benches:
            _benches.pop("open").close()

    tvm_ffi.register_global_func("stageline.measure.open", open_bench, override=True)
    tvm_ffi.register_global_func("stageline.measure.sample", sample, override=True)
    tvm_ffi.register_global_func("stageline.measure.close", close_bench, override=True)
