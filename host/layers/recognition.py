"""Operators that kernels are written for become calls of those kernels, on tensors in the forms that they want.

What is left stays Relax, on plain tensors in the model's own layout; a change of form stands at each border.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from tvm import relax

from host.kernels.epilogue import Epilogue
from host.kernels.forms import Form
from host.kernels.specs import Convolution, Emitted, Lrn, Pointwise, Pooling, Softmax
from host.layers.groups import Group, find_groups
from host.layers.operators import Operators, scalar, shape_of

PREFIX = "stageline.kernel."
"""Calls of recognised kernels have this name and the index of their spec."""

_FEW_CHANNELS = 4
_IMAGE = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Recognised:
    """A module with calls of kernels in it.

    Attributes:
        module: Its `main` calls `stageline.kernel.N` in destination-passing style.
        specs: What kernel number N computes.
    """

    module: Any
    specs: tuple[Emitted, ...]


def recognise(module: Any) -> Recognised:
    """Replaces what kernels are written for.

    Args:
        module: A Relax module with static shapes whose `main` is one dataflow block.
    """
    main = module["main"]
    operators = Operators(main)
    groups = find_groups(operators)
    return _Rewriting(main, operators, groups, _Forms(groups)).rewritten()


class _Forms:
    """In which form each tensor that a kernel reads or writes lies in memory."""

    def __init__(self, groups: Sequence[Group]) -> None:
        self._produced = {group.result: group for group in groups}
        self._halos: dict[Any, tuple[int, int]] = defaultdict(lambda: (0, 0))
        self._channels_last: set[Any] = set()
        self._nonnegative: dict[Any, bool] = {}
        for group in groups:
            self._note_needs(group)
            self._nonnegative[group.result] = self._stays_nonnegative(group)

    def of(self, variable: Any) -> Form:
        """The form of a tensor, whoever makes it."""
        shape = shape_of(variable) or ()
        if len(shape) == 2:
            return Form(batch=shape[0], channels=shape[1], rank=2)
        plain = plain_form(variable)
        is_few = plain.channels <= _FEW_CHANNELS and variable not in self._channels_last
        keeps_layout = variable not in self._produced and is_few
        halo = self._halos[variable]
        return replace(plain, layout="channels-first" if keeps_layout else "channels-last", halo=halo)

    def is_nonnegative(self, variable: Any) -> bool:
        """Whether a tensor can be seen to hold no negative number."""
        return self._nonnegative.get(variable, False)

    def _note_needs(self, group: Group) -> None:
        is_convolution = group.kind == "convolution" and _groups(group) == 1
        if not is_convolution:
            self._channels_last.update(group.sources)
        self._channels_last.update(operand for operand in group.operands if isinstance(operand, relax.Var))
        if group.kind in {"convolution", "pooling"}:
            source = group.sources[0]
            (rows, columns), known = _halo(group), self._halos[source]
            self._halos[source] = (max(rows, known[0]), max(columns, known[1]))

    def _stays_nonnegative(self, group: Group) -> bool:
        if group.steps:
            return Epilogue(steps=tuple(group.steps)).is_nonnegative
        return group.kind in {"pooling", "pointwise"} and all(map(self.is_nonnegative, group.sources))


class _Rewriting:
    """Walks the operators once and writes the new function."""

    def __init__(self, main: Any, operators: Operators, groups: Sequence[Group], forms: _Forms) -> None:
        self._main = main
        self._operators = operators
        self._forms = forms
        self._last = {group.members[-1].position: group for group in groups}
        self._inner = {member.position for group in groups for member in group.members} - self._last.keys()
        self._specs: list[Emitted] = []
        self._plain: dict[Any, Any] = {parameter: parameter for parameter in main.params}
        self._formed: dict[Any, Any] = {}
        self._builder = relax.BlockBuilder()

    def rewritten(self) -> Recognised:
        builder = self._builder
        with builder.function("main", list(self._main.params)):
            with builder.dataflow():
                for operator in self._operators.all:
                    if group := self._last.get(operator.position):
                        self._formed[group.result] = self._call_group(group)
                    elif operator.position not in self._inner:
                        self._plain[operator.variable] = builder.emit(self._substituted(operator.value))
                result = builder.emit_output(self._substituted(self._main.body.body))
            builder.emit_func_output(result)
        return Recognised(module=builder.get(), specs=tuple(self._specs))

    def _call_group(self, group: Group) -> Any:
        operands = [self._operand(operand) for operand in group.operands]
        sources = [self._form(source) for source in group.sources]
        weights = [group.weights] if group.weights is not None else []
        return self._call(self._spec(group), [*sources, *weights, *operands])

    def _spec(self, group: Group) -> Emitted:
        forms = self._forms
        epilogue = Epilogue(
            operands=tuple(forms.of(o) if isinstance(o, relax.Var) else None for o in group.operands),
            steps=tuple(group.steps),
        )
        inputs, output = tuple(map(forms.of, group.sources)), forms.of(group.result)
        if group.kind == "convolution":
            return _convolution(group, inputs[0], output, epilogue)
        if group.kind == "pooling":
            return _pooling(group, inputs[0], output, epilogue, forms.is_nonnegative(group.sources[0]))
        if group.kind == "softmax":
            return Softmax(input=inputs[0], output=output)
        if group.kind == "lrn":
            return _lrn(group, inputs[0], output, epilogue)
        return Pointwise(inputs=inputs, output=output, epilogue=epilogue)

    def _operand(self, operand: Any) -> Any:
        return self._form(operand) if isinstance(operand, relax.Var) else relax.const(operand)

    def _form(self, variable: Any) -> Any:
        """The tensor in its form; made from the plain one where only that exists."""
        if variable not in self._formed:
            plain, form = plain_form(variable), self._forms.of(variable)
            value = self._plain[variable]
            is_same = plain.shape == form.shape and (plain.layout == form.layout or form.rank == 2)
            self._formed[variable] = value if is_same else self._change(value, plain, form)
        return self._formed[variable]

    def _plain_tensor(self, variable: Any) -> Any:
        """The tensor as the model has it; made from the one in a kernel's form where only that exists."""
        if variable not in self._plain:
            plain, form = plain_form(variable), self._forms.of(variable)
            value = self._formed[variable]
            self._plain[variable] = value if form.rank == 2 else self._change(value, form, plain)
        return self._plain[variable]

    def _change(self, value: Any, source: Form, target: Form) -> Any:
        return self._call(Pointwise(inputs=(source,), output=target), [value])

    def _call(self, spec: Emitted, arguments: list[Any]) -> Any:
        self._specs.append(spec)
        name = f"{PREFIX}{len(self._specs) - 1}"
        kind = relax.TensorType(list(spec.output.shape), spec.output.dtype)
        return self._builder.emit(relax.call_dps_packed(name, relax.Tuple(arguments), kind))

    def _substituted(self, expression: Any) -> Any:
        if isinstance(expression, relax.Var):
            return self._plain_tensor(expression)
        if isinstance(expression, relax.Tuple):
            return relax.Tuple([self._substituted(field) for field in expression.fields])
        if isinstance(expression, relax.TupleGetItem):
            return relax.TupleGetItem(self._substituted(expression.tuple_value), expression.index)
        if isinstance(expression, relax.Call):
            arguments = [self._substituted(argument) for argument in expression.args]
            return relax.Call(expression.op, arguments, expression.attrs, expression.ty_args)
        return expression


def plain_form(variable: Any) -> Form:
    """How the model itself holds a tensor of two or four axes."""
    shape = shape_of(variable) or ()
    if len(shape) == 2:
        return Form(batch=shape[0], channels=shape[1], rank=2)
    batch, channels, height, width = shape
    return Form(batch=batch, channels=channels, height=height, width=width, layout="channels-first")


def _convolution(group: Group, source: Form, output: Form, epilogue: Epilogue) -> Convolution:
    if group.anchor.name == "relax.matmul":
        kernel = (source.height, source.width)
        return Convolution(input=source, output=output, kernel=kernel, weights="dense", epilogue=epilogue)
    attributes = group.anchor.value.attrs
    return Convolution(
        input=source,
        output=output,
        kernel=_image_size(group.weights),
        strides=_pair(attributes.strides),
        padding=_pair(attributes.padding),
        dilation=_pair(attributes.dilation),
        groups=int(attributes.groups),
        epilogue=epilogue,
    )


def _pooling(group: Group, source: Form, output: Form, epilogue: Epilogue, is_nonnegative: bool) -> Pooling:
    if group.anchor.name in {"relax.mean", "relax.nn.adaptive_avg_pool2d"}:
        kernel = (source.height, source.width)
        return Pooling(input=source, output=output, kind="average", kernel=kernel, epilogue=epilogue)
    attributes = group.anchor.value.attrs
    return Pooling(
        input=source,
        output=output,
        kind="max" if group.anchor.name == "relax.nn.max_pool2d" else "average",
        kernel=_pair(attributes.pool_size),
        strides=_pair(attributes.strides),
        padding=_pair(attributes.padding),
        dilation=_pair(attributes.dilation),
        counts_padding=bool(attributes.count_include_pad),
        is_nonnegative=is_nonnegative,
        epilogue=epilogue,
    )


def _lrn(group: Group, source: Form, output: Form, epilogue: Epilogue) -> Lrn:
    by_name = {member.name: member for member in group.members[1:8]}
    alpha, bias, beta = (
        scalar(by_name[name].operands[1]) for name in ("relax.multiply", "relax.add", "relax.power")
    )
    return Lrn(
        input=source,
        output=output,
        size=int(by_name["relax.nn.avg_pool3d"].value.attrs.pool_size[0]),
        alpha=alpha or 0.0,
        beta=beta or 0.0,
        bias=bias or 0.0,
        epilogue=epilogue,
    )


def _groups(group: Group) -> int:
    return int(group.anchor.value.attrs.groups) if group.anchor.name == "relax.nn.conv2d" else 1


def _halo(group: Group) -> tuple[int, int]:
    """Zeros that a convolution or pooling wants around its input: as far as its windows leave the image."""
    if group.anchor.name not in {"relax.nn.conv2d", "relax.nn.max_pool2d", "relax.nn.avg_pool2d"}:
        return (0, 0)
    attributes = group.anchor.value.attrs
    strides, padding, dilation = map(_pair, (attributes.strides, attributes.padding, attributes.dilation))
    is_convolution = group.kind == "convolution"
    kernel = _image_size(group.weights) if is_convolution else _pair(attributes.pool_size)
    image, output = _image_size(group.sources[0]), _image_size(group.anchor.variable)
    reach = [
        (output[axis] - 1) * strides[axis]
        + (kernel[axis] - 1) * dilation[axis]
        + 1
        - padding[axis]
        - image[axis]
        for axis in (0, 1)
    ]
    return (max(padding[0], reach[0], 0), max(padding[1], reach[1], 0))


def _image_size(expression: Any) -> tuple[int, int]:
    """Height and width of an image or of a convolution's kernel."""
    _, _, height, width = shape_of(expression) or (0, 0, 0, 0)
    return height, width


def _pair(values: Any) -> tuple[int, int]:
    """The first two of an operator's numbers."""
    return (int(values[0]), int(values[1]))
