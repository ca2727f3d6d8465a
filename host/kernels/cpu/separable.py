"""A depthwise convolution and the 1x1 convolution behind it: some rows of pixels at a time pass from one to the other.

What lies between them, often the largest tensor of a network, stays in the core's own caches and is never a whole.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from tvm import tirx
from tvm.tirx.script.builder import ir as T  # noqa: N812 - the name that TVM's users know

from host.kernels.cpu.convolution import Results
from host.kernels.cpu.emission import (
    Place,
    clear_halo,
    constant_shapes,
    each_part,
    loop_parts,
    tasks,
    write_function,
)
from host.kernels.cpu.reduction import Reduction, Tile
from host.kernels.cpu.tiling import panels_of, parts, total, vectors
from host.kernels.cpu.window import Windows, products_of
from host.kernels.forms import Form
from host.kernels.machines import Cpu
from host.kernels.specs import Separable
from host.kernels.variants import Rows


def separable(spec: Separable, variant: Rows, cpu: Cpu) -> Any:
    """Both convolutions in one kernel.

    Args:
        spec: What to compute.
        variant: How many rows pass at a time, and the tiles of both.
        cpu: The core that it will run on.

    Returns:
        A TIR function with the parameters that the spec says.
    """
    first, second = spec.depthwise, spec.pointwise
    constants = constant_shapes(first, variant.depthwise), constant_shapes(second, variant.pointwise)
    border = 1 + len(constants[0])

    def body(source: Any, *rest: Any) -> None:
        buffers = (source, *rest)
        clear_halo(buffers[-1], second.output, cpu.lanes)
        _Body(spec, variant, cpu, buffers[:border], buffers[border:]).write()

    return write_function([first.input.shape, *constants[0], *constants[1], second.output.shape], body)


class _Body:
    """The loop over blocks of rows, and both convolutions of one block."""

    def __init__(
        self, spec: Separable, variant: Rows, cpu: Cpu, first: Sequence[Any], second: Sequence[Any]
    ) -> None:
        self._spec = spec
        self._variant = variant
        self._cpu = cpu
        self._source, self._weights, *self._operands = first
        self._panels, *operands, target = second
        self._results = Results(spec.pointwise, operands, target)

    def write(self) -> None:
        """Emits the whole computation."""
        output = self._spec.output
        blocks = parts(output.height, self._variant.rows)
        with tasks(output.batch, total(blocks)) as (image, block):
            each_part(block, blocks, lambda row, rows: self._block(image, row, rows))

    def _block(self, image: Any, first_row: Any, rows: int) -> None:
        form = replace(self._spec.depthwise.output, batch=1, height=rows)
        between = T.alloc_buffer((form.size,), "float32")
        self._filter(image, first_row, form, between)
        self._combine(image, first_row, form, between)

    def _filter(self, image: Any, first_row: Any, form: Form, between: Any) -> None:
        """The depthwise convolution into the rows between."""
        spec = self._spec.depthwise
        windows = Windows(
            replace(spec, output=form),
            self._variant.depthwise,
            self._cpu,
            self._source,
            self._operands,
            between,
            0.0,
            products_of(spec, self._weights),
            (image, first_row),
        )
        with T.serial(0, form.height) as row:
            windows.write_row(0, row)

    def _combine(self, image: Any, first_row: Any, form: Form, between: Any) -> None:
        """The 1x1 convolution of the rows between, panel by panel, so that its weights pass by once a block."""
        spec, tile = replace(self._spec.pointwise, input=form), self._variant.pointwise
        reduction = Reduction(spec, tile.channels, self._cpu, between, self._panels)

        def of_panel(channel: Any, channels: int) -> None:
            weights = tirx.floordiv(channel, tile.channels) * reduction.weights_of_panel

            def of_columns(column: Any, columns: int) -> None:
                some = Tile(1, columns, channels, vectors(channels, self._cpu.lanes))
                begin = Place(0, row, column, 0, 1).index(form)
                self._results.write_tile(
                    some,
                    Place(image, first_row + row, column, channel, 1),
                    lambda sums: reduction.add_to(some, sums, begin, weights, None),
                )

            with T.serial(0, form.height) as row:
                loop_parts(parts(form.width, tile.columns), of_columns)

        loop_parts(panels_of(spec.output.channels, tile.channels), of_panel)
