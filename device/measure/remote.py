"""What the host calls over TVM RPC to have a network measured; runs in the private child process of a lease.

Strings go in and out as JSON, since arrays cannot be arguments of a remote call. The host uploads the program and its
module first; weights are not uploaded: what a kernel costs does not depend on them, so random ones stand in.
"""

import json
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from device.clocks.watch import ClockWatch, watched
from device.files import Files
from device.measure.answers import register_all
from device.measure.contention import Neighbours, slowdown
from device.measure.kernel import KernelTrial
from device.measure.latency import LatencyLoop, QueuedLatencyLoop, sample_in_turns, warm_up_in_turns
from device.measure.layer_energy import LayerEnergy, board_meter
from device.measure.stand_in import StandIns
from device.measure.steadiness import judge
from device.measure.transfer import ENERGY_SIZE, copies, time_transfers
from device.pipeline.null import measure_handover
from device.program import (
    Executor,
    Program,
    Runtime,
    Tensor,
    TvmRuntime,
    aligned_copy,
    aligned_empty,
    load_runtime,
)
from device.threads import pin_to_cpus


class Bench:
    """A network loaded on one placement, its thread pinned, its layers ready to be timed.

    The network may be there several times, each time with other kernels; then all of them run in turns.

    Args:
        folder: Where the host's uploads are.
        request: `programs` and `module` (file names), `device` (TVM's kind of it), `cpus` (ids of those that call its
            kernels), `groups` (for each layer the index of the group of
            equal layers that it belongs to), `prior_us` (for each group the samples of an earlier run of the first
            program), `neighbours` (ids of the board's other CPUs).
        files: Where the board's clocks are watched.
    """

    def __init__(self, folder: Path, request: dict[str, Any], files: Files) -> None:
        self._worker = ThreadPoolExecutor(max_workers=1, initializer=pin_to_cpus, initargs=(request["cpus"],))
        self._cpus: list[int] = request["cpus"]
        self._neighbours: list[int] = request["neighbours"]
        self._groups: list[int] = request["groups"]
        self._samples = [list(map(float, prior)) for prior in request["prior_us"]]
        self._loops = self._worker.submit(self._load, folder, request).result()
        self._watched = partial(watched, watch=ClockWatch(files, request["cpus"]))

    def warm_up(self, seconds: float) -> None:
        """Runs the network untimed for about `seconds`."""
        self._worker.submit(warm_up_in_turns, self._loops, seconds).result()

    def sample(self, seconds: float) -> dict[str, Any]:
        """Times passes for about `seconds`.

        Returns:
            `samples_us`: for each program for each group the new samples; `steady`: for each group the verdict over
            all samples of the first program so far; `passes`: how many times each program ran; `seconds`: how long it
            took, since a slow network does not keep to `seconds`.

        Raises:
            VoidMeasurementError: The clocks did not stay as they were, however often it was repeated.
        """
        started = time.perf_counter()
        passes = self._watched(lambda: self._worker.submit(sample_in_turns, self._loops, seconds).result())
        new = [self._by_group(one) for one in passes]
        for samples, added in zip(self._samples, new[0], strict=True):
            samples.extend(added)
        verdict = judge([np.asarray(samples) for samples in self._samples])
        return {
            "samples_us": new,
            "steady": list(verdict.steady),
            "passes": len(passes[0]),
            "seconds": time.perf_counter() - started,
        }

    def slowdown(self, seconds: float) -> dict[str, Any]:
        """Compares the first program's layers with and without copies of it on the board's other CPUs.

        Returns:
            `slowdown`: for each group the ratio, 1 where they do no harm.
        """
        neighbours = Neighbours(self._neighbours, self._load_another)
        try:
            ratios = self._watched(lambda: slowdown(self._sample_first, neighbours.at_work, seconds))
        finally:
            neighbours.close()
        return {"slowdown": [float(np.median(found)) for found in self._by_group(ratios[np.newaxis])]}

    @cached_property
    def energy(self) -> LayerEnergy:
        """What measures the power of the first program's layers."""
        return LayerEnergy(
            self._loops[0].layers, lambda work: self._worker.submit(work).result(), self._cpus, board_meter()
        )

    def measure_energy(self, groups: Sequence[int], *, is_network: bool) -> dict[str, Any]:
        """Takes the power of groups of equal layers, by their first one, as `LayerEnergy.measure` says."""
        layers = [self._groups.index(group) for group in groups]
        return self._watched(lambda: self.energy.measure(layers, is_network=is_network))

    def time_transfers(self) -> dict[str, Any]:
        """Times copies into the device's memory and back, as `device.measure.transfer` says."""
        measure = partial(time_transfers, self._runtime)
        return {"samples_us": self._watched(lambda: self._worker.submit(measure).result())}

    def measure_transfer_energy(self) -> dict[str, Any]:
        """Takes the power of copies, `in` and `out`, as `LayerEnergy.measure` says."""
        runs = tuple(copies(self._runtime, ENERGY_SIZE).values())
        energy = LayerEnergy(runs, lambda work: self._worker.submit(work).result(), self._cpus, board_meter())
        answer = self._watched(lambda: energy.measure(range(len(runs)), is_network=False))
        return answer | {"bytes": ENERGY_SIZE}

    def close(self) -> None:
        """Ends the thread and frees the network's memory."""
        self._worker.shutdown()

    def _by_group(self, passes: npt.NDArray[np.float64]) -> list[list[float]]:
        new: list[list[float]] = [[] for _ in self._samples]
        for group, column in zip(self._groups, passes.T, strict=True):
            new[group].extend(column.tolist())
        return new

    def _sample_first(self, seconds: float) -> npt.NDArray[np.float64]:
        return self._worker.submit(self._loops[0].sample, seconds).result()

    def _load(self, folder: Path, request: dict[str, Any]) -> list[LatencyLoop]:
        runtime = self._runtime = load_runtime(request["device"], folder / request["module"])
        programs = [Program.parse(json.loads((folder / name).read_text())) for name in request["programs"]]
        stand_ins = StandIns(programs)
        weights = _weights(programs, runtime, stand_ins)
        self._load_another = partial(_loop, programs[0], runtime, stand_ins, weights[0])
        pairs = zip(programs, weights, strict=True)
        return [_loop(program, runtime, stand_ins, shared) for program, shared in pairs]


def _weights(programs: list[Program], runtime: Runtime, stand_ins: StandIns) -> list[dict[str, Tensor]]:
    """The programs' weights; where a device holds copies, one copy of what several programs share."""
    tensors: dict[tuple[int, tuple[int, ...], str], Tensor] = {}

    def constant(array: npt.NDArray[Any]) -> Tensor:
        key = (array.ctypes.data, array.shape, str(array.dtype))
        if key not in tensors:
            tensors[key] = runtime.constant(array)
        return tensors[key]

    arrays = [
        stand_ins.weights(program) for program in programs
    ]  # all of them live while they are told apart
    return [{name: constant(array) for name, array in some.items()} for some in arrays]


def _loop(program: Program, runtime: Runtime, stand_ins: StandIns, weights: dict[str, Tensor]) -> LatencyLoop:
    frames = {name: aligned_copy(stand_ins.frame(program.buffers[name])) for name in program.inputs}
    inputs = {name: runtime.receive(array) for name, array in frames.items()}
    outputs = {name: runtime.send(aligned_empty(program.buffers[name])) for name in program.outputs}
    for port in inputs.values():
        for copy in port.copies:
            copy()
    bound = Executor(program, runtime, weights).bind(
        {name: port.tensor for name, port in inputs.items()},
        {name: port.tensor for name, port in outputs.items()},
    )
    layers = [layer.run for layer in bound.layers]
    return QueuedLatencyLoop(layers, bound.run) if runtime.finish else LatencyLoop(layers)


def register(folder: Path, root: Path) -> None:
    """Makes the measuring functions known to this process's TVM RPC server.

    Args:
        folder: Where uploads land.
        root: Below which the board's clocks are watched.
    """
    open_bench: dict[str, Bench] = {}
    workers: dict[tuple[int, ...], ThreadPoolExecutor] = {}

    def close() -> dict[str, Any]:
        if bench := open_bench.pop("bench", None):
            bench.close()
        return {}

    def open_(text: str) -> dict[str, Any]:
        close()
        request = json.loads(text)
        bench = open_bench["bench"] = Bench(folder, request, Files(root))
        bench.warm_up(request["warm_up_s"])
        return {}

    def sample(seconds: float) -> dict[str, Any]:
        return open_bench["bench"].sample(seconds)

    def slowdown_(seconds: float) -> dict[str, Any]:
        return open_bench["bench"].slowdown(seconds)

    def sensor() -> dict[str, Any]:
        return {"sensor": open_bench["bench"].energy.sensor_document()}

    def energy(text: str) -> dict[str, Any]:
        request = json.loads(text)
        return open_bench["bench"].measure_energy(request["groups"], is_network=request["network"])

    def transfers() -> dict[str, Any]:
        return open_bench["bench"].time_transfers()

    def transfer_energy() -> dict[str, Any]:
        return open_bench["bench"].measure_transfer_energy()

    def handover(text: str) -> dict[str, Any]:
        return {"handover_us": handover_us(json.loads(text))}

    def kernel(text: str) -> dict[str, Any]:
        request = json.loads(text)
        cpus = tuple(request["cpus"])
        if cpus not in workers:
            workers[cpus] = ThreadPoolExecutor(max_workers=1, initializer=pin_to_cpus, initargs=(cpus,))
        return workers[cpus].submit(time_kernel, folder, request).result()

    functions: dict[str, Callable[..., dict[str, Any]]] = {
        "open": open_,
        "sample": sample,
        "close": close,
        "slowdown": slowdown_,
        "sensor": sensor,
        "energy": energy,
        "transfers": transfers,
        "transfer_energy": transfer_energy,
        "handover": handover,
        "kernel": kernel,
    }
    register_all("stageline.measure", functions)


def time_kernel(folder: Path, request: dict[str, Any]) -> dict[str, Any]:
    """Times one kernel by itself.

    Args:
        folder: Where the host's uploads are.
        request: `program` (with one call), `module` (a file name), `seconds` and `limit_us` as `KernelTrial.sample` has
            them.

    Returns:
        `samples_us`, and `checks` that are nearly equal for kernels that compute the same.
    """
    program = Program.parse(request["program"])
    trial = KernelTrial(program, TvmRuntime.load(folder / request["module"]))
    samples = trial.sample(request["seconds"], request["limit_us"])
    return {"samples_us": samples, "checks": trial.checks()}


def handover_us(cpus: Sequence[int]) -> float:
    """What a stage costs a frame besides its work, in microseconds.

    Args:
        cpus: Where to run two stages that do nothing.
    """
    return measure_handover(cpus).period_us
