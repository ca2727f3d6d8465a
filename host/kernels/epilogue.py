"""What happens to a result before it is stored: bias, activation, residual add; a few elementwise steps."""

from dataclasses import dataclass

from host.kernels.forms import Form

RESULT = "x"
"""Names what the epilogue starts from, in the operands of a step."""

UNARY = frozenset({"exp", "sigmoid", "sqrt", "tanh"})
BINARY = frozenset({"add", "divide", "maximum", "minimum", "multiply", "subtract"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One elementwise operation.

    Attributes:
        operation: A name of `UNARY` or `BINARY`.
        operands: Each a number, `x` (the result so far computed by the kernel), `o0`, `o1`, ... (the epilogue's
            operands) or `s0`, `s1`, ... (the steps before).
    """

    operation: str
    operands: tuple[str | float, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Epilogue:
    """Elementwise steps on a kernel's result.

    Attributes:
        operands: What it reads besides the result: a tensor in some form, or None for one number a channel.
        steps: In order; the last one's value is stored. Without steps the result itself is stored.
    """

    operands: tuple[Form | None, ...] = ()
    steps: tuple[Step, ...] = ()

    @property
    def is_nonnegative(self) -> bool:
        """Whether what is stored can be seen to be never negative."""
        if not self.steps:
            return False
        last = self.steps[-1]
        if last.operation == "minimum" and all(not isinstance(o, float) or o >= 0 for o in last.operands):
            names = [o for o in last.operands if isinstance(o, str)]
            return all(self._is_nonnegative(name) for name in names)
        return self._is_nonnegative(f"s{len(self.steps) - 1}")

    def _is_nonnegative(self, name: str) -> bool:
        if not name.startswith("s"):
            return False
        step = self.steps[int(name[1:])]
        if step.operation in {"sigmoid", "exp", "sqrt"}:
            return True
        return step.operation == "maximum" and any(isinstance(o, float) and o >= 0 for o in step.operands)


NOTHING = Epilogue()
"""Stores the result as it is."""
