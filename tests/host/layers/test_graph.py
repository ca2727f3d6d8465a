"""Cuts carry every live tensor; programs name what goes in and out."""

import pytest

from host.layers import KernelCall, Layer, LayerGraph, Tensor, distinct


def layer(name: str, reads: list[str], writes: list[str], weights: list[str] | None = None) -> Layer:
    return Layer(
        name=name,
        calls=(KernelCall(kernel=f"kernel-{len(reads)}", arguments=(*reads, *(weights or []), *writes)),),
        inputs=tuple(reads),
        outputs=tuple(writes),
        weights=tuple(weights or []),
        flops=10.0,
        structural_hash=f"hash-{len(reads)}",
    )


@pytest.fixture
def residual() -> LayerGraph:
    """x -> a -> b -> c(b, a) -> d, with x read again by d."""
    layers = (
        layer("a", ["x"], ["ta"], ["w0"]),
        layer("b", ["ta"], ["tb"], ["w0"]),
        layer("c", ["tb", "ta"], ["tc"]),
        layer("d", ["tc", "x"], ["td"]),
    )
    tensors = {
        name: Tensor(name=name, shape=(2, 3), dtype="float32") for name in ("x", "ta", "tb", "tc", "td")
    }
    tensors["w0"] = Tensor(name="w0", shape=(5,), dtype="float32")
    return LayerGraph(name="n", inputs=("x",), outputs=(("out", "td"),), tensors=tensors, layers=layers)


@pytest.mark.parametrize(
    ("cut", "live"),
    [(0, ("x",)), (1, ("x", "ta")), (2, ("x", "ta", "tb")), (3, ("x", "tc")), (4, ("td",))],
)
def test_every_live_tensor_crosses_a_cut(residual: LayerGraph, cut: int, live: tuple[str, ...]) -> None:
    assert residual.live_tensors(cut) == live
    assert residual.cut_bytes(cut) == 24 * len(live)


def test_a_finished_output_stays_live_to_the_end() -> None:
    layers = (layer("a", ["x"], ["ta"]), layer("b", ["ta"], ["tb"]))
    tensors = {name: Tensor(name=name, shape=(1,), dtype="float32") for name in ("x", "ta", "tb")}
    graph = LayerGraph(
        name="n", inputs=("x",), outputs=(("early", "ta"), ("late", "tb")), tensors=tensors, layers=layers
    )
    assert graph.live_tensors(2) == ("ta", "tb")


def test_program_takes_skip_connections_as_inputs_and_hides_what_only_passes_by(residual: LayerGraph) -> None:
    program = residual.program(1, 2)
    assert program["inputs"] == ["ta"]
    assert program["outputs"] == ["tc"]
    assert program["weights"] == ["w0"]
    assert "x" not in program["buffers"]
    assert residual.program(2, 2)["inputs"] == ["tb", "ta"]


def test_shared_weights_count_once(residual: LayerGraph) -> None:
    assert residual.weight_bytes == 20


def test_document_restores_the_graph(residual: LayerGraph) -> None:
    assert LayerGraph.from_document(residual.to_document()) == residual


def test_document_of_another_schema_is_refused() -> None:
    with pytest.raises(ValueError, match=r"stageline\.graph/1"):
        LayerGraph.from_document({"schema": "stageline.graph/9"})


def test_layers_that_do_the_same_work_stand_for_each_other(residual: LayerGraph) -> None:
    assert [found.name for found in distinct(residual.layers).values()] == ["a", "c"]
