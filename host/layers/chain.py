"""Elementwise operators behind a value: what a kernel computes on its results before it stores them."""

from collections.abc import Iterator, Sequence
from typing import Any

from tvm import relax

from host.kernels.epilogue import RESULT, Step
from host.layers.operators import Array, Operator, Operators, per_channel, scalar, shape_of

_MOST_STEPS = 12

_BINARY = {
    "relax.add": "add",
    "relax.subtract": "subtract",
    "relax.multiply": "multiply",
    "relax.divide": "divide",
    "relax.maximum": "maximum",
    "relax.minimum": "minimum",
}
_UNARY = {
    "relax.exp": "exp",
    "relax.sigmoid": "sigmoid",
    "relax.sqrt": "sqrt",
    "relax.tanh": "tanh",
}
ELEMENTWISE = frozenset({*_BINARY, *_UNARY, "relax.nn.relu", "relax.clip", "relax.nn.silu"})


class Chain:
    """Elementwise operators behind a value, as long as nobody else needs what lies between.

    Args:
        operators: The network.
        taken: Positions of operators that belong to other groups.
        start: The value.
        owns_start: Whether nobody else may read the value itself, either.
    """

    def __init__(self, operators: Operators, taken: set[int], start: Any, *, owns_start: bool) -> None:
        self._operators = operators
        self._taken = taken
        self._start = start
        self._owns_start = owns_start
        self._shape = shape_of(start) or ()
        self._known: dict[Any, str] = {start: RESULT}
        self._chain: list[Operator] = []
        self._operands: list[Any] = []
        self._steps: list[Step] = []
        self._whole: tuple[int, int, int] = (0, 0, 0)

    def grow(self, first: Operator | None) -> None:
        """Adds operators while each of them is elementwise; remembers the last state that is closed.

        Args:
            first: The operator to begin with, where the choice is not free.
        """
        operator = first or self._next()
        while operator and len(self._steps) < _MOST_STEPS and self._add(operator):
            if self._is_closed():
                self._whole = (len(self._chain), len(self._operands), len(self._steps))
            operator = self._next()

    @property
    def members(self) -> list[Operator]:
        """The operators."""
        return self._chain[: self._whole[0]]

    @property
    def operands(self) -> list[Any]:
        """What they read besides the value: variables, and one number a channel as arrays."""
        return self._operands[: self._whole[1]]

    @property
    def steps(self) -> list[Step]:
        """What they compute."""
        return self._steps[: self._whole[2]]

    def _next(self) -> Operator | None:
        waiting: Iterator[Operator] = (
            user
            for variable in self._owned()
            for user in self._operators.users(variable)
            if user not in self._chain and user.position not in self._taken
        )
        return min(waiting, key=lambda user: user.position, default=None)

    def _owned(self) -> Sequence[Any]:
        return [variable for variable in self._known if variable is not self._start or self._owns_start]

    def _is_closed(self) -> bool:
        last = self._chain[-1].variable
        return all(
            set(self._operators.users(variable)) <= set(self._chain)
            and not self._operators.is_result(variable)
            for variable in self._owned()
            if variable is not last
        )

    def _add(self, operator: Operator) -> bool:
        if operator.name not in ELEMENTWISE or shape_of(operator.variable) != self._shape:
            return False
        kept = len(self._operands)
        operands = [self._operand(operand) for operand in operator.operands]
        if any(operand is None for operand in operands):
            del self._operands[kept:]
            return False
        last = self._emit(operator, [operand for operand in operands if operand is not None])
        self._known[operator.variable] = last
        self._chain.append(operator)
        return True

    def _operand(self, operand: Any) -> str | float | None:
        """How a step names an operand; None where it cannot."""
        if operand in self._known:
            return self._known[operand]
        number = scalar(operand)
        if number is not None:
            return number
        vector: Array | None = per_channel(operand, len(self._shape))
        if vector is not None and vector.size == self._shape[1]:
            return self._new_operand(vector)
        is_tensor = isinstance(operand, relax.Var) and shape_of(operand) in {
            self._shape,
            (*self._shape[:2], 1, 1),
        }
        return self._new_operand(operand) if is_tensor else None

    def _new_operand(self, operand: Any) -> str:
        self._operands.append(operand)
        return f"o{len(self._operands) - 1}"

    def _emit(self, operator: Operator, operands: list[str | float]) -> str:
        """Adds an operator's steps; returns the name of the last."""
        if operator.name == "relax.nn.relu":
            return self._step("maximum", operands[0], 0.0)
        if operator.name == "relax.clip":
            value, low, high = operands
            return self._step("minimum", self._step("maximum", value, low), high)
        if operator.name == "relax.nn.silu":
            return self._step("multiply", operands[0], self._step("sigmoid", operands[0]))
        return self._step((_BINARY | _UNARY)[operator.name], *operands)

    def _step(self, operation: str, *operands: str | float) -> str:
        self._steps.append(Step(operation=operation, operands=operands))
        return f"s{len(self._steps) - 1}"
