"""What the compiler makes of a kernel: sums stay in registers, and the inner loop does little besides multiply-adds."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
import tvm

from host.kernels import cpu
from host.kernels.epilogue import Epilogue, Step
from host.kernels.forms import Form
from host.kernels.machines import describe_cpu
from host.kernels.specs import Convolution, Pooling
from host.kernels.variants import Direct, Variant, Winograd

BIAS_RELU = Epilogue(
    operands=(None,),
    steps=(Step(operation="add", operands=("x", "o0")), Step(operation="maximum", operands=("s0", 0.0))),
)

MULTIPLY_ADD = re.compile(r"fmla|vfmadd")
SPILL = re.compile(r"\b[dqv]\d+\b.*\[sp\b|\(%rsp\).*%[xyz]mm|%[xyz]mm.*\(%rsp\)")


def arm(name: str) -> Mapping[str, Any]:
    return {"kind": "llvm", "mtriple": "aarch64-linux-gnu", "mcpu": name}


def x86(name: str) -> Mapping[str, Any]:
    return {"kind": "llvm", "mtriple": "x86_64-linux-gnu", "mcpu": name}


def convolution(inputs: int, outputs: int, size: int, kernel: int = 1, stride: int = 1) -> Convolution:
    pad, is_first = kernel // 2, inputs == 3
    return Convolution(
        input=Form(
            channels=inputs,
            height=size,
            width=size,
            halo=(pad, pad),
            layout="channels-first" if is_first else "channels-last",
        ),
        output=Form(channels=outputs, height=size // stride, width=size // stride, halo=(1, 1)),
        kernel=(kernel, kernel),
        strides=(stride, stride),
        padding=(pad, pad),
        epilogue=BIAS_RELU,
    )


LAYERS = {
    "mobilenet-1x1-112": convolution(32, 64, 112),
    "mobilenet-1x1-28": convolution(256, 256, 28),
    "mobilenet-1x1-7": convolution(1024, 1024, 7),
    "mobilenet_v2-1x1-56": convolution(24, 144, 56),
    "resnet-3x3-56": convolution(64, 64, 56, 3),
    "resnet-3x3-stride-2": convolution(64, 128, 56, 3, 2),
    "resnet-3x3-7": convolution(512, 512, 7, 3),
    "resnet-1x1-stride-2": convolution(64, 128, 56, 1, 2),
    "googlenet-1x1-14": convolution(480, 192, 14),
    "googlenet-3x3-14": convolution(96, 208, 14, 3),
}
FIRST = {"mobilenet-first": convolution(3, 32, 224, 3, 2), "resnet-first": convolution(3, 64, 224, 7, 2)}

ARM = [arm(name) for name in ("cortex-a57", "cortex-a72", "cortex-a78", "apple-m1", "generic")]
X86 = [x86("x86-64-v3"), x86("x86-64-v4")]


def assembly(spec: Convolution | Pooling, variant: Variant, target: Mapping[str, Any]) -> str:
    function = cpu.emit(spec, variant, describe_cpu(target))
    library = tvm.tirx.build(tvm.IRModule({"main": function}), target=tvm.target.Target(dict(target)))
    return str(library.inspect_source("asm"))


def loops(text: str) -> Iterator[list[str]]:
    """The instructions of every innermost loop: blocks that end with a branch to their own beginning."""
    for block in re.split(r"\n(?=\.LBB)", text):
        label, _, rest = block.partition(":")
        body, branch, _ = rest.partition(f"\t{label}\n")
        if branch:
            yield [
                line.strip()
                for line in body.splitlines()
                if line.startswith("\t") and not line.strip().startswith((".", "//", "#"))
            ]


def multiply_adds(body: list[str]) -> int:
    return sum(bool(MULTIPLY_ADD.match(line)) for line in body)


def first(spec: Convolution, target: Mapping[str, Any], kind: type[Variant]) -> Variant:
    """The likeliest schedule of a kind."""
    return next(
        variant for variant in cpu.candidates(spec, describe_cpu(target)) if isinstance(variant, kind)
    )


def inner_loop(spec: Convolution, target: Mapping[str, Any]) -> tuple[float, list[str]]:
    """The part of multiply-adds in a direct convolution's innermost loop, and what it spills."""
    inner = max(loops(assembly(spec, first(spec, target, Direct), target)), key=multiply_adds)
    return multiply_adds(inner) / len(inner), [line for line in inner if SPILL.search(line)]


@pytest.mark.parametrize("target", ARM, ids=lambda target: target["mcpu"])
@pytest.mark.parametrize("layer", LAYERS)
def test_arm_multiplies_and_adds_most_of_the_time(layer: str, target: Mapping[str, Any]) -> None:
    share, spilled = inner_loop(LAYERS[layer], target)
    assert not spilled
    assert share >= 0.7


@pytest.mark.parametrize("target", ARM, ids=lambda target: target["mcpu"])
@pytest.mark.parametrize("layer", FIRST)
def test_arm_reads_an_image_number_by_number_without_spilling(layer: str, target: Mapping[str, Any]) -> None:
    share, spilled = inner_loop(FIRST[layer], target)
    assert not spilled
    assert share >= 0.6


@pytest.mark.parametrize("target", X86, ids=lambda target: target["mcpu"])
@pytest.mark.parametrize("layer", LAYERS)
def test_x86_multiplies_and_adds_without_spilling(layer: str, target: Mapping[str, Any]) -> None:
    share, spilled = inner_loop(LAYERS[layer], target)
    assert not spilled
    assert share >= 0.5


@pytest.mark.parametrize("target", [ARM[0], *X86], ids=lambda target: target["mcpu"])
def test_winograds_products_stay_in_registers(target: Mapping[str, Any]) -> None:
    spec = LAYERS["resnet-3x3-56"]
    bodies = [
        body
        for body in loops(assembly(spec, first(spec, target, Winograd), target))
        if multiply_adds(body) > 7
    ]
    product = max(bodies, key=lambda body: multiply_adds(body) / len(body))
    assert not [line for line in product if SPILL.search(line)]
    assert multiply_adds(product) / len(product) >= 0.5


@pytest.mark.parametrize("target", [*ARM, x86("x86-64-v4")], ids=lambda target: target["mcpu"])
def test_depthwise_windows_stay_in_registers(target: Mapping[str, Any]) -> None:
    channels = 64
    spec = Convolution(
        input=Form(channels=channels, height=14, width=14, halo=(1, 1)),
        output=Form(channels=channels, height=14, width=14),
        kernel=(3, 3),
        padding=(1, 1),
        groups=channels,
        epilogue=BIAS_RELU,
    )
    text = assembly(spec, cpu.candidates(spec, describe_cpu(target))[0], target)
    tile = max(re.split(r"\n(?=\.LBB)", text), key=lambda block: len(MULTIPLY_ADD.findall(block)))
    assert len(MULTIPLY_ADD.findall(tile)) >= 9 * 7
    assert not [line for line in tile.splitlines() if SPILL.search(line)]


def test_arm_finds_the_largest_number_with_one_instruction_each() -> None:
    spec = Pooling(
        input=Form(channels=64, height=30, width=30, halo=(1, 1)),
        output=Form(channels=64, height=15, width=15),
        kind="max",
        kernel=(3, 3),
        strides=(2, 2),
        padding=(1, 1),
        is_nonnegative=True,
    )
    text = assembly(spec, cpu.candidates(spec, describe_cpu(ARM[0]))[0], ARM[0])
    assert text.count("fmaxnm") >= 8
    assert "fcmgt" not in text
