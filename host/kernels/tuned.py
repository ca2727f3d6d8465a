"""Kernels that a search found: a definition and the trace of what was done to its loops."""

import json
from typing import Any

import tvm
from tvm import s_tir

from host.kernels.definition import define
from host.kernels.specs import Generic, Spec
from host.kernels.variants import Variant


def unscheduled(spec: Spec, base: Variant, code: Any = None) -> Any:
    """What a search starts from.

    Args:
        spec: What the kernel computes.
        base: Says in which order a convolution's weights are packed.
        code: For a `Generic` spec its TIR function.
    """
    return code if isinstance(spec, Generic) else define(spec, base)


def module_of(definition: Any) -> Any:
    """A definition as the module that traces apply to."""
    return tvm.IRModule({"main": definition.with_attr({"global_symbol": "main", "tirx.noalias": True})})


def schedule(definition: Any, trace: str) -> Any:
    """Does to a definition's loops what a trace says.

    Args:
        definition: What `unscheduled` gave when the trace was recorded.
        trace: TVM's JSON of it.

    Returns:
        A TIR function with the same parameters.
    """
    sch = s_tir.Schedule(module_of(definition))
    s_tir.schedule.Trace.apply_json_to_schedule(json.loads(trace), sch)
    return sch.mod["main"]
