"""Engines side by side: what runs against what, in turns on the board, and the figures that come out."""

from host.bench.figures import Comparison, Contender, Engine, Entry, Mode, Ratios, Turn
from host.bench.job import BenchRequest, bench_model

__all__ = [
    "BenchRequest",
    "Comparison",
    "Contender",
    "Engine",
    "Entry",
    "Mode",
    "Ratios",
    "Turn",
    "bench_model",
]
