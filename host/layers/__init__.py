"""From a Relax module to layers: fused operators in execution order, cuts, sizes, work and structural hashes."""

from host.layers.graph import KernelCall, Layer, LayerGraph, Tensor, distinct

__all__ = ["KernelCall", "Layer", "LayerGraph", "Tensor", "distinct"]
