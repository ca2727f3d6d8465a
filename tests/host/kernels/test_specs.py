"""Specs and variants survive JSON and names, and equal ones have equal digests."""

import json
from dataclasses import replace

import pytest

from host.kernels.epilogue import Epilogue, Step
from host.kernels.forms import Form
from host.kernels.specs import (
    Convolution,
    Generic,
    Lrn,
    Pointwise,
    Pooling,
    Softmax,
    Spec,
    digest,
    from_document,
    to_document,
)
from host.kernels.variants import Direct, Plain, Variant, Window, name_of, variant_of

IMAGE = Form(channels=8, height=6, width=5, halo=(1, 2))
ROW = Form(batch=2, channels=8, rank=2)
EPILOGUE = Epilogue(
    operands=(None, IMAGE),
    steps=(
        Step(operation="add", operands=("x", "o0")),
        Step(operation="add", operands=("s0", "o1")),
        Step(operation="maximum", operands=("s1", 0.0)),
    ),
)
SPECS: list[Spec] = [
    Convolution(input=IMAGE, output=IMAGE, kernel=(3, 5), padding=(1, 2), epilogue=EPILOGUE),
    Pooling(input=IMAGE, output=IMAGE, kind="max", kernel=(3, 3), padding=(1, 1), is_nonnegative=True),
    Pointwise(inputs=(IMAGE, IMAGE), output=replace(IMAGE, channels=16)),
    Softmax(input=ROW, output=ROW),
    Lrn(input=IMAGE, output=IMAGE, size=5, alpha=1e-4, beta=0.75, bias=1.0),
    Generic(code="0123456789abcdef", flops=12.0),
]


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: type(spec).__name__)
def test_a_spec_is_restored_from_json(spec: Spec) -> None:
    restored = from_document(json.loads(json.dumps(to_document(spec))))
    assert restored == spec
    assert digest(restored) == digest(spec)


def test_different_specs_have_different_digests() -> None:
    assert len({digest(spec) for spec in SPECS}) == len(SPECS)


@pytest.mark.parametrize("variant", [Direct(1, 14, 32, "channels"), Window(8, 16), Plain()])
def test_a_variant_is_restored_from_its_name(variant: Variant) -> None:
    assert variant_of(name_of(variant)) == variant


@pytest.mark.parametrize("name", ["", "direct", "direct-1-2-3", "warp-1", "plain-1"])
def test_an_unknown_name_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="unknown kernel variant"):
        variant_of(name)


@pytest.mark.parametrize(
    ("steps", "is_nonnegative"),
    [
        ((), False),
        ((Step(operation="maximum", operands=("x", 0.0)),), True),
        ((Step(operation="maximum", operands=("x", -1.0)),), False),
        (
            (
                Step(operation="maximum", operands=("x", 0.0)),
                Step(operation="minimum", operands=("s0", 6.0)),
            ),
            True,
        ),
        ((Step(operation="minimum", operands=("x", 6.0)),), False),
        ((Step(operation="sigmoid", operands=("x",)),), True),
        ((Step(operation="add", operands=("x", 1.0)),), False),
    ],
)
def test_it_is_known_which_epilogues_cannot_give_negative_numbers(
    steps: tuple[Step, ...], is_nonnegative: bool
) -> None:
    assert Epilogue(steps=steps).is_nonnegative is is_nonnegative
