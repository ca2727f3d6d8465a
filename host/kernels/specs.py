"""What a kernel computes, as plain data: enough to emit its code for any target, and nothing about how.

Arguments of a kernel, in order: what it reads, a convolution's weights, the operands of its epilogue, what it writes.
"""

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from host.kernels.epilogue import NOTHING, Epilogue, Step
from host.kernels.forms import Form


@dataclass(frozen=True, slots=True, kw_only=True)
class Convolution:
    """A two-dimensional convolution; a fully connected layer is one on an image of its kernel's size.

    Attributes:
        input: What it reads; its halo is at least the padding.
        output: What it writes.
        kernel: Height and width.
        strides: Rows and columns.
        padding: Zero rows above and zero columns left of the image; those below and right follow from the output.
        dilation: Rows and columns.
        groups: Both channel counts are multiples of it.
        weights: `oihw` for `(out, in / groups, height, width)`, `dense` for `(in * height * width, out)`.
        epilogue: What happens to the sums.
    """

    input: Form
    output: Form
    kernel: tuple[int, int]
    strides: tuple[int, int] = (1, 1)
    padding: tuple[int, int] = (0, 0)
    dilation: tuple[int, int] = (1, 1)
    groups: int = 1
    weights: Literal["oihw", "dense"] = "oihw"
    epilogue: Epilogue = NOTHING

    @property
    def is_depthwise(self) -> bool:
        """Whether each channel is filtered for itself."""
        return self.groups == self.input.channels == self.output.channels > 1

    @property
    def flops(self) -> float:
        """Multiplications and additions."""
        taps = self.kernel[0] * self.kernel[1] * self.input.channels // self.groups
        return 2.0 * taps * _elements(self.output)


@dataclass(frozen=True, slots=True, kw_only=True)
class Separable:
    """A depthwise convolution and the 1x1 convolution of its result, which is stored nowhere.

    Its arguments are those of the first without the output, then those of the second without the input.

    Attributes:
        depthwise: The first; each operand of its epilogue is one number a channel.
        pointwise: The second, of every pixel for itself, and all that the first's result is needed for.
    """

    depthwise: Convolution
    pointwise: Convolution

    @property
    def input(self) -> Form:
        """What it reads."""
        return self.depthwise.input

    @property
    def output(self) -> Form:
        """What it writes."""
        return self.pointwise.output

    @property
    def flops(self) -> float:
        """Multiplications and additions."""
        return self.depthwise.flops + self.pointwise.flops


@dataclass(frozen=True, slots=True, kw_only=True)
class Pooling:
    """The largest value or the mean of each window.

    Attributes:
        input: What it reads.
        output: What it writes.
        kind: `max` or `average`.
        kernel: Height and width of the window.
        strides: Rows and columns.
        padding: Rows above and columns left of the image that windows may begin in.
        dilation: Rows and columns; only of a largest value.
        counts_padding: Whether a mean divides by the whole window's size at the image's edge, too.
        is_nonnegative: Whether the input is known to hold no negative number, so that zeros cannot win.
        epilogue: What happens to the results.
    """

    input: Form
    output: Form
    kind: Literal["max", "average"]
    kernel: tuple[int, int]
    strides: tuple[int, int] = (1, 1)
    padding: tuple[int, int] = (0, 0)
    dilation: tuple[int, int] = (1, 1)
    counts_padding: bool = False
    is_nonnegative: bool = False
    epilogue: Epilogue = NOTHING

    @property
    def flops(self) -> float:
        """Comparisons or additions."""
        return float(self.kernel[0] * self.kernel[1] * _elements(self.output))


@dataclass(frozen=True, slots=True, kw_only=True)
class Pointwise:
    """Inputs side by side along the channels, then elementwise steps; also a change of form, and a plain copy.

    Attributes:
        inputs: What it reads; together they have the output's channels.
        output: What it writes.
        epilogue: What happens to each element.
    """

    inputs: tuple[Form, ...]
    output: Form
    epilogue: Epilogue = NOTHING

    @property
    def flops(self) -> float:
        """One for each elementwise step."""
        return float(len(self.epilogue.steps) * _elements(self.output))


@dataclass(frozen=True, slots=True, kw_only=True)
class Softmax:
    """Softmax over the channels of each row of a `(batch, channels)` tensor.

    Attributes:
        input: What it reads.
        output: What it writes.
        epilogue: What happens to the results.
    """

    input: Form
    output: Form
    epilogue: Epilogue = NOTHING

    @property
    def flops(self) -> float:
        """Maximum, difference, exponential, sum and quotient."""
        return 5.0 * _elements(self.output)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lrn:
    """Local response normalisation across channels: `x / (bias + alpha / size * sum of squares) ** beta`.

    Krizhevsky et al., 2012, as ONNX defines it: the sum runs over `size` neighbouring channels.

    Attributes:
        input: What it reads.
        output: What it writes.
        size: Channels in a sum, an odd number.
        alpha: Factor of the mean of squares.
        beta: Exponent.
        bias: What is added to the mean.
        epilogue: What happens to the results.
    """

    input: Form
    output: Form
    size: int
    alpha: float
    beta: float
    bias: float
    epilogue: Epilogue = NOTHING

    @property
    def flops(self) -> float:
        """Squares, sums, a power and a quotient."""
        return (self.size + 5.0) * _elements(self.output)


@dataclass(frozen=True, slots=True, kw_only=True)
class Generic:
    """A loop nest that TVM's operator fusion made, of an operator that has no schedule of its own.

    Attributes:
        code: Digest of its TIR function.
        flops: Floating-point operations.
    """

    code: str
    flops: float


_ITEM_BYTES = 4

_FAR_BYTES = 512 * 1024
"""As much as the second cache of most cores holds."""

Emitted = Convolution | Pooling | Pointwise | Softmax | Lrn
"""What kernels are written for, one operator with what follows it elementwise."""

Spec = Emitted | Separable | Generic

_KINDS: Mapping[str, type[Any]] = {
    kind.__name__.lower(): kind
    for kind in (Convolution, Separable, Pooling, Pointwise, Softmax, Lrn, Generic)
}


def separable_of(first: Spec, second: Spec) -> Separable | None:
    """Two kernels as one, if the second can take the first one's result row by row and that is worth it.

    It is where the result is so large that it does not stay in a core's own caches from one kernel to the next.

    Args:
        first: What computes the result.
        second: What reads it, and nobody else does.
    """
    if not isinstance(first, Convolution) or not isinstance(second, Convolution):
        return None
    is_pointwise = second.kernel == second.strides == (1, 1) and second.padding == (0, 0)
    is_private = first.output == second.input and first.output.is_dense and not any(first.epilogue.operands)
    if not first.is_depthwise or not is_pointwise or second.groups != 1 or not is_private:
        return None
    if second.weights != "oihw" or first.output.layout != "channels-last":
        return None
    is_large = first.output.size * _ITEM_BYTES >= _FAR_BYTES
    return Separable(depthwise=first, pointwise=second) if is_large else None


def to_document(spec: Spec) -> dict[str, Any]:
    """A JSON document from which `from_document` restores the spec."""
    return {"spec": type(spec).__name__.lower(), **dataclasses.asdict(spec)}


def from_document(document: Mapping[str, Any]) -> Spec:
    """Restores a spec that `to_document` wrote.

    Raises:
        KeyError: The document is of a kind that this version does not know.
    """
    fields = {name: _field(name, value) for name, value in document.items() if name != "spec"}
    spec: Spec = _KINDS[document["spec"]](**fields)
    return spec


def digest(spec: Spec) -> str:
    """A name for what a kernel computes: 16 hexadecimal digits, equal for equal specs."""
    if isinstance(spec, Generic):
        return spec.code
    text = json.dumps(to_document(spec), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _field(name: str, value: Any) -> Any:
    if name in {"input", "output"}:
        return _form(value)
    if name == "inputs":
        return tuple(map(_form, value))
    if name in {"depthwise", "pointwise"}:
        return Convolution(**{inner: _field(inner, one) for inner, one in value.items()})
    if name == "epilogue":
        return Epilogue(
            operands=tuple(_form(operand) if operand else None for operand in value["operands"]),
            steps=tuple(
                Step(operation=step["operation"], operands=tuple(step["operands"])) for step in value["steps"]
            ),
        )
    return tuple(value) if isinstance(value, list) else value


def _form(value: Mapping[str, Any]) -> Form:
    return Form(**{**value, "halo": tuple(value["halo"])})


def _elements(form: Form) -> int:
    return form.batch * form.channels * form.height * form.width
