"""How long the planner takes, and how much memory, for a large problem and for a usual one.

python -m tests.bench.planner

The large one: 1,000 layers on four clusters of four cores and a GPU at 40 operating points. The usual one: 100 layers
on a Jetson TX2's processors at 60 operating points; time goes with 1 / frequency, power with frequency times the square
of a voltage that goes up with it, and every layer suits every processor differently well.
"""

import random
import resource
import time
from collections.abc import Callable
from itertools import product
from typing import Any

from host.planner import Constraints, CostTable, Objective, pareto_front, parse_profile, solve

Document = dict[str, Any]

_CLUSTERS = {f"cluster{index}": 4 for index in range(4)}
_TX2 = {"denver2": 2, "a57": 4, "gpu": 1}
_MHZ = {"denver2": (345, 960, 1420, 2035), "a57": (345, 806, 1190, 1574, 2035), "gpu": (420, 850, 1300)}
_US = {"denver2": 3.1, "a57": 4.2, "gpu": 1.0, **dict.fromkeys(_CLUSTERS, 4.0)}
"""Of a mean layer on one core at the highest frequency, as parts of what the GPU takes."""

_MW = {"denver2": 1500.0, "a57": 1100.0, "gpu": 4800.0, **dict.fromkeys(_CLUSTERS, 1000.0)}
"""Above idle, of one core at the highest frequency."""


def large() -> Document:
    """1,000 layers, 4 clusters of 4 cores and a GPU, 40 operating points."""
    chance = random.Random(1)
    points = [{name: chance.choice((0.4, 0.6, 0.8, 1.0)) for name in (*_CLUSTERS, "gpu")} for _ in range(40)]
    return document(chance, 1000, {**_CLUSTERS, "gpu": 1}, points)


def usual() -> Document:
    """100 layers, a TX2's processors, 60 operating points."""
    points = [
        {name: mhz / _MHZ[name][-1] for name, mhz in zip(_MHZ, choice, strict=True)}
        for choice in product(*_MHZ.values())
    ]
    return document(random.Random(2), 100, _TX2, points)


def document(
    chance: random.Random, layers: int, processors: dict[str, int], points: list[dict[str, float]]
) -> Document:
    """Made-up costs of a network: `points` give each processor's part of its highest frequency."""
    names = [f"layer{index}" for index in range(layers)]
    work = [chance.lognormvariate(5, 0.8) for _ in names]
    suits = {(name, processor): chance.lognormvariate(0, 0.35) for name in names for processor in processors}
    speeds = sorted({(name, speed) for point in points for name, speed in point.items()})
    return {
        "schema": "stageline.profile/1",
        "model": f"made-up{layers}",
        "board": "made-up",
        "layers": [
            {"name": name, "inputs": [names[index - 1] if index else "input"], "output_bytes": 200_000}
            for index, name in enumerate(names)
        ],
        "input_bytes": 600_000,
        "processors": [{"name": name, "cores": cores} for name, cores in processors.items()],
        "operating_points": [
            {
                "name": f"point{index}",
                "idle_power_mw": 1500.0 + 900.0 * sum(point.values()) / len(point),
                "levels": {name: f"{speed:.3f}" for name, speed in point.items()},
            }
            for index, point in enumerate(points)
        ],
        "costs": [
            _cost(name, processor, cores, speed, us * suits[name, processor])
            for processor, speed in speeds
            for cores in range(1, processors[processor] + 1)
            for name, us in zip(names, work, strict=True)
        ],
        "transfers": [
            {"from": source, "to": target, "latency_us": 40.0, "bytes_per_s": 5e9, "energy_uj": 60.0}
            for source in processors
            for target in processors
            if source != target and "gpu" in {source, target}
        ],
        "handover_us": 20.0,
    }


def _cost(name: str, processor: str, cores: int, speed: float, us: float) -> Document:
    latency_us = us * _US[processor] / speed / cores**0.9
    power_mw = _MW[processor] * cores * speed * (0.6 + 0.4 * speed) ** 2
    return {
        "layer": name,
        "processor": processor,
        "cores": cores,
        "level": f"{speed:.3f}",
        "latency_us": round(latency_us, 2),
        "energy_uj": round(power_mw * latency_us / 1e3, 2),
    }


def show(what: str, run: Callable[[], object]) -> None:
    """Prints what a call takes; the memory is the most that the process has held so far."""
    begun = time.perf_counter()
    answer = run()
    seconds = time.perf_counter() - begun
    mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{what:<42} {seconds:8.2f} s   {mib:6.0f} MiB   {answer}", flush=True)


def _fps(table: CostTable, objective: Objective = Objective.THROUGHPUT, **limits: float) -> str:
    plan = solve(table, Constraints(**limits), objective)  # type: ignore[arg-type]
    energy = f", {plan.energy_uj_per_frame / 1e3:.4g} mJ" if plan.energy_uj_per_frame else ""
    return f"{plan.throughput_fps:.5g} fps, {plan.latency_us / 1e3:.4g} ms{energy}, {len(plan.stages)} stages"


def main() -> None:
    """Prints a line for every problem."""
    table = parse_profile(usual())
    show("100 layers, 60 points: throughput", lambda: _fps(table))
    show("100 layers, 60 points: energy", lambda: _fps(table, Objective.ENERGY))
    show("100 layers, 60 points: energy, 30 fps", lambda: _fps(table, Objective.ENERGY, min_fps=30.0))
    show("100 layers, 60 points: energy, 100 ms", lambda: _fps(table, Objective.ENERGY, max_latency_ms=100.0))
    show("100 layers, 60 points: latency", lambda: _fps(table, Objective.LATENCY))
    show("100 layers, 60 points: throughput, 6 W", lambda: _fps(table, max_power_w=6.0))
    show(
        "100 layers, 60 points: latency, 6 W",
        lambda: _fps(table, Objective.LATENCY, max_power_w=6.0),
    )
    show("100 layers, 60 points: Pareto front", lambda: f"{len(pareto_front(table))} plans")
    table = parse_profile(large())
    show("1,000 layers, 40 points: throughput", lambda: _fps(table))


if __name__ == "__main__":
    main()
