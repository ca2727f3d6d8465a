"""A Relax dataflow block as a list of operators with their users: what pattern matching needs to ask."""

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import tvm
from tvm import relax, tirx

Array = npt.NDArray[Any]


@dataclass(frozen=True, slots=True, eq=False)
class Operator:
    """One binding.

    Attributes:
        position: Its place in the block.
        variable: What it defines.
        value: The expression, a call in most cases.
    """

    position: int
    variable: Any
    value: Any

    @property
    def name(self) -> str:
        """Relax's name of the operator, such as `relax.add`; empty for what is no call of one."""
        return str(self.value.op.name) if isinstance(self.value, relax.Call) else ""

    @property
    def operands(self) -> tuple[Any, ...]:
        """The call's arguments, tuples taken apart."""
        if isinstance(self.value, relax.Call):
            return tuple(_flat(self.value.args))
        return tuple(_flat([self.value]))


class Operators:
    """The operators of a function whose body is one dataflow block.

    Args:
        main: A Relax function with static shapes.
    """

    def __init__(self, main: Any) -> None:
        bindings = [binding for block in main.body.blocks for binding in block.bindings]
        self.all = tuple(Operator(i, binding.var, binding.value) for i, binding in enumerate(bindings))
        self.producer: dict[Any, Operator] = {operator.variable: operator for operator in self.all}
        self._users: dict[Any, list[Operator]] = defaultdict(list)
        for operator in self.all:
            for operand in dict.fromkeys(o for o in operator.operands if isinstance(o, relax.Var)):
                self._users[operand].append(operator)
        self._results = set(_flat([main.body.body]))

    def users(self, variable: Any) -> Sequence[Operator]:
        """The operators that read a variable, in order."""
        return self._users[variable]

    def is_result(self, variable: Any) -> bool:
        """Whether the function returns a variable."""
        return variable in self._results

    def only_user(self, variable: Any) -> Operator | None:
        """The one operator that reads a variable, if nobody else does."""
        users = self._users[variable]
        return users[0] if len(users) == 1 and not self.is_result(variable) else None


def shape_of(expression: Any) -> tuple[int, ...] | None:
    """Static shape of a float32 tensor; None for everything else."""
    kind = expression.ty
    if not isinstance(kind, relax.TensorType) or str(kind.dtype) != "float32" or kind.shape is None:
        return None
    if not isinstance(kind.shape, relax.ShapeExpr):
        return None
    extents = kind.shape.values
    return tuple(map(int, extents)) if all(isinstance(e, tirx.IntImm) for e in extents) else None


def constant(expression: Any) -> Array | None:
    """The contents of a constant tensor; None for everything else."""
    return expression.value.numpy() if isinstance(expression, tvm.ir.GenericConst) else None


def scalar(expression: Any) -> float | None:
    """A number that is known: a constant of one element or an immediate; None for everything else."""
    if isinstance(expression, tirx.FloatImm | tirx.IntImm):
        return float(expression.value)
    array = constant(expression)
    if array is None or array.size != 1 or array.dtype != np.float32:
        return None
    value = float(array.reshape(()))
    return value if math.isfinite(value) else None


def per_channel(expression: Any, rank: int) -> Array | None:
    """A constant that has one number for each channel of a tensor of some rank; None for everything else."""
    array = constant(expression)
    if array is None or array.dtype != np.float32:
        return None
    behind = rank - 2
    shape = (1,) * (rank - array.ndim) + array.shape
    if len(shape) != rank or shape[0] != 1 or shape[2:] != (1,) * behind:
        return None
    return np.ascontiguousarray(array.reshape(-1))


def _flat(expressions: Any) -> list[Any]:
    flat: list[Any] = []
    for expression in expressions:
        if isinstance(expression, relax.Tuple):
            flat += _flat(expression.fields)
        elif isinstance(expression, relax.TupleGetItem):
            flat += _flat([expression.tuple_value])
        else:
            flat.append(expression)
    return flat
