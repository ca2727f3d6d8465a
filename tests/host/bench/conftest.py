"""Plans and figures that comparisons are made of."""

from collections.abc import Callable, Sequence

import pytest

from host.bench import Comparison, Contender, Engine, Entry, Mode, Turn

Figures = tuple[float, float]
MakeEntry = Callable[..., Entry]
MakeComparison = Callable[..., Comparison]


@pytest.fixture
def entry() -> MakeEntry:
    """Makes an entry from (latency in ms, frames a second) of each of its rounds."""

    def make(engine: Engine, mode: Mode, *rounds: Figures) -> Entry:
        turns = [Turn(latency_ms=latency, throughput_fps=fps, frames=10) for latency, fps in rounds]
        return Entry(contender=Contender(engine=engine, mode=mode), turns=tuple(turns))

    return make


@pytest.fixture
def comparison() -> MakeComparison:
    """Makes a comparison of entries."""

    def make(entries: Sequence[Entry]) -> Comparison:
        return Comparison(
            model="net", board="b", entries=tuple(entries), rounds=3, cores=2, versions={"tvm": "1"}
        )

    return make
