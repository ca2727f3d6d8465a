"""The order in which a model is read and rewritten before TVM sees it."""

from onnx import ModelProto

from host.frontends.affine import fold_batch_norms
from host.frontends.canonical import canonical
from host.frontends.folding import drop_identities, drop_unused, fold_constants
from host.frontends.graph import Graph
from host.frontends.padding import explicit_padding
from host.frontends.reading import read_graph


def simplified(model: ModelProto) -> Graph:
    """Reads a model and removes what need not be computed for every frame.

    Raises:
        InputError: The model is not valid, or it holds something that is not supported.
    """
    graph = fold_constants(read_graph(model))
    graph = fold_batch_norms(explicit_padding(drop_identities(graph)))
    return drop_unused(canonical(graph))
