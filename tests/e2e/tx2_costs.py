"""A network's costs on a Jetson TX2 at each of its modes, to plan with where no TX2 is at hand.

python -m tests.e2e.tx2_costs > tx2.json && host solve tx2.json --objective energy --min-fps 20

Modes, levels and cores are those that the agent finds in a TX2's files. Latencies and energies are made up: time goes
with 1 / frequency, power with frequency times the square of a voltage that goes up with it.
"""

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from device.clocks import OperatingPoint
from device.inventory import detect_board
from tests.device.trees import boards

LAYERS = 14
_HIGHEST = {"a57": 2035200.0, "denver2": 2035200.0, "gpu": 1300500000.0}
_CORES = {"a57": 4, "denver2": 2, "gpu": 1}
_US = {"a57": 9000.0, "denver2": 6500.0, "gpu": 1800.0}
"""Of the whole network's first layer on one core at the highest frequency; later layers take less on the GPU."""

_MW = {"a57": 1100.0, "denver2": 1500.0, "gpu": 4800.0}
"""Above idle, of one core at the highest frequency."""

_IDLE_MW = {"MAXN": 2300.0}
_IDLE_CAPPED_MW = 1900.0
"""Of the idle board, which draws less where the memory's clock is capped."""


def tx2_document() -> dict[str, Any]:
    """The costs as a `stageline.profile/1` document."""
    with tempfile.TemporaryDirectory() as folder:
        board = detect_board(root=boards.tx2(Path(folder), mode=0, isolated=""))
    names = [f"layer{index}" for index in range(LAYERS)]
    levels = {(name, level) for point in board.operating_points for name, level in point.levels.items()}
    return {
        "schema": "stageline.profile/1",
        "model": "fixture",
        "board": board.name,
        "layers": [
            {"name": name, "inputs": [names[index - 1] if index else "input"], "output_bytes": 200_000}
            for index, name in enumerate(names)
        ],
        "input_bytes": 600_000,
        "processors": [{"name": name, "cores": cores} for name, cores in _CORES.items()],
        "operating_points": [_point(point) for point in board.operating_points],
        "costs": [
            _cost(name, index, processor, cores, level)
            for processor, level in sorted(levels)
            for cores in range(1, _CORES[processor] + 1)
            for index, name in enumerate(names)
        ],
        "transfers": [
            {"from": source, "to": target, "latency_us": 60.0, "bytes_per_s": 4e9, "energy_uj": 100.0}
            for source in _CORES
            for target in _CORES
            if source != target and "gpu" in {source, target}
        ],
        "handover_us": 25.0,
    }


def _point(point: OperatingPoint) -> dict[str, Any]:
    cores = {name: len(point.cpus.get(name, ())) for name in _CORES if name != "gpu"}
    return {
        "name": point.name,
        "idle_power_mw": _IDLE_MW.get(point.name, _IDLE_CAPPED_MW),
        "levels": dict(point.levels),
        "cores": cores,
    }


def _cost(name: str, index: int, processor: str, cores: int, level: str) -> dict[str, Any]:
    speed = float(level.partition("+")[0]) / _HIGHEST[processor]
    voltage = 0.6 + 0.4 * speed
    work = _US[processor] * (1 + index / LAYERS if processor != "gpu" else 1)
    latency_us = work / speed / cores**0.9
    power_mw = _MW[processor] * cores * speed * voltage**2
    return {
        "layer": name,
        "processor": processor,
        "cores": cores,
        "level": level,
        "latency_us": round(latency_us, 1),
        "energy_uj": round(power_mw * latency_us / 1e3, 1),
    }


if __name__ == "__main__":
    json.dump(tx2_document(), sys.stdout)
