"""Strategies of hypothesis: forms and epilogues of every kind."""

from collections.abc import Sequence

from hypothesis import strategies as st

from host.kernels.epilogue import RESULT, Epilogue, Step
from host.kernels.forms import Form, Layout

LAYOUTS: Sequence[Layout] = ("channels-last", "channels-first")


def halos(least: tuple[int, int] = (0, 0)) -> st.SearchStrategy[tuple[int, int]]:
    """Halos of at least so many rows and columns."""
    return st.tuples(st.integers(least[0], least[0] + 1), st.integers(least[1], least[1] + 2))


def channel_counts(most: int = 70) -> st.SearchStrategy[int]:
    """Counts around whole vectors, and any other."""
    return st.one_of(st.sampled_from([1, 3, 4, 8, 16, 17, 31, 32, 48]), st.integers(1, most))


@st.composite
def epilogues(draw: st.DrawFn, output: Form) -> Epilogue:
    """Epilogues of one operand or two, a tensor of the output's shape or a number a channel."""
    other = Form(
        batch=output.batch,
        channels=output.channels,
        height=output.height,
        width=output.width,
        rank=output.rank,
        layout=draw(st.sampled_from(LAYOUTS)) if output.rank == 4 else "channels-last",
        halo=draw(halos()) if output.rank == 4 else (0, 0),
    )
    bias = Step(operation="add", operands=(RESULT, "o0"))
    relu = Step(operation="maximum", operands=("s0", 0.0))
    return draw(
        st.sampled_from(
            [
                Epilogue(),
                Epilogue(operands=(None,), steps=(bias, relu)),
                Epilogue(
                    operands=(None,), steps=(bias, relu, Step(operation="minimum", operands=("s1", 1.0)))
                ),
                Epilogue(operands=(other,), steps=(bias,)),
                Epilogue(
                    operands=(None, other),
                    steps=(bias, Step(operation="subtract", operands=("o1", "s0")), relu),
                ),
                Epilogue(
                    steps=(
                        Step(operation="tanh", operands=(RESULT,)),
                        Step(operation="multiply", operands=("s0", RESULT)),
                    )
                ),
                Epilogue(
                    operands=(None,),
                    steps=(
                        Step(operation="multiply", operands=(RESULT, "o0")),
                        Step(operation="sigmoid", operands=("s0",)),
                    ),
                ),
            ]
        )
    )
