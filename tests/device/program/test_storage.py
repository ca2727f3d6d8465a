"""Buffers share memory exactly when they are never needed at the same time."""

from itertools import combinations, pairwise

from hypothesis import given
from hypothesis import strategies as st

from device.program import Buffer, Call, Layer, Lifetime, Program, plan_memory, plan_storage
from device.program.storage import ALIGNMENT_BYTES


@st.composite
def lifetimes(draw: st.DrawFn) -> list[Lifetime]:
    spans = draw(st.lists(st.tuples(st.integers(1, 5000), st.integers(0, 9), st.integers(0, 9)), max_size=12))
    return [
        Lifetime(name=f"b{index}", nbytes=nbytes, first=min(ends), last=max(ends))
        for index, (nbytes, *ends) in enumerate(spans)
    ]


@given(lifetimes())
def test_buffers_that_meet_never_overlap(lives: list[Lifetime]) -> None:
    plan = plan_memory(lives)
    for one, other in combinations(lives, 2):
        if one.meets(other):
            start, start_other = plan.offsets[one.name], plan.offsets[other.name]
            assert start + one.nbytes <= start_other or start_other + other.nbytes <= start


@given(lifetimes())
def test_buffers_are_aligned_and_inside_the_block(lives: list[Lifetime]) -> None:
    plan = plan_memory(lives)
    for life in lives:
        assert plan.offsets[life.name] % ALIGNMENT_BYTES == 0
        assert plan.offsets[life.name] + life.nbytes <= plan.nbytes


def chain(length: int) -> Program:
    names = [f"t{index}" for index in range(length + 1)]
    calls = (Call(function="f", arguments=pair) for pair in pairwise(names))
    return Program(
        inputs=(names[0],),
        outputs=(names[-1],),
        weights=(),
        buffers={name: Buffer(shape=(16,), dtype="float32") for name in names},
        layers=tuple(Layer(name=f"l{index}", calls=(call,)) for index, call in enumerate(calls)),
    )


def test_a_chain_of_any_length_needs_two_buffers() -> None:
    assert plan_storage(chain(10)).nbytes == 2 * 64


def test_inputs_outputs_and_weights_take_no_storage() -> None:
    assert plan_storage(chain(1)).nbytes == 0
