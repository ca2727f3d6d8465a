"""Names that people recognise for fused operators: `conv1`, `dw4`, `pw11`, `pool2`, `softmax`."""

import re
from collections import Counter
from collections.abc import Sequence

from host.kernels.specs import Convolution, Pointwise, Pooling, Spec

_KINDS = {"mean": "avgpool", "sum": "reduce", "strided_slice": "slice"}
_FREE = re.compile(r"(reshape|squeeze|expand_dims|flatten)\d*")


def is_free(hint: str) -> bool:
    """Whether a generic kernel only changes a tensor's shape; such a kernel joins a neighbouring layer.

    Args:
        hint: TVM's name of the fused kernel, such as `fused_reshape_squeeze1`.
    """
    return _FREE.fullmatch(hint) is not None


def is_change_of_form(spec: Spec) -> bool:
    """Whether a kernel only moves a tensor; such a kernel joins a neighbouring layer."""
    return isinstance(spec, Pointwise) and len(spec.inputs) == 1 and not spec.epilogue.steps


def kind_of(spec: Spec) -> str:
    """What a kernel is called."""
    if isinstance(spec, Convolution):
        return _convolution(spec)
    if isinstance(spec, Pooling):
        return "maxpool" if spec.kind == "max" else "avgpool"
    if isinstance(spec, Pointwise):
        steps = spec.epilogue.steps
        return "concat" if len(spec.inputs) > 1 else (steps[0].operation if steps else "copy")
    return type(spec).__name__.lower()


def kind_of_generic(hint: str) -> str:
    """What an operator without a kernel of its own is called, from TVM's name of it."""
    words = re.sub(r"\d+(?=_|$)", "", hint.removeprefix("fused_")).split("_")
    return next((kind for word, kind in _KINDS.items() if word in hint), words[0] or "layer")


def numbered(kinds: Sequence[str]) -> list[str]:
    """Gives each layer of a kind its ordinal; a kind that occurs once keeps its bare name, unless a convolution."""
    totals, seen = Counter(kinds), Counter[str]()
    names = []
    for kind in kinds:
        seen[kind] += 1
        is_bare = totals[kind] == 1 and kind not in ("conv", "dw", "pw", "dwpw")
        names.append(kind if is_bare else f"{kind}{seen[kind]}")
    return names


def _convolution(spec: Convolution) -> str:
    if spec.weights == "dense":
        return "fc"
    if spec.is_depthwise:
        return "dw"
    return "pw" if spec.kernel == (1, 1) else "conv"
