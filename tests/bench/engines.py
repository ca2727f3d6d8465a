"""Prints engines side by side for many networks, as a table for the README.

Each network is measured by `host bench --against onnxruntime`: all modes of both engines in short turns of one run.

    python tests/bench/engines.py [--seconds 20] [--target x86-64-v3] [--db FILE] [MODEL ...]

With `--target`, Stageline's kernels are built for that processor of LLVM's instead of this machine's own, as they would
be for a weaker board; ONNX Runtime still takes what this machine has.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import geometric_mean

from host.bench import BenchRequest, Comparison, Engine, Mode, bench_model
from host.requests import ModelRequest

MODELS = (
    "mobilenet",
    "mobilenet_v2",
    "squeezenet1_1",
    "resnet18",
    "resnet50",
    "googlenet",
    "vgg16",
    "densenet121",
    "inception_v3",
)
OURS, THEIRS = Engine.STAGELINE, Engine.ONNXRUNTIME
START_DEADLINE_S = 30.0

HEAD = (
    "| network | ONNX Runtime, 1 core | Stageline, 1 core | ratio "
    "| ONNX Runtime, best | Stageline, best | ratio | all cores over 1: ONNX Runtime | Stageline |"
)


class Warnings:
    """A reporter that passes on warnings only."""

    def step(self, title: str, detail: str, seconds: float | None = None) -> None:
        """Nothing."""

    def progress(self, title: str, detail: str) -> None:
        """Nothing."""

    def warn(self, text: str, hint: str = "") -> None:
        """Says it on standard error, where it does not spoil the table."""
        print(f"warning: {text}", file=sys.stderr, flush=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One network's figures.

    Attributes:
        comparison: Everything that was measured.
    """

    comparison: Comparison

    @property
    def latency_ratio(self) -> float:
        """Ours over theirs on one core."""
        return self.comparison.ratios.single_core_latency or float("nan")

    @property
    def throughput_ratio(self) -> float:
        """Our best over theirs."""
        return self.comparison.ratios.best_throughput or float("nan")

    def latency_ms(self, engine: Engine, mode: Mode) -> float:
        """An engine's latency in a mode."""
        entry = self.comparison.entry(engine, mode)
        return entry.latency_ms if entry else float("nan")

    def speedup(self, engine: Engine) -> float:
        """What all cores gain over one, for one frame at a time."""
        return self.latency_ms(engine, Mode.SINGLE_CORE) / self.latency_ms(engine, Mode.ALL_CORES)

    def to_markdown(self) -> str:
        """A row of the table."""
        theirs, ours = self.comparison.best(THEIRS), self.comparison.best(OURS)
        cells = [
            self.comparison.model,
            f"{self.latency_ms(THEIRS, Mode.SINGLE_CORE):.2f} ms",
            f"{self.latency_ms(OURS, Mode.SINGLE_CORE):.2f} ms",
            f"{self.latency_ratio:.2f}",
            f"{theirs.throughput_fps:.1f} fps, {theirs.contender.mode}",
            f"{ours.throughput_fps:.1f} fps, {ours.contender.mode}",
            f"{self.throughput_ratio:.2f}",
            f"{self.speedup(THEIRS):.2f}",
            f"{self.speedup(OURS):.2f}",
        ]
        return f"| {' | '.join(cells)} |"


def means(lines: Sequence[Line]) -> str:
    """The last row: geometric means of the ratios."""
    latency = geometric_mean(line.latency_ratio for line in lines)
    throughput = geometric_mean(line.throughput_ratio for line in lines)
    speedups = [geometric_mean(line.speedup(engine) for line in lines) for engine in (THEIRS, OURS)]
    ends = " | ".join(f"{speedup:.2f}" for speedup in speedups)
    return f"| geometric mean | | | {latency:.2f} | | | {throughput:.2f} | {ends} |"


@contextmanager
def board_for(target: str | None) -> Iterator[str | None]:
    """The address of a board whose cores are this machine's, but declared as another processor."""
    if target is None:
        yield None
        return
    with tempfile.TemporaryDirectory() as folder:
        file, port_file = Path(folder) / "board.toml", Path(folder) / "address"
        cpus = sorted(os.sched_getaffinity(0))
        file.write_text(
            f'name = "local-{target}"\n[[processors]]\nname = "cpu"\ncpus = {cpus}\nmcpu = "{target}"\n'
        )
        command = [sys.executable, "-m", "device.agent", "--board", str(file), "--listen", "127.0.0.1:0"]
        agent = subprocess.Popen(
            [*command, "--port-file", str(port_file)], stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            yield _address(port_file, agent)
        finally:
            agent.terminate()
            agent.wait()


def _address(port_file: Path, agent: "subprocess.Popen[bytes]") -> str:
    end = time.monotonic() + START_DEADLINE_S
    while not port_file.exists():
        if agent.poll() is not None or time.monotonic() > end:
            raise SystemExit("the agent did not start; `device-agent --board FILE` says why")
        time.sleep(0.02)
    return port_file.read_text()


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs and prints."""
    parser = argparse.ArgumentParser(description="Engines side by side for many networks.")
    parser.add_argument("models", nargs="*", default=MODELS)
    parser.add_argument("--seconds", type=float, default=20.0, help="measuring time a network")
    parser.add_argument("--target", help="build for this processor of LLVM's, such as x86-64-v3")
    parser.add_argument("--db", help="profile database; by default an empty one")
    options = parser.parse_args(arguments)
    print(f"{HEAD}\n|{'---|' * (HEAD.count('|') - 1)}", flush=True)
    lines = []
    with tempfile.TemporaryDirectory() as folder, board_for(options.target) as board:
        for model in options.models:
            request = BenchRequest(
                model=ModelRequest(model=model),
                board=board,
                database=options.db or str(Path(folder) / "profiles.sqlite"),
                against=THEIRS,
                seconds=options.seconds,
            )
            lines.append(Line(comparison=bench_model(request, Warnings())))
            print(lines[-1].to_markdown(), flush=True)
    print(means(lines))


if __name__ == "__main__":
    main()
