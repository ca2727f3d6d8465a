"""How many rows pass from a depthwise convolution to the 1x1 convolution behind it at a time. Pure."""

from dataclasses import replace

from host.kernels.cpu.tiling import direct_candidates, window_candidates
from host.kernels.epilogue import NOTHING
from host.kernels.machines import Cpu
from host.kernels.specs import Convolution, Separable
from host.kernels.variants import Rows

_ITEM_BYTES = 4


def rows_candidates(spec: Separable, cpu: Cpu) -> tuple[Rows, ...]:
    """Blocks and tiles that could be the fastest, the likeliest first.

    What lies between should stay in a part of the second cache, beside weights and the next rows of the input; a part
    of the first one is better still, where weights are few and pass by more often.
    """
    many, few = (_rows_within(spec, size) for size in (cpu.second_cache_bytes // 4, cpu.first_cache_bytes))
    windows = window_candidates(spec.depthwise, cpu)
    likely, wide = windows[0], windows[min(1, len(windows) - 1)]
    tiles = list(dict.fromkeys((t.columns, t.channels) for t in direct_candidates(_one_row(spec), cpu)))
    first, second = tiles[0], tiles[min(1, len(tiles) - 1)]
    found = [
        Rows(rows, window.columns, window.channels, *tile)
        for rows, window, tile in (
            (many, wide, first),
            (few, wide, first),
            (many, wide, second),
            (many, likely, first),
        )
    ]
    return tuple(dict.fromkeys(found))


def _rows_within(spec: Separable, size: int) -> int:
    """How many rows of what lies between fit into `size` bytes; one at least."""
    form = spec.depthwise.output
    return max(1, min(size // (form.width * form.channels * _ITEM_BYTES), form.height))


def _one_row(spec: Separable) -> Convolution:
    """The 1x1 convolution of one row of pixels, from the depthwise result to sums."""
    source, output = (
        replace(form, batch=1, height=1, halo=(0, 0)) for form in (spec.depthwise.output, spec.output)
    )
    return replace(spec.pointwise, input=source, output=output, epilogue=NOTHING)
