"""Slows one core down by another program for a minute, and prints what a watched pipeline does about it.

Frames are sent one after the other; each is one of a few images whose outputs are known, so that a frame that is lost,
comes twice or comes too early shows.

    python tests/bench/watch.py [MODEL]
"""

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from host.deploy import cpus_of, deploy
from host.measuring import measure_missing
from host.planner import Constraints, parse_profile, solve
from host.requests import ModelRequest
from host.session import Session, open_session, source_of
from host.watch import Watch
from tests.bench.prediction import Quiet

QUIET_S, LOADED_S, AFTER_S = 20.0, 60.0, 30.0
EVERY_S = 5.0
IMAGES = 5


class Loud(Quiet):
    """Prints what the watch says."""

    def step(self, title: str, detail: str, seconds: float | None = None) -> None:
        """Prints it."""
        if title == "Watch":
            print(f"        {detail}" + (f" ({seconds:.1f} s)" if seconds else ""), flush=True)


def images(session: Session, inputs: dict[str, tuple[int, ...]]) -> list[dict[str, Any]]:
    """Random images."""
    random = np.random.default_rng(1)
    return [
        {name: random.standard_normal(shape, dtype=np.float32) for name, shape in inputs.items()}
        for _ in range(IMAGES)
    ]


class Source:
    """Images in turn until it is told to stop, and a slow core in between."""

    def __init__(self, frames: list[dict[str, Any]], cpu: int) -> None:
        self._frames = frames
        self._cpu = cpu
        self.sent = 0

    def __iter__(self) -> Iterator[dict[str, Any]]:
        """Gives images for as long as the experiment lasts."""
        began, load = time.monotonic(), None
        while (at_s := time.monotonic() - began) < QUIET_S + LOADED_S + AFTER_S:
            is_loaded = QUIET_S < at_s < QUIET_S + LOADED_S
            if is_loaded and load is None:
                print(f"{at_s:5.1f} s another program on CPU {self._cpu}", flush=True)
                command = ["taskset", "-c", str(self._cpu), sys.executable, "-c", "while True: pass"]
                load = subprocess.Popen(command)
            if not is_loaded and load is not None:
                print(f"{at_s:5.1f} s it has ended", flush=True)
                load.kill()
                load.wait()
                load = None
            yield self._frames[self.sent % len(self._frames)]
            self.sent += 1


def main() -> None:
    """Runs and prints."""
    request = ModelRequest(model=sys.argv[1] if len(sys.argv) > 1 else "resnet50")
    with (
        tempfile.TemporaryDirectory() as folder,
        open_session(str(Path(folder) / "profiles.sqlite"), None, Loud()) as session,
    ):
        network = session.network(source_of(request), request)
        measure_missing(session, network)
        table = parse_profile(session.exchange_document(network.graph))
        plan = solve(table, Constraints(no_replicas=True, max_stages=2, cuts=(_middle(table),)))
        graph = network.graph
        frames = images(session, {name: graph.tensors[name].shape for name in graph.inputs})
        deploy(session, network, plan)
        session.lease.start_pipeline()
        known = [next(iter(one.values())) for one in session.lease.infer(frames)]
        session.lease.stop_pipeline()
        session.lease.start_pipeline()
        watch = Watch(session, network, table, plan)
        source = Source(frames, cpus_of(session, plan)["cpu"][-1])
        wrong = came = 0
        began = shown = time.monotonic()
        at_last = 0
        with watch.beside(session.lease):
            for outputs in session.lease.infer(source):
                found = next(iter(outputs.values()))
                wrong += not np.allclose(found, known[came % IMAGES], rtol=1e-4, atol=1e-5)
                came += 1
                if (now := time.monotonic()) - shown > EVERY_S:
                    print(f"{now - began:5.1f} s {(came - at_last) / (now - shown):6.1f} fps", flush=True)
                    shown, at_last = now, came
        session.lease.stop_pipeline()
    print(
        f"{source.sent} frames sent, {came} came back, {wrong} of them not in their place; {len(watch.swaps)} swaps"
    )


def _middle(table: Any) -> str:
    best = solve(table, Constraints(no_replicas=True, max_stages=2))
    if len(best.stages) == 2:
        return best.stages[0].layers[-1]
    costs = [min(cost.latency_us for cost in layer.costs.values()) for layer in table.layers]
    place = int(np.searchsorted(np.cumsum(costs), sum(costs) / 2))
    return str(table.layers[place].name)


if __name__ == "__main__":
    main()
