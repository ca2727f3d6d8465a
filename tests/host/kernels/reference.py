"""What kernels should compute, said plainly with numpy, and a way to run them between numbers that must stay."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from platform import machine
from typing import Any

import numpy as np
import numpy.typing as npt
import tvm

from device.inventory.parts import x86_level
from host.kernels import cpu
from host.kernels.epilogue import RESULT, Epilogue
from host.kernels.forms import Form
from host.kernels.machines import Cpu, describe_cpu
from host.kernels.packing import pack
from host.kernels.specs import Convolution, Lrn, Pointwise, Pooling, Separable, Softmax
from host.kernels.variants import Rows, Variant

Array = npt.NDArray[Any]
Kernel = Convolution | Lrn | Pooling | Pointwise | Softmax

_MARGIN = 64
_LINE = 16

_STEPS: Mapping[str, Callable[..., Array]] = {
    "add": np.add,
    "divide": np.divide,
    "exp": np.exp,
    "maximum": np.maximum,
    "minimum": np.minimum,
    "multiply": np.multiply,
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "sqrt": np.sqrt,
    "subtract": np.subtract,
    "tanh": np.tanh,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """A description to schedule for, and a target of this machine to compile for."""

    name: str
    cpu: Cpu
    target: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A kernel with numbers to compute from: activations and operands as `(batch, channels, height, width)`."""

    spec: Kernel
    inputs: tuple[Array, ...]
    weights: Array | None
    operands: tuple[Array, ...]

    @classmethod
    def of(cls, spec: Kernel, seed: int = 0) -> "Case":
        """Draws numbers of which products and sums are exact in any order."""
        random = np.random.default_rng(seed)

        def draw(*shape: int) -> Array:
            return random.integers(-8, 9, shape).astype("float32") / 4

        forms = spec.inputs if isinstance(spec, Pointwise) else (spec.input,)
        operands = [
            draw(*form.logical_shape) if form else draw(spec.output.channels)
            for form in spec.epilogue.operands
        ]
        inputs = [draw(*form.logical_shape) for form in forms]
        if isinstance(spec, Pooling) and spec.is_nonnegative:
            inputs = [np.abs(values) for values in inputs]
        weights = draw(*_weights_shape(spec)) if isinstance(spec, Convolution) else None
        return cls(spec=spec, inputs=tuple(inputs), weights=weights, operands=tuple(operands))

    def arguments(self, variant: Variant) -> list[Array]:
        """What the kernel is called with, as it lies in memory; without the output."""
        forms = self.spec.inputs if isinstance(self.spec, Pointwise) else (self.spec.input,)
        weights = []
        if isinstance(self.spec, Convolution):
            assert self.weights is not None
            weights = [pack(self.spec, variant, self.weights)]
        return [
            *(to_memory(form, values) for form, values in zip(forms, self.inputs, strict=True)),
            *weights,
            *(
                to_memory(form, values) if form else values
                for form, values in zip(self.spec.epilogue.operands, self.operands, strict=True)
            ),
        ]

    def expected(self) -> Array:
        """The output as it should lie in memory, the zeros of its halo included."""
        match self.spec:
            case Convolution():
                assert self.weights is not None
                result = convolve(self.spec, self.inputs[0], self.weights)
            case Pooling():
                result = pool(self.spec, self.inputs[0])
            case Softmax():
                powers = np.exp(self.inputs[0] - self.inputs[0].max(axis=1, keepdims=True))
                result = powers / powers.sum(axis=1, keepdims=True)
            case Lrn():
                result = normalise(self.spec, self.inputs[0])
            case _:
                result = np.concatenate(self.inputs, axis=1)
        return to_memory(self.spec.output, finish(self.spec.epilogue, result, self.operands))


@dataclass(frozen=True, slots=True, kw_only=True)
class Separated:
    """Two convolutions with numbers to compute from, the first one's result being the second one's input."""

    spec: Separable
    first: Case
    second: Case

    @classmethod
    def of(cls, spec: Separable) -> "Separated":
        """Draws numbers of which products and sums are exact in any order."""
        first, second = Case.of(spec.depthwise), Case.of(spec.pointwise, seed=1)
        batch, channels, height, width = spec.depthwise.output.logical_shape
        between = first.expected().reshape(batch, height, width, channels).transpose(0, 3, 1, 2)
        return cls(spec=spec, first=first, second=replace(second, inputs=(between,)))

    def arguments(self, variant: Variant) -> list[Array]:
        """What the kernel is called with, as it lies in memory; without the output."""
        assert isinstance(variant, Rows)
        return [
            *self.first.arguments(variant.depthwise),
            *self.second.arguments(variant.pointwise)[1:],
        ]

    def expected(self) -> Array:
        """The output as it should lie in memory, the zeros of its halo included."""
        return self.second.expected()


def machines() -> tuple[Machine, ...]:
    """Every description that makes a difference; those of other machines are compiled for this one."""
    triple = f"{machine()}-linux-gnu"
    own = [{"kind": "llvm", "mtriple": triple, "mcpu": name} for name in _own_names()]
    others = {
        "cortex-a57": {"mtriple": "aarch64-linux-gnu", "mcpu": "cortex-a57"},
        "scalar": {"mtriple": "riscv64-linux-gnu"},
    }
    return (
        *(Machine(name=target["mcpu"], cpu=describe_cpu(target), target=target) for target in own),
        *(Machine(name=name, cpu=describe_cpu(target), target=own[-1]) for name, target in others.items()),
    )


def run(case: Case | Separated, variant: Variant, on: Machine) -> Array:
    """Compiles a kernel and runs it; what lies around its tensors may neither be written nor matter.

    Returns:
        The output as it lies in memory.
    """
    function = cpu.emit(case.spec, variant, on.cpu)
    library = tvm.tirx.build(tvm.IRModule({"main": function}), target=tvm.target.Target(dict(on.target)))
    arguments = [_surrounded(values) for values in case.arguments(variant)]
    output = _surrounded(np.full(case.spec.output.shape, np.nan, "float32"))
    library["main"](*(tvm.runtime.from_dlpack(values) for _, values in (*arguments, output)))
    for around, values in (*arguments, output):
        assert np.count_nonzero(np.isnan(around)) == around.size - values.size, (
            "written outside, or not at all"
        )
    return output[1]


def assert_computes(spec: Kernel, variant: Variant, on: Machine) -> None:
    """Fails unless a kernel computes what its spec says."""
    case = Case.of(spec)
    np.testing.assert_allclose(run(case, variant, on), case.expected(), rtol=1e-5, atol=1e-5)


def to_memory(form: Form, values: Array) -> Array:
    """Lays `(batch, channels, height, width)` out as a form says, with zeros in its halo."""
    (above, beside), axes = form.halo, ((0, 2, 3, 1) if form.layout == "channels-last" else (0, 1, 2, 3))
    padded = np.pad(values, ((0, 0), (0, 0), (above, above), (beside, beside)))
    return np.ascontiguousarray(padded.transpose(axes), "float32").reshape(form.shape)


def convolve(spec: Convolution, image: Array, weights: Array) -> Array:
    """A convolution of `(batch, channels, height, width)`."""
    if spec.weights == "dense":
        weights = weights.T.reshape(spec.output.channels, spec.input.channels, *spec.kernel)
    each, inner = spec.output.channels // spec.groups, spec.input.channels // spec.groups
    result = np.zeros(spec.output.logical_shape)
    for (row, column), seen in _windows(spec, image, 0.0).items():
        for group in range(spec.groups):
            part = seen[:, group * inner : (group + 1) * inner]
            kernel = weights[group * each : (group + 1) * each, :, row, column]
            result[:, group * each : (group + 1) * each] += np.einsum("nchw,oc->nohw", part, kernel)
    return result


def normalise(spec: Lrn, values: Array) -> Array:
    """Local response normalisation by its definition."""
    channels, reach = values.shape[1], spec.size // 2
    squares = np.pad(values * values, ((0, 0), (reach, reach), (0, 0), (0, 0)))
    sums = sum(squares[:, shift : shift + channels] for shift in range(spec.size))
    divisors: Array = (spec.bias + spec.alpha / spec.size * sums) ** spec.beta
    return values / divisors


def pool(spec: Pooling, image: Array) -> Array:
    """The largest value or the mean of each window."""
    if spec.kind == "max":
        return np.asarray(np.max(list(_windows(spec, image, -np.inf).values()), axis=0))
    total = np.sum(list(_windows(spec, image, 0.0).values()), axis=0)
    inside = np.sum(list(_windows(spec, np.ones_like(image), 0.0).values()), axis=0)
    return np.asarray(total / (spec.kernel[0] * spec.kernel[1] if spec.counts_padding else inside))


def finish(epilogue: Epilogue, result: Array, operands: Sequence[Array]) -> Array:
    """Applies an epilogue's steps."""
    known = {RESULT: result}
    for index, operand in enumerate(operands):
        known[f"o{index}"] = operand if operand.ndim > 1 else operand[None, :, None, None]
    for index, step in enumerate(epilogue.steps):
        values = [known[name] if isinstance(name, str) else name for name in step.operands]
        result = known[f"s{index}"] = _STEPS[step.operation](*values)
    return result


def _windows(spec: Convolution | Pooling, image: Array, outside: float) -> dict[tuple[int, int], Array]:
    """For each place in the window what every result finds there."""
    far = [
        spec.padding[axis] + spec.strides[axis] * size + spec.dilation[axis] * spec.kernel[axis]
        for axis, size in enumerate(spec.output.logical_shape[2:])
    ]
    padding = [(0, 0), (0, 0), *((spec.padding[axis], far[axis]) for axis in (0, 1))]
    padded = np.pad(image.astype("float64"), padding, constant_values=outside)
    found = {}
    for row in range(spec.kernel[0]):
        for column in range(spec.kernel[1]):
            first = row * spec.dilation[0], column * spec.dilation[1]
            rows, columns = (
                slice(start, start + stride * size, stride)
                for start, stride, size in zip(
                    first, spec.strides, spec.output.logical_shape[2:], strict=True
                )
            )
            found[row, column] = padded[:, :, rows, columns]
    return found


def _weights_shape(spec: Convolution) -> tuple[int, ...]:
    height, width = spec.kernel
    if spec.weights == "dense":
        return (spec.input.channels * height * width, spec.output.channels)
    return (spec.output.channels, spec.input.channels // spec.groups, height, width)


def _own_names() -> list[str]:
    if machine() != "x86_64":
        return ["generic"]
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    level = x86_level(next(line for line in lines if line.startswith("flags")).split())
    return [name for name in ("x86-64", "x86-64-v3", "x86-64-v4") if name <= level]


def _surrounded(values: Array) -> tuple[Array, Array]:
    """A copy at an aligned address, with numbers around it that are none; both, and the copy alone."""
    around = np.full(values.size + 2 * _MARGIN + _LINE, np.nan, "float32")
    start = _MARGIN + -(around.ctypes.data // around.itemsize + _MARGIN) % _LINE
    inner = around[start : start + values.size].reshape(values.shape)
    inner[...] = values
    return around, inner
