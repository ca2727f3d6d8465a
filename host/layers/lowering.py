"""Relax module to layers: our own kernels where there are some, operators that TVM fused elsewhere, constants apart."""

import hashlib
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import tvm
import tvm_ffi
from tvm import relax
from tvm.s_tir.analysis import estimate_tir_flops

from host.errors import InputError
from host.kernels.specs import Generic, Spec, digest, separable_of
from host.layers.graph import KernelCall, Layer, LayerGraph, Tensor
from host.layers.naming import is_change_of_form, is_free, kind_of, kind_of_generic, numbered
from host.layers.recognition import PREFIX, recognise

Array = npt.NDArray[Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class LoweredModel:
    """A network that is ready to be built.

    Attributes:
        graph: Its layers.
        functions: TIR function of each generic kernel by its digest.
        weights: Constant tensors by name.
    """

    graph: LayerGraph
    functions: Mapping[str, Any]
    weights: Mapping[str, Array]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Step:
    """One fused operator before its neighbours are known."""

    kind: str
    is_free: bool
    call: KernelCall
    reads: tuple[str, ...]
    weights: tuple[str, ...]
    writes: tuple[str, ...]
    flops: float


def lower(module: Any, *, name: str, inputs: Sequence[str], outputs: Sequence[str]) -> LoweredModel:
    """Fuses the operators of `main` and cuts it into layers in execution order.

    Args:
        module: A Relax module with static shapes whose `main` is one dataflow block.
        name: The network's name.
        inputs: Names for the parameters of `main`, in order.
        outputs: Names for the results of `main`, in order.

    Raises:
        InputError: The network holds an operator that has no kernel.
    """
    recognised = recognise(module)
    lowering = _Lowering(fuse(recognised.module), recognised.specs, name)
    return lowering.lowered(tuple(inputs), tuple(outputs))


def fuse(module: Any) -> Any:
    """TVM's own legalisation and fusion of what is left: one `call_tir` a fused operator."""
    passes = relax.transform
    chain = tvm.ir.transform.Sequential(
        [
            passes.CanonicalizeBindings(),
            passes.FoldConstant(),
            passes.LegalizeOps(),
            passes.AnnotateTIROpPattern(),
            passes.FoldConstant(),
            passes.FuseOps(),
            passes.FuseTIR(),
            passes.DeadCodeElimination(),
        ]
    )
    return chain(module)


class _Lowering:
    """Walks the bindings of `main` once, collecting tensors, kernels and steps."""

    def __init__(self, module: Any, specs: Sequence[Spec], name: str) -> None:
        self._module = module
        self._specs = specs
        self._name = name
        self._tensors: dict[str, Tensor] = {}
        self._weights: dict[str, Array] = {}
        self._weight_names: dict[bytes, str] = {}
        self._kernels: dict[str, Spec] = {}
        self._functions: dict[str, Any] = {}
        self._generic: dict[str, Generic] = {}
        self._values: dict[Any, tuple[str, ...]] = {}
        self._steps: list[_Step] = []

    def lowered(self, inputs: tuple[str, ...], outputs: tuple[str, ...]) -> LoweredModel:
        main = self._module["main"]
        for parameter, name in zip(main.params, inputs, strict=True):
            self._values[parameter] = (self._add_tensor(name, parameter.ty),)
        for block in main.body.blocks:
            for binding in block.bindings:
                self._values[binding.var] = self._bind(binding.value)
        results = self._names_of(main.body.body)
        for result in results:
            self._require_activation(result)
        layers = tuple(self._layers(frozenset(results)))
        graph = LayerGraph(
            name=self._name,
            inputs=inputs,
            outputs=tuple(zip(outputs, results, strict=True)),
            tensors=self._tensors,
            layers=layers,
            kernels=self._kernels,
        )
        return LoweredModel(graph=graph, functions=self._functions, weights=self._weights)

    def _layers(self, results: frozenset[str]) -> Iterator[Layer]:
        groups = _group(self._steps, self._kernels, results)
        names = numbered([_group_kind(group) for group in groups])
        readers = Counter(name for group in groups for name in {n for step in group for n in step.reads})
        for name, group in zip(names, groups, strict=True):
            yield replace(_layer(name, group, readers, results), joined=self._joined(group))

    def _joined(self, group: Sequence[_Step]) -> tuple[KernelCall, ...]:
        """The calls of a group in which two convolutions become one kernel, where it has two such."""
        for index, (first, second) in enumerate(pairwise(group)):
            if spec := separable_of(self._kernels[first.call.kernel], self._kernels[second.call.kernel]):
                self._kernels.setdefault(digest(spec), spec)
                arguments = (*first.call.arguments[:-1], *second.call.arguments[1:])
                both = KernelCall(kernel=digest(spec), arguments=arguments)
                calls = [step.call for step in group]
                return (*calls[:index], both, *calls[index + 2 :])
        return ()

    def _bind(self, value: Any) -> tuple[str, ...]:
        if isinstance(value, relax.Call):
            if value.op.name == "relax.call_dps_packed":
                return self._call_recognised(value)
            if value.op.name == "relax.call_tir":
                return self._call_generic(value)
            raise InputError(f"model {self._name}: the operator {value.op.name} has no kernel")
        return self._names_of(value)

    def _names_of(self, value: Any) -> tuple[str, ...]:
        if isinstance(value, relax.Tuple):
            return tuple(name for field in value.fields for name in self._names_of(field))
        if isinstance(value, relax.TupleGetItem):
            return (self._names_of(value.tuple_value)[value.index],)
        if isinstance(value, tvm.ir.Constant):
            return (self._weight(value),)
        if value in self._values:
            return self._values[value]
        raise InputError(f"model {self._name}: an expression of kind {type(value).__name__} is not supported")

    def _call_recognised(self, value: Any) -> tuple[str, ...]:
        name, arguments = str(value.args[0].global_symbol), value.args[1]
        spec = self._specs[int(name.removeprefix(PREFIX))]
        return self._add_step(spec, kind_of(spec), is_change_of_form(spec), arguments, value)

    def _call_generic(self, value: Any) -> tuple[str, ...]:
        global_var, arguments = value.args[0], value.args[1]
        spec = self._generic_spec(global_var.name_hint, self._module[global_var])
        hint = global_var.name_hint
        return self._add_step(spec, kind_of_generic(hint), is_free(hint), arguments, value)

    def _add_step(
        self, spec: Spec, kind: str, is_free_step: bool, arguments: Any, value: Any
    ) -> tuple[str, ...]:
        operands = self._names_of(arguments)
        kinds = value.ty_args[0]
        kinds = list(kinds.fields) if isinstance(kinds, relax.TupleType) else [kinds]
        index = sum(len(step.writes) for step in self._steps)
        results = tuple(self._add_tensor(f"t{index + i}", kind) for i, kind in enumerate(kinds))
        self._kernels.setdefault(digest(spec), spec)
        self._steps.append(
            _Step(
                kind=kind,
                is_free=is_free_step,
                call=KernelCall(kernel=digest(spec), arguments=(*operands, *results)),
                reads=tuple(dict.fromkeys(name for name in operands if name not in self._weights)),
                weights=tuple(dict.fromkeys(name for name in operands if name in self._weights)),
                writes=results,
                flops=spec.flops,
            )
        )
        return results

    def _generic_spec(self, hint: str, function: Any) -> Generic:
        if hint not in self._generic:
            code = kernel_digest(function)
            self._functions.setdefault(code, function)
            flops = float(estimate_tir_flops(tvm.IRModule({"main": function})))
            self._generic[hint] = Generic(code=code, flops=flops)
        return self._generic[hint]

    def _weight(self, constant: Any) -> str:
        array = constant.value.numpy()
        key = hashlib.sha256(f"{array.dtype}{array.shape}".encode() + array.tobytes()).digest()
        if key not in self._weight_names:
            name = self._weight_names[key] = f"w{len(self._weights)}"
            self._weights[name] = np.ascontiguousarray(array)
            self._tensors[name] = Tensor(name=name, shape=tuple(array.shape), dtype=str(array.dtype))
        return self._weight_names[key]

    def _add_tensor(self, name: str, kind: Any) -> str:
        if not isinstance(kind, relax.TensorType) or kind.shape is None:
            raise InputError(f"model {self._name}: the tensor {name} has no static shape")
        shape = tuple(int(extent) for extent in kind.shape.values)
        self._tensors[name] = Tensor(name=name, shape=shape, dtype=str(kind.dtype))
        return name

    def _require_activation(self, name: str) -> None:
        if not any(name in step.writes for step in self._steps):
            raise InputError(f"model {self._name}: its output {name} does not depend on any layer")


def kernel_digest(function: Any) -> str:
    """A name for a kernel's code: equal for equal TIR, whatever its variables are called.

    Args:
        function: A TIR function with static buffer parameters.

    Returns:
        16 hexadecimal digits over TVM's structural hash and the parameters' shapes and types.
    """
    signature = [(re.sub(r"\s", "", str(p.shape)), str(p.dtype)) for p in function.params]
    structure = tvm_ffi.structural_hash(function) & (2**64 - 1)
    return hashlib.sha256(f"{structure:016x}{signature}".encode()).hexdigest()[:16]


def _group(steps: Sequence[_Step], kernels: Mapping[str, Spec], results: frozenset[str]) -> list[list[_Step]]:
    """Joins what belongs into one layer.

    Free operators join the step before them (the first ones the step behind them), and a 1x1 convolution the depthwise
    one whose large result it alone needs.
    """
    readers = Counter(name for step in steps for name in step.call.arguments[:-1])
    groups: list[list[_Step]] = []
    for step in steps:
        last = groups[-1] if groups else []
        is_beside = step.is_free or all(other.is_free for other in last)
        if last and (is_beside or _follows(last[-1], step, kernels, readers, results)):
            last.append(step)
        else:
            groups.append([step])
    return groups


def _follows(
    before: _Step,
    step: _Step,
    kernels: Mapping[str, Spec],
    readers: Counter[str],
    results: frozenset[str],
) -> bool:
    """Whether a step is a 1x1 convolution of what the one before stores for nobody else."""
    (between,) = before.writes if len(before.writes) == 1 else (None,)
    if between is None or step.call.arguments[0] != between:
        return False
    is_private = readers[between] == 1 and between not in results
    return is_private and separable_of(kernels[before.call.kernel], kernels[step.call.kernel]) is not None


def _group_kind(group: Sequence[_Step]) -> str:
    kinds = [step.kind for step in group if not step.is_free]
    return "".join(kinds) or group[0].kind


def _layer(name: str, group: Sequence[_Step], readers: Counter[str], results: frozenset[str]) -> Layer:
    written = dict.fromkeys(tensor for step in group for tensor in step.writes)
    read = dict.fromkeys(tensor for step in group for tensor in step.reads)
    outputs = [t for t in written if t in results or readers[t] > (1 if t in read else 0)]
    return Layer(
        name=name,
        calls=tuple(step.call for step in group),
        inputs=tuple(tensor for tensor in read if tensor not in written),
        outputs=tuple(outputs),
        weights=tuple(dict.fromkeys(weight for step in group for weight in step.weights)),
        flops=sum(step.flops for step in group),
        structural_hash=_structural_hash(group),
    )


def _structural_hash(group: Sequence[_Step]) -> str:
    """Hash over the kernels and their wiring; the tensors' names do not matter, only who reads what."""
    slots: dict[str, int] = {}
    parts: list[str] = []
    for step in group:
        wiring = [slots.setdefault(name, len(slots)) for name in step.call.arguments]
        parts.append(f"{step.call.kernel}{wiring}")
    return hashlib.sha256(";".join(parts).encode()).hexdigest()[:32]
