"""One board and one database for the length of a command: what is known, what is missing, and how to get it."""

import getpass
import json
import os
import socket
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from db.records import (
    BoardRecord,
    LayerRecord,
    ModelRecord,
    ProcessorRecord,
    Profile,
    ProfileStatus,
)
from db.store import Store
from host.build import Builder
from host.errors import InputError
from host.exchange import exchange_document
from host.frontends import ModelSource, resolve
from host.kernels.version import VERSION
from host.layers.choice import likeliest
from host.layers.graph import Choice, Implementation, LayerGraph, distinct
from host.locations import cache_directory
from host.network import Network
from host.placement import Placement, placements_of
from host.profiler import HANDOVER, Profiler, call_bench
from host.remote import connect
from host.requests import ModelRequest, Reporter
from host.trials import Trials

if TYPE_CHECKING:
    from host.remote import BoardClient, BoardDescription, Lease, ProcessorDescription
    from host.remote.tvm_session import TvmSession

_HANDOVER_DEADLINE_S = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasureCount:
    """How many profiles are new, how many were known before, and how many of the new ones are unsteady."""

    measured: int
    known: int
    unsteady: int


@contextmanager
def open_session(database: str, board: str | None, reporter: Reporter) -> Iterator["Session"]:
    """Opens the database and connects to the board.

    Args:
        database: Path or URL; made when it is missing.
        board: A saved name or HOST:PORT; None for this machine.
        reporter: Where to tell how far the work is.
    """
    with ExitStack() as stack:
        store = stack.enter_context(Store.open(database))
        client = stack.enter_context(connect(board))
        yield Session(store, client, reporter, stack)


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
        _require_same_versions(self.board)
        self.store.put_board(_board_record(self.board))
        processors = ", ".join(f"{processor.name} x{processor.cores}" for processor in self.board.processors)
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
        """Every processor with one core, two cores, and so on, at every operating point."""
        return placements_of(self.board)

    def exchange_document(self, graph: LayerGraph) -> dict[str, Any]:
        """All finished profiles of a network on this board, as the planner reads them."""
        profiler = Profiler(self.store, graph)
        return exchange_document(
            graph,
            board=self.board.name,
            processors={processor.name: processor.cores for processor in self.board.processors},
            profiles=[(placement, profiler.profiles(placement)) for placement in self.placements()],
            handover_us=self._stored_handover_us() or 0.0,
            idle_mw=self.store.idle_powers_mw(self.board.fingerprint),
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

    def choice(self, graph: LayerGraph, processor: str, cores: int) -> Choice:
        """How each layer is scheduled on a placement: as it was measured to be fastest, else as it probably is.

        Args:
            graph: The network.
            processor: Name of the processor.
            cores: How many of its cores work.
        """
        placement = next(p for p in self.placements() if (p.processor, p.cores) == (processor, cores))
        measured = Profiler(self.store, graph).choice(placement)
        return {**likeliest(graph, self.board.processor(processor).target), **measured}

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

    def measure_missing(self, network: Network, *, again: bool = False) -> MeasureCount:
        """Builds and measures what the database does not hold yet, on every placement.

        Args:
            network: What to measure.
            again: Measure what the database holds, too.

        Returns:
            How many profiles are new, how many were known, how many stayed unsteady.
        """
        profiler = Profiler(self.store, network.graph, again=again)
        missing = {placement.name: profiler.missing(placement) for placement in self.placements()}
        todo = [placement for placement in self.placements() if missing[placement.name]]
        new = sum(map(len, missing.values()))
        known = profiler.count * len(missing) - new
        if not todo and self._stored_handover_us() is not None:
            self.reporter.step("Measure", f"nothing: all {known} profiles are in the database")
            return MeasureCount(measured=0, known=known, unsteady=0)
        trials = {placement.name: self._trials(profiler, placement) for placement in todo}
        self._build_trials(network, todo, trials)
        started = time.monotonic()
        with self.lease.tvm_session() as tvm_session:
            self._measure_handover(tvm_session)
            unsteady = self._measure(tvm_session, network, profiler, todo, trials)
        text = f"{new} profiles on {len(todo)} placements" + (f", {known} known" if known else "")
        self.reporter.step("Measure", text + _steadiness(unsteady), time.monotonic() - started)
        self._warn_unsteady(network.graph, unsteady)
        return MeasureCount(measured=new, known=known, unsteady=sum(map(len, unsteady.values())))

    def _trials(self, profiler: Profiler, placement: Placement) -> Trials:
        return profiler.trials(placement, self.board.processor(placement.processor).target)

    def _build_trials(
        self, network: Network, placements: Sequence[Placement], trials: Mapping[str, Trials]
    ) -> None:
        wanted: dict[str, list[Implementation]] = defaultdict(list)
        for placement in placements:
            wanted[placement.processor] += trials[placement.name].implementations(network.graph)
        self.build(network, wanted)

    def _measure(
        self,
        tvm_session: "TvmSession",
        network: Network,
        profiler: Profiler,
        placements: Sequence[Placement],
        trials: Mapping[str, Trials],
    ) -> dict[str, list[str]]:
        unsteady = {}
        with tempfile.TemporaryDirectory(prefix="stageline-") as folder:
            for placement in placements:
                module = Path(folder) / f"{placement.name}.so"
                builder = self.builder(self.board.processor(placement.processor))
                builder.link(trials[placement.name].implementations(network.graph), module)
                unsteady[placement.name] = profiler.measure(
                    tvm_session,
                    module,
                    placement,
                    trials[placement.name],
                    lambda state: self.reporter.progress("Measure", state),
                )
        return unsteady

    def _warn_unsteady(self, graph: LayerGraph, unsteady: dict[str, list[str]]) -> None:
        names = {layer.structural_hash: layer.name for layer in graph.layers}
        for placement, hashes in unsteady.items():
            if hashes:
                shown = ", ".join(names[name] for name in hashes[:4]) + (
                    " and others" if len(hashes) > 4 else ""
                )
                self.reporter.warn(
                    f"on {placement} the times of {shown} scatter",
                    "stop other programs on the board, then measure again with --again",
                )

    def _handover_placement(self) -> Placement:
        """Hand-over belongs to the board as a whole; it stands with its first processor."""
        return self.placements()[0]

    def _stored_handover_us(self) -> float | None:
        environment = self._handover_placement().environment.fingerprint
        return next((row.latency_us for row in self.store.profiles_for(environment, [HANDOVER])), None)

    def _measure_handover(self, tvm_session: "TvmSession") -> None:
        if self._stored_handover_us() is not None:
            return
        answer = call_bench(
            tvm_session, "handover", json.dumps(self.board.usable_cpus[:2]), deadline_s=_HANDOVER_DEADLINE_S
        )
        placement = self._handover_placement()
        profile = Profile(
            layer_hash=HANDOVER,
            environment=placement.environment,
            processor=placement.processor,
            cores=1,
            level=placement.level,
            latency_us=answer["handover_us"],
            latency_mad_us=0.0,
            samples_us=(answer["handover_us"],),
            status=ProfileStatus.STEADY,
            measured_at=datetime.now(UTC),
        )
        self.store.put_profiles([profile])


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


def _steadiness(unsteady: Mapping[str, Sequence[str]]) -> str:
    count = sum(map(len, unsteady.values()))
    return f", {count} unsteady" if count else ", all steady"
