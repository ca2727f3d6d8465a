"""Names that people recognise for fused operators: `conv1`, `dw4`, `pw11`, `pool2`, `softmax`."""

import re
from collections import Counter
from collections.abc import Sequence

_KINDS = {
    "matmul": "fc",
    "dense": "fc",
    "max_pool2d": "maxpool",
    "avg_pool2d": "avgpool",
    "adaptive_avg_pool2d": "avgpool",
    "mean": "avgpool",
    "sum": "reduce",
    "concatenate": "concat",
    "strided_slice": "slice",
    "nn_lrn": "lrn",
}
_ANCHORS = ("conv2d_transpose", "conv2d", "conv1d", "conv3d", *_KINDS, "softmax")
_FREE = re.compile(r"(reshape|squeeze|expand_dims|flatten)\d*")
_KERNEL_AXES = 4


def is_free(hint: str) -> bool:
    """Whether a kernel only changes a tensor's shape; such a kernel joins a neighbouring layer."""
    return _FREE.fullmatch(hint) is not None


def kind_of(hint: str, operand_shapes: Sequence[tuple[int, ...]]) -> str:
    """What a fused operator is called.

    Args:
        hint: TVM's name of the fused kernel, such as `fused_conv2d3_add1_relu`.
        operand_shapes: Shapes of what it reads; a convolution's kernel is `(out, in / groups, height, width)`.
    """
    anchor = next((word for word in _ANCHORS if word in hint), None)
    if anchor == "conv2d":
        return _convolution(operand_shapes)
    if anchor is not None:
        return _KINDS.get(anchor, anchor)
    words = re.sub(r"\d+(?=_|$)", "", hint.removeprefix("fused_")).split("_")
    return words[0] or "layer"


def numbered(kinds: Sequence[str]) -> list[str]:
    """Gives each layer of a kind its ordinal; a kind that occurs once keeps its bare name, unless a convolution."""
    totals, seen = Counter(kinds), Counter[str]()
    names = []
    for kind in kinds:
        seen[kind] += 1
        is_bare = totals[kind] == 1 and kind not in ("conv", "dw", "pw")
        names.append(kind if is_bare else f"{kind}{seen[kind]}")
    return names


def _convolution(operand_shapes: Sequence[tuple[int, ...]]) -> str:
    kernel = operand_shapes[1] if len(operand_shapes) > 1 else ()
    if len(kernel) != _KERNEL_AXES:
        return "conv"
    out_channels, group_channels, height, width = kernel
    if group_channels == 1 and out_channels > 1 and operand_shapes[0][1] == out_channels:
        return "dw"
    return "pw" if height == width == 1 else "conv"
