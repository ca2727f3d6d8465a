"""One board and one database for the length of a command: what is known, what is missing, and how to get it."""

import getpass
import os
import socket
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from db.records import BoardRecord, Environment, LayerRecord, ModelRecord, ProcessorRecord
from db.store import Store
from host.build import Builder
from host.exchange import exchange_document
from host.frontends import resolve
from host.kernels.version import VERSION
from host.layers.graph import LayerGraph
from host.locations import cache_directory
from host.network import Network
from host.profiler import Placement, Profiler
from host.remote import connect
from host.requests import ModelRequest, Reporter

if TYPE_CHECKING:
    from host.remote import BoardClient, BoardDescription, Lease, ProcessorDescription


class Session:
    """A connected board and an open database.

    Args:
        store: The profile database.
        client: The board.
        reporter: Where to tell how far the work is.
        stack: Ends what the session starts.
    """

    def __init__(self, store: Store, client: "BoardClient", reporter: Reporter, stack: ExitStack) -> None:
        self.store = store
        self.reporter = reporter
        self.board: BoardDescription = client.describe()
        self._client = client
        self._stack = stack
        self.store.put_board(_board_record(self.board))

    @cached_property
    def lease(self) -> "Lease":
        """The board for this session alone, from the first time that somebody needs it."""
        return self._stack.enter_context(self._client.lease(_holder()))

    def builder(self, processor: "ProcessorDescription") -> Builder:
        """Builds kernels for a processor."""
        return Builder(processor.target, cache_directory() / "objects")

    def network(self, request: ModelRequest) -> Network:
        """A network, known from the database where it was seen before."""
        source = resolve(request.model, shapes=request.shapes, weights=request.weights)
        record = self.store.find_model(source.fingerprint)
        known = LayerGraph.from_document(record.graph) if record else None
        network = Network(source, known)
        if record is None:
            self.reporter.progress("Model", f"importing {source.name}")
            self.store.put_model(_model_record(network, request))
        graph = network.graph
        different = len({layer.structural_hash for layer in graph.layers})
        self.reporter.step(
            "Model",
            f"{graph.name}   {len(graph.layers)} layers ({different} different), "
            f"{graph.flops / 1e9:.2f} GFLOP, {graph.weight_bytes / 1e6:.1f} MB of weights",
        )
        return network

    def placements(self) -> list[Placement]:
        """Every processor with one core, two cores, and so on."""
        return [
            Placement(
                processor=processor.name,
                cores=cores,
                cpus=tuple(processor.cpus[:cores]),
                level=point.levels.get(processor.name, point.name),
                environment=self._environment(processor, point.name),
            )
            for point in self.board.operating_points
            for processor in self.board.processors
            for cores in range(1, processor.cores + 1)
        ]

    def exchange_document(self, graph: LayerGraph) -> dict[str, Any]:
        """All finished profiles of a network on this board, as the planner reads them."""
        profiler = Profiler(self.store, graph)
        return exchange_document(
            graph,
            board=self.board.name,
            processors={processor.name: processor.cores for processor in self.board.processors},
            profiles=[(placement, profiler.profiles(placement)) for placement in self.placements()],
        )

    def measure_missing(self, network: Network) -> None:
        """Builds and measures what the database does not hold yet, on every placement."""
        profiler = Profiler(self.store, network.graph)
        missing = [placement for placement in self.placements() if profiler.missing(placement)]
        self._build(network, [p for p in self.board.processors if any(m.processor == p.name for m in missing)])
        started = time.monotonic()
        unsteady: dict[str, list[str]] = {}
        if missing:
            with tempfile.TemporaryDirectory(prefix="stageline-") as folder, self.lease.tvm_session() as tvm_session:
                for placement in missing:
                    module = Path(folder) / f"{placement.processor}.so"
                    if not module.exists():
                        self.builder(self.board.processor(placement.processor)).link(network.graph.kernels, module)
                    unsteady[placement.name] = profiler.measure(
                        tvm_session, module, placement, lambda state: self.reporter.progress("Measure", state)
                    )
        self._report_measured(network.graph, len(missing), time.monotonic() - started)
        self._warn_unsteady(network.graph, unsteady)

    def build(self, network: Network, processors: Sequence["ProcessorDescription"]) -> None:
        """Compiles the kernels of a network for some processors where the cache does not hold them."""
        started, built, cached = time.monotonic(), 0, 0
        for processor in processors:
            count = self.builder(processor).build(
                network.graph.kernels,
                lambda: network.lowered.kernels,
                lambda done, total: self.reporter.progress("Build", f"{done} of {total} kernels for {processor.name}"),
            )
            built, cached = built + count.built, cached + count.cached
        self.reporter.step(
            "Build", f"{built + cached} kernels   {built} built, {cached} from the cache", time.monotonic() - started
        )

    _build = build

    def _environment(self, processor: "ProcessorDescription", operating_point: str) -> Environment:
        versions = self.board.versions
        return Environment(
            tvm=versions["tvm"],
            tvm_ffi=versions["tvm_ffi"],
            target=processor.target,
            board_fingerprint=self.board.fingerprint,
            operating_point=operating_point,
            kernel_version=VERSION,
        )
