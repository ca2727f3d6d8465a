"""Which operators become one kernel: an operator that kernels are written for, and the elementwise ones behind it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tvm import relax

from host.kernels.epilogue import Step
from host.layers.chain import ELEMENTWISE, Chain
from host.layers.operators import Operator, Operators, constant, shape_of

_IMAGE = 4

_LRN = (
    "relax.expand_dims",
    "relax.nn.avg_pool3d",
    "relax.squeeze",
    "relax.multiply",
    "relax.add",
    "relax.power",
    "relax.divide",
)
"""What follows the square in a local response normalisation."""


@dataclass(slots=True, kw_only=True)
class Group:
    """Operators that become one kernel.

    Attributes:
        kind: `convolution`, `pooling`, `pointwise`, `softmax` or `lrn`.
        anchor: The operator that gives the parameters; for elementwise operators alone the first of them.
        sources: The activations that it reads as its main input.
        members: All operators, in order.
        result: The variable that the last one defines.
        weights: Weights of a convolution as they stand in the module.
        operands: What the epilogue reads: variables, and one number a channel as arrays.
        steps: The epilogue.
    """

    kind: str
    anchor: Operator
    sources: tuple[Any, ...]
    members: list[Operator]
    result: Any
    weights: Any = None
    operands: list[Any] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)


def find_groups(operators: Operators) -> list[Group]:
    """Every group of a network, in the order of their last operators."""
    return _Finder(operators).found()


class _Finder:
    def __init__(self, operators: Operators) -> None:
        self._operators = operators
        self._taken: set[int] = set()
        self._begin: Mapping[str, Callable[[Operator], Group | None]] = {
            "relax.nn.conv2d": self._convolution,
            "relax.matmul": self._product,
            "relax.nn.max_pool2d": self._pooling,
            "relax.nn.avg_pool2d": self._pooling,
            "relax.nn.adaptive_avg_pool2d": self._global_pooling,
            "relax.mean": self._global_pooling,
            "relax.concat": self._concatenation,
            "relax.nn.softmax": self._softmax,
            **dict.fromkeys(ELEMENTWISE, self._elementwise),
            "relax.multiply": lambda operator: self._normalisation(operator) or self._elementwise(operator),
        }

    def found(self) -> list[Group]:
        groups = []
        for operator in self._operators.all:
            begin = self._begin.get(operator.name)
            if begin is None or operator.position in self._taken:
                continue
            if group := begin(operator):
                self._taken.update(member.position for member in group.members)
                groups.append(group)
        return sorted(groups, key=lambda group: group.members[-1].position)

    def _convolution(self, operator: Operator) -> Group | None:
        attributes, (source, weights) = operator.value.attrs, operator.operands
        if (str(attributes.data_layout), str(attributes.kernel_layout)) != ("NCHW", "OIHW"):
            return None
        if constant(weights) is None or not _is_image(source) or not _is_image(operator.variable):
            return None
        return self._grown("convolution", operator, (source,), [operator], weights)

    def _product(self, operator: Operator) -> Group | None:
        source, weights = operator.operands
        shape = shape_of(source)
        if constant(weights) is None or shape is None or len(shape) != 2 or len(shape_of(weights) or ()) != 2:
            return None
        members = [operator]
        flattening = self._operators.producer.get(source)
        if flattening and self._is_flattening(flattening):
            source, members = flattening.operands[0], [flattening, operator]
        return self._grown("convolution", operator, (source,), members, weights)

    def _is_flattening(self, operator: Operator) -> bool:
        """Whether an operator makes rows of images for one matrix product alone."""
        if operator.name != "relax.reshape" or operator.position in self._taken:
            return False
        image, row = shape_of(operator.operands[0]), shape_of(operator.variable)
        is_flat = image is not None and row is not None and len(image) == _IMAGE and image[0] == row[0]
        return is_flat and self._operators.only_user(operator.variable) is not None

    def _pooling(self, operator: Operator) -> Group | None:
        attributes, source = operator.value.attrs, operator.operands[0]
        is_usual = str(attributes.layout) == "NCHW" and _is_image(source) and _is_image(operator.variable)
        if not is_usual or (operator.name == "relax.nn.avg_pool2d" and _has_unusual_mean(attributes)):
            return None
        return self._grown("pooling", operator, (source,), [operator])

    def _global_pooling(self, operator: Operator) -> Group | None:
        source = operator.operands[0]
        axes = getattr(operator.value.attrs, "axis", None)
        if not _is_image(source) or (axes is not None and sorted(int(a) % _IMAGE for a in axes) != [2, 3]):
            return None
        shape = shape_of(operator.variable)
        if shape is None or len(shape) not in {2, _IMAGE} or shape[2:] not in {(), (1, 1)}:
            return None
        return self._grown("pooling", operator, (source,), [operator])

    def _concatenation(self, operator: Operator) -> Group | None:
        axis = operator.value.attrs.axis
        if axis is None or int(axis) != 1:
            return None
        sources = operator.operands
        if not all(_is_image(source) and isinstance(source, relax.Var) for source in sources):
            return None
        if any(isinstance(self._value(source), relax.Tuple) for source in sources):
            return None
        return self._grown("pointwise", operator, sources, [operator])

    def _value(self, variable: Any) -> Any:
        producer = self._operators.producer.get(variable)
        return producer.value if producer else None

    def _softmax(self, operator: Operator) -> Group | None:
        shape = shape_of(operator.variable)
        if shape is None or len(shape) != 2 or int(operator.value.attrs.axis) not in {-1, 1}:
            return None
        return Group(
            kind="softmax",
            anchor=operator,
            sources=operator.operands[:1],
            members=[operator],
            result=operator.variable,
        )

    def _normalisation(self, operator: Operator) -> Group | None:
        """Local response normalisation, in the operators that TVM's importer writes it in."""
        source, other = operator.operands
        if not source.same_as(other) or not _is_image(source):
            return None
        members = [operator]
        for name in _LRN:
            user = self._operators.only_user(members[-1].variable)
            if user is None or user.name != name or user.position in self._taken:
                return None
            members.append(user)
        if not members[-1].operands[0].same_as(source):
            return None
        return self._grown("lrn", members[-1], (source,), members)

    def _elementwise(self, operator: Operator) -> Group | None:
        shape = shape_of(operator.variable)
        if shape is None or len(shape) not in {2, _IMAGE}:
            return None
        start = next(
            (o for o in operator.operands if isinstance(o, relax.Var) and shape_of(o) == shape), None
        )
        if start is None:
            return None
        chain = Chain(self._operators, self._taken, start, owns_start=False)
        chain.grow(operator)
        return _group("pointwise", operator, (start,), [], chain) if chain.members else None

    def _grown(
        self,
        kind: str,
        anchor: Operator,
        sources: tuple[Any, ...],
        members: list[Operator],
        weights: Any = None,
    ) -> Group | None:
        if not all(isinstance(source, relax.Var) for source in sources):
            return None
        chain = Chain(self._operators, self._taken, anchor.variable, owns_start=True)
        chain.grow(None)
        group = _group(kind, anchor, sources, members, chain)
        group.weights = weights
        self._absorb_flattening(group)
        return group

    def _absorb_flattening(self, group: Group) -> None:
        """Lets a kernel whose result is one pixel an image store it as `(batch, channels)` where that is wanted."""
        shape, user = shape_of(group.result), self._operators.only_user(group.result)
        if shape is None or user is None or shape[2:] != (1, 1) or not self._is_row(user, shape):
            return
        group.members.append(user)
        group.result = user.variable

    def _is_row(self, user: Operator, shape: tuple[int, ...]) -> bool:
        names = {"relax.reshape", "relax.squeeze", "relax.nn.batch_flatten", "relax.flatten"}
        return (
            user.name in names and user.position not in self._taken and shape_of(user.variable) == shape[:2]
        )


def _group(
    kind: str, anchor: Operator, sources: tuple[Any, ...], members: Sequence[Operator], chain: Chain
) -> Group:
    absorbed = chain.members
    return Group(
        kind=kind,
        anchor=anchor,
        sources=sources,
        members=sorted([*members, *absorbed], key=lambda member: member.position),
        result=absorbed[-1].variable if absorbed else anchor.variable,
        operands=chain.operands,
        steps=chain.steps,
    )


def _is_image(expression: Any) -> bool:
    shape = shape_of(expression)
    return shape is not None and len(shape) == _IMAGE


def _has_unusual_mean(attributes: Any) -> bool:
    """Whether a mean has holes, or windows beyond the padding of which only a part counts."""
    has_holes = any(int(step) != 1 for step in attributes.dilation)
    return has_holes or (bool(attributes.ceil_mode) and bool(attributes.count_include_pad))
