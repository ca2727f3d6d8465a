"""One board and one database for the length of a command: what is known, what is missing, and how to get it."""

import getpass
import os
import socket
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import cached_property
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from db.records import BoardRecord, LayerRecord, ModelRecord, ProcessorRecord
from db.store import Store
from host.build import Builder
from host.errors import InputError
from host.exchange import exchange_document
from host.frontends import ModelSource, resolve
from host.handover import stored_handover_us
from host.kernels.version import VERSION
from host.layers.choice import likeliest
from host.layers.graph import Choice, Implementation, LayerGraph, distinct
from host.locations import cache_directory
from host.network import Network
from host.placement import Placement, cores_at, placements_of
from host.planner import OperatingPoint as PlannerPoint
from host.points import PRESENT_POINT, PointChoice
from host.profiler import Profiler
from host.remote import connect
from host.requests import ModelRequest, Reporter
from host.transfers import transfer_rows

if TYPE_CHECKING:
    from host.remote import BoardClient, BoardDescription, Lease, OperatingPoint, ProcessorDescription


@contextmanager
def open_session(
    database: str, board: str | None, reporter: Reporter, points: PointChoice = PRESENT_POINT
) -> Iterator["Session"]:
    """Opens the database and connects to the board.

    Args:
        database: Path or URL; made when it is missing.
        board: A saved name or HOST:PORT; None for this machine.
        reporter: Where to tell how far the work is.
        points: At which operating points to measure and plan.
    """
    with ExitStack() as stack:
        store = stack.enter_context(Store.open(database))
        client = stack.enter_context(connect(board))
        yield Session(store, client, reporter, stack, points)


class Session:
    """A connected board and an open database.

    Args:
        store: The profile database.
        client: The board.
        reporter: Where to tell how far the work is.
        stack: Ends what the session starts.
        points: At which operating points to measure and plan.

    Attributes:
        board: The board.
        points: The chosen operating points.
    """

    def __init__(
        self,
        store: Store,
        client: "BoardClient",
        reporter: Reporter,
        stack: ExitStack,
        points: PointChoice = PRESENT_POINT,
    ) -> None:
        self.store = store
        self.reporter = reporter
        self.board: BoardDescription = client.describe(points.settings)
        self.points = points.among(self.board)
        self._set_point = self.board.operating_points[0].name
        self._client = client
        self._stack = stack
        _require_same_versions(self.board)
        self.store.put_board(_board_record(self.board))
        processors = ", ".join(
            f"{one.name} x{one.cores}" if one.kind == "cpu" else one.name for one in self.board.processors
        )
        reporter.step("Board", f"{self.board.name}   {self.board.model}; {processors}")

    @cached_property
    def lease(self) -> "Lease":
        """The board for this session alone, from the first time that somebody needs it."""
        return self._stack.enter_context(self._client.lease(_holder()))

    def network(self, source: ModelSource, request: ModelRequest) -> Network:
        """A network, its layers known from the database where it was seen before.

        Args:
            source: Where it comes from.
            request: How the user named it.
        """
        fingerprint = f"{source.fingerprint}:{VERSION}:{version('apache-tvm')}"
        record = self.store.find_model(fingerprint)
        if record is None:
            self.reporter.progress("Model", f"importing {source.name}")
        network = Network(source, fingerprint, LayerGraph.from_document(record.graph) if record else None)
        self.store.put_model(_model_record(network.graph, fingerprint, request))
        self.reporter.step("Model", _model_line(network.graph))
        return network

    def placements(self) -> list[Placement]:
        """Every processor with one core, two cores, and so on, at every level of the chosen operating points."""
        return placements_of(self.board, self.points)

    def point(self, name: str) -> "OperatingPoint":
        """An operating point of the board; a plan's, to deploy it.

        Raises:
            InputError: It has none of that name, or cannot set it.
        """
        choice = PointChoice(names=(name,))
        return choice.among(self._client.describe(choice.settings) if choice.settings else self.board)[0]

    def set_point(self, name: str) -> None:
        """Sets the board's clocks, until the session ends; nothing happens where they are set so already.

        Raises:
            InputError: They cannot be set.
        """
        if name != self._set_point:
            self.reporter.progress("Clocks", name)
            self.lease.set_operating_point(name)
            self._set_point = name

    def at_point(self, text: str, point: "OperatingPoint") -> str:
        """A text that says at which operating point, where there are several."""
        return f"{text} at {point.name}" if len(self.points) > 1 else text

    def exchange_document(self, graph: LayerGraph) -> dict[str, Any]:
        """All finished profiles of a network on this board, as the planner reads them."""
        profiler = Profiler(self.store, graph)
        idle_mw = self.store.idle_powers_mw(self.board.fingerprint)
        return exchange_document(
            graph,
            board=self.board.name,
            processors={processor.name: processor.cores for processor in self.board.processors},
            points=[_planner_point(self.board, point, idle_mw.get(point.name)) for point in self.points],
            profiles=[(placement, profiler.profiles(placement)) for placement in self.placements()],
            handover_us=stored_handover_us(self) or 0.0,
            transfers=transfer_rows(
                self.store, self.placements(), [p.name for p in self.board.processors if p.kind == "cpu"]
            ),
        )

    def builder(self, processor: "ProcessorDescription") -> Builder:
        """Builds kernels for a processor."""
        return Builder(processor.target, cache_directory() / "objects", self._trace)

    def _trace(self, record: str) -> str:
        trace = self.store.tuning_trace(record)
        if trace is None:
            raise InputError(
                f"the database {self.store.path} has no tuning record {record}",
                hint="use the database that the plan was made with, or plan again",
            )
        return trace

    def choice(self, graph: LayerGraph, placement: Placement) -> Choice:
        """How each layer is scheduled on a placement: as it was measured to be fastest, else as it probably is."""
        target = self.board.processor(placement.processor).target
        return {**likeliest(graph, target), **Profiler(self.store, graph).choice(placement)}

    def build(self, network: Network, wanted: Mapping[str, Iterable[Implementation]]) -> None:
        """Compiles kernels for some processors, where the cache does not hold them.

        Says nothing where it holds them all: there was nothing to do.

        Args:
            network: The network.
            wanted: For each processor's name the kernels and how they are scheduled.
        """
        started, built, cached = time.monotonic(), 0, 0
        for name, implementations in wanted.items():
            count = self.builder(self.board.processor(name)).build(
                implementations,
                network.graph.kernels,
                lambda: network.lowered.functions,
                lambda done, total: self.reporter.progress("Build", f"{done} of {total} kernels"),
            )
            built, cached = built + count.built, cached + count.cached
        text = f"{built + cached} kernels   {built} built, {cached} from the cache"
        if built:
            self.reporter.step("Build", text, time.monotonic() - started)


def source_of(request: ModelRequest) -> ModelSource:
    """Finds a network by the name that a user gave it, before any board is asked.

    Raises:
        InputError: There is no such network or file.
    """
    return resolve(request.model, shapes=request.shapes, weights=request.weights)


def _holder() -> str:
    """Who holds the board, in words that help somebody else who wants it."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):
        user = f"user {os.getuid()}"
    return f"{user}@{socket.gethostname()} (process {os.getpid()})"


def _require_same_versions(board: "BoardDescription") -> None:
    """Kernels run only on the TVM that they were built with."""
    for name, package in (("tvm", "apache-tvm"), ("tvm_ffi", "apache-tvm-ffi")):
        here, there = version(package), board.versions.get(name, "missing")
        if here != there:
            raise InputError(
                f"{package} is {here} here and {there} on board {board.name}",
                hint="install the same version of stageline on both",
            )


def _planner_point(
    board: "BoardDescription", point: "OperatingPoint", idle_power_mw: float | None
) -> PlannerPoint:
    cores = {processor.name: cores_at(processor, point) for processor in board.processors}
    fewer = {p.name: cores[p.name] for p in board.processors if cores[p.name] < p.cores}
    return PlannerPoint(name=point.name, levels=dict(point.levels), cores=fewer, idle_power_mw=idle_power_mw)


def _board_record(board: "BoardDescription") -> BoardRecord:
    return BoardRecord(
        name=board.name,
        fingerprint=board.fingerprint,
        processors=tuple(ProcessorRecord(name=p.name, kind=p.kind, cores=p.cores) for p in board.processors),
        description=board.to_document(),
    )


def _model_record(graph: LayerGraph, fingerprint: str, request: ModelRequest) -> ModelRecord:
    return ModelRecord(
        name=graph.name,
        fingerprint=fingerprint,
        weight_bytes=graph.weight_bytes,
        layers=tuple(
            LayerRecord(
                name=layer.name,
                structural_hash=layer.structural_hash,
                flops=layer.flops,
                output_bytes=sum(graph.tensors[name].nbytes for name in layer.outputs),
            )
            for layer in graph.layers
        ),
        graph={**graph.to_document(), "source": request.to_document()},
    )


def _model_line(graph: LayerGraph) -> str:
    different = len(distinct(graph.layers))
    return (
        f"{graph.name}   {len(graph.layers)} layers ({different} different), "
        f"{graph.flops / 1e9:.2f} GFLOP, {graph.weight_bytes / 1e6:.1f} MB of weights"
    )
