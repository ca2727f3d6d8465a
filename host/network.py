"""A network on its way through the host: known from the database, or imported and cut into layers when need be."""

from functools import cached_property
from typing import TYPE_CHECKING

from host.frontends import ModelSource
from host.layers.graph import LayerGraph

if TYPE_CHECKING:
    from host.layers.lowering import LoweredModel


class Network:
    """One network: its source, its layers and, only when somebody asks, its kernels and weights.

    Args:
        source: Where it comes from.
        fingerprint: Identity of everything that its layers follow from.
        known: Its layers as an earlier run stored them, which saves importing it.
    """

    def __init__(self, source: ModelSource, fingerprint: str, known: LayerGraph | None = None) -> None:
        self.source = source
        self.fingerprint = fingerprint
        self._known = known

    @property
    def graph(self) -> LayerGraph:
        """Its layers."""
        return self._known or self.lowered.graph

    @cached_property
    def lowered(self) -> "LoweredModel":
        """Its layers with kernels and weights; imports the model and loads the compiler.

        Raises:
            InputError: The model cannot be used.
        """
        from host.frontends import to_relax
        from host.layers.lowering import lower

        relax_model = to_relax(self.source.build())
        return lower(
            relax_model.module,
            name=self.source.name,
            inputs=[tensor.name for tensor in relax_model.inputs],
            outputs=[tensor.name for tensor in relax_model.outputs],
        )
