"""Profile documents to plan with: one by hand, and as many at random as a test wants."""

import random
from collections.abc import Callable
from typing import Any

import pytest

Document = dict[str, Any]


def example() -> Document:
    """Two layers and a skip on a board with a CPU cluster and a GPU, everything measured."""
    costs = {"a57": {1: (90.0, 60.0, 30.0), 2: (50.0, 35.0, 20.0)}, "gpu": {1: (40.0, 20.0, 10.0)}}
    return {
        "schema": "stageline.profile/1",
        "model": "tiny",
        "board": "tx2",
        "layers": [
            {"name": "conv1", "inputs": ["input"], "output_bytes": 4000},
            {"name": "conv2", "inputs": ["conv1"], "output_bytes": 2000},
            {"name": "add", "inputs": ["conv2", "conv1"], "output_bytes": 1000},
        ],
        "input_bytes": 600,
        "processors": [{"name": "a57", "cores": 2}, {"name": "gpu", "cores": 1}],
        "operating_points": [
            {"name": "maxn", "idle_power_mw": 2000.0, "levels": {"a57": "2035200", "gpu": "1300500000"}}
        ],
        "costs": [
            {
                "layer": layer,
                "processor": processor,
                "cores": cores,
                "level": {"a57": "2035200", "gpu": "1300500000"}[processor],
                "latency_us": latency,
                "energy_uj": latency * 2,
            }
            for processor, by_cores in costs.items()
            for cores, latencies in by_cores.items()
            for layer, latency in zip(("conv1", "conv2", "add"), latencies, strict=True)
        ],
        "transfers": [
            {"from": "a57", "to": "gpu", "latency_us": 1.0, "bytes_per_s": 2e9, "energy_uj": 5.0},
            {"from": "gpu", "to": "a57", "latency_us": 1.0, "bytes_per_s": 2e9, "energy_uj": 5.0},
        ],
        "handover_us": 0.5,
    }


def random_document(random: random.Random, *, layers: int, processors: int, cores: int) -> Document:
    """A document in which coarse numbers make ties, and holes make detours.

    Args:
        random: Where chance comes from.
        layers: Most layers.
        processors: Most processors.
        cores: Most cores of a processor.
    """
    names = [f"layer{index}" for index in range(random.randint(1, layers))]
    board = {f"processor{index}": random.randint(1, cores) for index in range(random.randint(1, processors))}
    points = [f"point{index}" for index in range(random.randint(1, 2))]
    fewer = [{name: random.randint(0, most) for name, most in board.items()} for _ in points]
    hole = random.choice((0.0, 0.0, 0.15, 0.4))
    return {
        "schema": "stageline.profile/1",
        "model": "random",
        "board": "random",
        "layers": [
            {
                "name": name,
                "inputs": random.sample(["input", *names[:index]], random.randint(1, min(2, index + 1))),
                "output_bytes": random.randint(0, 9),
            }
            for index, name in enumerate(names)
        ],
        "input_bytes": random.randint(0, 99),
        "processors": [{"name": name, "cores": count} for name, count in board.items()],
        "operating_points": [
            {
                "name": name,
                "idle_power_mw": random.choice((None, 0.0, 150.0, 700.0)),
                **({"cores": some} if random.random() < 0.2 else {}),
            }
            for name, some in zip(points, fewer, strict=True)
        ],
        "costs": [
            {
                "layer": layer,
                "processor": processor,
                "cores": count,
                "level": point,
                "latency_us": _time(random),
                "energy_uj": random.choice((1.0, 2.5, 0.7, None)) if random.random() < 0.4 else 3.0,
            }
            for layer in names
            for processor, most in board.items()
            for count in range(1, most + 1)
            for point in points
            if random.random() >= hole
        ],
        "transfers": [
            {
                "from": source,
                "to": target,
                "latency_us": _time(random),
                "bytes_per_s": random.choice((1e6, 2e6, 1e7)),
                "energy_uj": random.choice((0.0, 0.5, 0.5, None)),
            }
            for source in board
            for target in board
            if random.random() < 0.6
        ],
        "handover_us": random.choice((0.0, 0.1, 1.0)),
    }


def _time(random: random.Random) -> float:
    return random.choice((random.randint(0, 5), random.randint(1, 60) / 10, random.randint(1, 30) / 10))


@pytest.fixture
def document() -> Document:
    return example()


@pytest.fixture(scope="session")
def make_document() -> Callable[..., Document]:
    return random_document
