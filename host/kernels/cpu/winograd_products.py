"""The middle step of Winograd's convolutions: in each plane, tiles of pixels times panels of weights."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Self

from tvm import tirx
from tvm.tirx.script.builder import ir as T  # noqa: N812 - the name that TVM's users know

from host.kernels.cpu.emission import at, loop_parts, prefetch, spread, store
from host.kernels.cpu.registers import Sums
from host.kernels.cpu.tiling import panels_of, parts, total, vectors
from host.kernels.cpu.winograd_tiling import LINE, scratch_shape
from host.kernels.machines import Cpu
from host.kernels.specs import Convolution
from host.kernels.variants import Winograd

_FEW_GROUPS = 4
"""A panel of weights that more groups of tiles use has arrived long before the last of them needs it."""


@dataclass(frozen=True, slots=True)
class Planes:
    """A buffer `(plane, tile, channel)`."""

    buffer: Any
    plane_distance: int
    tile_distance: int

    @classmethod
    def allocate(cls, planes: int, tiles: int, channels: int) -> Self:
        """A new buffer in the kernel's workspace."""
        plane_distance, tile_distance = scratch_shape(tiles, channels)
        buffer = T.alloc_buffer((planes * plane_distance,), "float32")
        return cls(buffer, plane_distance, tile_distance)

    def index(self, plane: Any, tile: Any, channel: Any) -> Any:
        """Where a number lies."""
        return plane * self.plane_distance + tile * self.tile_distance + channel


class Products:
    """Emits the products of one convolution.

    Attributes:
        panels: The pieces that the output's channels are cut into.
    """

    def __init__(self, spec: Convolution, variant: Winograd, cpu: Cpu, weights: Any) -> None:
        self._inner = spec.input.channels
        self._variant = variant
        self._cpu = cpu
        self._weights = weights
        self.panels = panels_of(spec.output.channels, variant.channels)

    def multiply(
        self, source: Planes, target: Planes, plane: Any, tiles: int, channel: Any, channels: int
    ) -> None:
        """Emits one plane's tiles times one panel, the one that begins with `channel`."""
        panel = plane * total(self.panels) + tirx.floordiv(channel, self._variant.channels)
        weights = T.bind(panel * (self._inner * self._variant.channels))
        lanes = vectors(channels, self._cpu.lanes)

        def group(tile: Any, count: int) -> None:
            sums = Sums(count, channels, lanes)
            fetch = self._fetch_ahead(weights, tile, count, tiles)
            self._reduce(source, T.bind(source.index(plane, tile, 0)), weights, sums, fetch)
            base = T.bind(target.index(plane, tile, channel))
            for row, start, size in sums.vectors:
                store(
                    target.buffer, base + row * target.tile_distance + start, size, sums.get(row, start, size)
                )

        loop_parts(parts(tiles, self._variant.tiles), group)

    def _reduce(
        self, source: Planes, first: Any, weights: Any, sums: Sums, fetch: Callable[[Any], None]
    ) -> None:
        with T.serial(0, self._inner) as channel:
            fetch(channel)
            for row, start, size in sums.vectors:
                pixel = source.buffer[first + row * source.tile_distance + channel]
                weight = self._weights[at(weights + channel * self._variant.channels + start, size)]
                sums.put(row, start, size, sums.get(row, start, size) + spread(pixel, size) * weight)

    def _fetch_ahead(self, weights: Any, tile: Any, count: int, tiles: int) -> Callable[[Any], None]:
        """Lets each group of tiles ask for its share of the next panel, so that the memory is never idle."""
        if tiles > _FEW_GROUPS * count:
            return lambda channel: None
        size = self._inner * self._variant.channels
        share = T.bind(weights + size + tirx.floordiv(tile * (size // LINE), tiles) * LINE)
        lines = math.ceil(self._variant.channels * count / (tiles * LINE))

        def fetch(channel: Any) -> None:
            for line in range(lines):
                prefetch(self._weights, share + (channel * lines + line) * LINE)

        return fetch
