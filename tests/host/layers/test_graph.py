"""Cuts carry every live tensor; programs name what goes in and out."""

import pytest

from host.kernels.forms import Form
from host.kernels.packing import Packing
from host.kernels.specs import Convolution, Generic
from host.kernels.variants import Direct
from host.layers import KernelCall, Layer, LayerGraph, Tensor, distinct
from host.layers.graph import Implementation, PackedWeight

KERNELS = {f"kernel-{count}": Generic(code=f"kernel-{count}", flops=10.0) for count in (1, 2)}
PLAIN = {"hash-1": ("plain",), "hash-2": ("plain",)}


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
    return LayerGraph(
        name="n", inputs=("x",), outputs=(("out", "td"),), tensors=tensors, layers=layers, kernels=KERNELS
    )


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
        name="n",
        inputs=("x",),
        outputs=(("early", "ta"), ("late", "tb")),
        tensors=tensors,
        layers=layers,
        kernels=KERNELS,
    )
    assert graph.live_tensors(2) == ("ta", "tb")


def test_program_takes_skip_connections_as_inputs_and_hides_what_only_passes_by(residual: LayerGraph) -> None:
    program = residual.program(PLAIN, 1, 2)
    assert program["inputs"] == ["ta"]
    assert program["outputs"] == ["tc"]
    assert program["weights"] == ["w0"]
    assert "x" not in program["buffers"]
    assert residual.program(PLAIN, 2, 2)["inputs"] == ["tb", "ta"]


def test_shared_weights_count_once(residual: LayerGraph) -> None:
    assert residual.weight_bytes == 20


def test_document_restores_the_graph(residual: LayerGraph) -> None:
    assert LayerGraph.from_document(residual.to_document()) == residual


def test_document_of_another_schema_is_refused() -> None:
    with pytest.raises(ValueError, match=r"stageline\.graph/3"):
        LayerGraph.from_document({"schema": "stageline.graph/9"})


def test_layers_that_do_the_same_work_stand_for_each_other(residual: LayerGraph) -> None:
    assert [found.name for found in distinct(residual.layers).values()] == ["a", "c"]


def test_kernels_of_some_layers_are_named_once(residual: LayerGraph) -> None:
    assert residual.implementations(PLAIN) == (
        Implementation(kernel="kernel-1", variant="plain"),
        Implementation(kernel="kernel-2", variant="plain"),
    )
    assert residual.implementations(PLAIN, 0, 1) == (Implementation(kernel="kernel-1", variant="plain"),)


def test_weights_of_a_convolution_stand_in_a_program_in_the_order_that_its_variant_reads() -> None:
    image = Form(channels=3, height=4, width=4)
    spec = Convolution(input=image, output=Form(channels=20, height=4, width=4), kernel=(1, 1))
    tensors = {
        "x": Tensor(name="x", shape=(1, 4, 4, 3), dtype="float32"),
        "w0": Tensor(name="w0", shape=(20, 3, 1, 1), dtype="float32"),
        "t": Tensor(name="t", shape=(1, 4, 4, 20), dtype="float32"),
    }
    graph = LayerGraph(
        name="n",
        inputs=("x",),
        outputs=(("out", "t"),),
        tensors=tensors,
        layers=(layer("a", ["x"], ["t"], ["w0"]),),
        kernels={"kernel-1": spec},
    )
    choice = {"hash-1": ("direct-1-4-16-pixels",)}
    program = graph.program(choice)
    (name,) = program["weights"]
    assert program["buffers"][name]["shape"] == [1, 2, 1, 1, 3, 16]
    assert program["layers"][0]["calls"][0]["arguments"] == ["x", name, "t"]
    packing = Packing(argument=1, spec=spec, variant=Direct(1, 4, 16, "pixels"))
    assert graph.packed_weights(choice, 0, 0) == {name: PackedWeight(name="w0", packing=packing)}
    assert LayerGraph.from_document(graph.to_document()) == graph
