"""A whole network for one GPU: built here as one module, run by TVM in a process that finds the GPU."""

import json
import platform
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tvm
import tvm_ffi

from host.kernels import emit
from host.kernels.cuda.source import portable
from host.kernels.packing import pack
from host.kernels.specs import Convolution, Generic
from host.kernels.variants import variant_of
from host.layers.choice import likeliest
from host.layers.graph import Choice, Implementation, PackedWeight
from host.layers.lowering import LoweredModel
from host.linker import link
from tests.device.cuda.stub import HERE, StubCuda, run_python

_MTRIPLE = f"{platform.machine()}-linux-gnu"
_POSTPROCESS = "tvm_callback_cuda_postproc"


@dataclass(frozen=True, slots=True, kw_only=True)
class GpuRun:
    """One frame on a GPU.

    Attributes:
        outputs: What the network made of it, by the outputs' names.
        load_s: Seconds until the kernels could be called, their compilation included.
        run_s: Seconds of all kernels.
    """

    outputs: Mapping[str, Any]
    load_s: float
    run_s: float


def write_network(folder: Path, model: LoweredModel, arch: str) -> None:
    """Writes what `run_network` needs: `program.json`, `module.so` and `weights.npz`.

    Args:
        folder: Where to.
        model: The network; its layers are scheduled as is probably fastest.
        arch: The GPU's, such as `sm_62`.
    """
    target = {"kind": "cuda", "arch": arch}
    choice = likeliest(model.graph, target)
    program = model.graph.program(choice)
    (folder / "program.json").write_text(json.dumps(program | {"results": dict(model.graph.outputs)}))
    np.savez(folder / "weights.npz", **_weights(model, choice, program["weights"]))
    _write_module(folder / "module.so", model, choice, target)


def run_network(folder: Path, inputs: Mapping[str, Any], gpu: StubCuda) -> GpuRun:
    """Runs a network that `write_network` wrote.

    Args:
        folder: Where it is.
        inputs: One frame.
        gpu: Where it runs.

    Raises:
        RuntimeError: The process failed, with what it said.
    """
    np.savez(folder / "inputs.npz", **inputs)
    result = run_python([str(HERE / "on_network.py"), str(folder)], gpu)
    if result.returncode != 0:
        raise RuntimeError(f"the network's process ended with {result.returncode}: {result.stderr}")
    with np.load(folder / "outputs.npz") as outputs:
        return GpuRun(outputs=dict(outputs), **json.loads(result.stdout))


def _weights(model: LoweredModel, choice: Choice, names: list[str]) -> dict[str, Any]:
    packed = model.graph.packed_weights(choice, 0, len(model.graph.layers) - 1)
    return {name: _packed(packed[name], model) if name in packed else model.weights[name] for name in names}


def _packed(weight: PackedWeight, model: LoweredModel) -> Any:
    one = weight.implementation
    spec = model.graph.kernels[one.kernel]
    assert isinstance(spec, Convolution)
    return pack(spec, variant_of(one.variant), model.weights[weight.name])


def _write_module(path: Path, model: LoweredModel, choice: Choice, target: dict[str, Any]) -> None:
    functions = {one.symbol: _function(one, model, target) for one in model.graph.implementations(choice)}
    host = {"kind": "llvm", "mtriple": _MTRIPLE}
    tvm_ffi.register_global_func(_POSTPROCESS, lambda source, _: portable(source), override=True)
    try:
        library = tvm.tirx.build(tvm.IRModule(functions), target=tvm.target.Target(target, host=host))
    finally:
        tvm_ffi.registry.remove_global_func(_POSTPROCESS)
    library.export_library(str(path), fcompile=_link)


def _function(one: Implementation, model: LoweredModel, target: dict[str, Any]) -> Any:
    spec = model.graph.kernels[one.kernel]
    code = model.functions[one.kernel] if isinstance(spec, Generic) else None
    return emit(spec, variant_of(one.variant), target, code).with_attr("global_symbol", one.symbol)


def _link(output: str, objects: list[str], **_: Any) -> None:
    link([Path(name) for name in objects], Path(output), _MTRIPLE)


_link.object_format = "o"  # type: ignore[attr-defined]  # TVM asks the function for it
_link.output_format = "so"  # type: ignore[attr-defined]
