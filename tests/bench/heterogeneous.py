"""Prints what pipelines gain over the best single processor on a heterogeneous board, made of two cores of a PC.

One core runs code for AVX-512 (or the best that the machine has), the other code for plain x86-64, which has SSE2 only:
two processors, declared by `device-agent --board FILE`. Each network is planned, deployed and measured
as `host plan --deploy` does it; then the pipeline and each processor by itself take turns, and medians are compared.

    python tests/bench/heterogeneous.py [MODEL ...]
"""

import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from host.agreement import Agreement
from host.deploy import deploy, enough_frames, measure
from host.measuring import measure_missing
from host.network import Network
from host.planner import Constraints, Objective, Plan, parse_profile, solve
from host.requests import ModelRequest
from host.session import Session, open_session, source_of
from tests.bench.prediction import MODELS, ROUNDS, Quiet

TURNS = 5
START_DEADLINE_S = 30.0
BOARD = """
name = "two-kinds"

[[processors]]
name = "wide"
cpus = [{wide}]
mcpu = "{mcpu}"

[[processors]]
name = "plain"
cpus = [{plain}]
mcpu = "x86-64"
"""


@contextmanager
def agent(folder: Path) -> Iterator[str]:
    """Runs an agent for such a board and gives its address."""
    plain, wide, *_ = sorted(os.sched_getaffinity(0))
    has_avx512 = "avx512f" in Path("/proc/cpuinfo").read_text()
    mcpu = "x86-64-v4" if has_avx512 else "x86-64-v3"
    board, address = folder / "board.toml", folder / "address"
    board.write_text(BOARD.format(wide=wide, plain=plain, mcpu=mcpu))
    command = [sys.executable, "-m", "device.agent", "--board", str(board), "--listen", "127.0.0.1:0"]
    process = subprocess.Popen([*command, "--port-file", str(address)], stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + START_DEADLINE_S
        while not address.exists():
            if time.monotonic() > deadline or process.poll() is not None:
                raise SystemExit("the agent did not start")
            time.sleep(0.05)
        yield address.read_text()
    finally:
        process.terminate()
        process.wait()


def throughput(session: Session, network: Network, plan: Plan) -> float:
    """Deploys a plan and measures it for two seconds, in frames a second."""
    deploy(session, network, plan)
    return float(measure(session, enough_frames(plan))["throughput_fps"])


def row(session: Session, model: str) -> str:
    """Plans, deploys and measures one network, and makes a line of the table."""
    request = ModelRequest(model=model)
    network = session.network(source_of(request), request)
    measure_missing(session, network)
    table = parse_profile(session.exchange_document(network.graph))
    _, pipeline = Agreement(session, network, table, Constraints(), Objective.THROUGHPUT).reach(ROUNDS, None)
    names = [processor.name for processor in table.processors]
    alone = [
        solve(table, Constraints(max_stages=1, avoid=tuple(other for other in names if other != name)))
        for name in names
    ]
    plans = [pipeline, *alone]
    turns = [[throughput(session, network, plan) for plan in plans] for _ in range(TURNS)]
    together, *singles = np.median(turns, axis=0).tolist()
    best = max(singles)
    stages = " \\| ".join(
        f"{stage.processor} {stage.layers[0]} .. {stage.layers[-1]}" for stage in pipeline.stages
    )
    bound = best * pipeline.bound_us / 1e6
    return (
        f"| {model} | {' | '.join(f'{fps:.1f} fps' for fps in singles)} | {together:.1f} fps | "
        f"{100 * (together / best - 1):+.0f} % | {100 * (1 / bound - 1):+.0f} % | {stages} |"
    )


def main(models: Sequence[str]) -> None:
    """Prints the table."""
    print(f"{platform.machine()}, {os.cpu_count()} CPUs\n")
    with (
        tempfile.TemporaryDirectory() as folder,
        agent(Path(folder)) as address,
        open_session(str(Path(folder) / "profiles.sqlite"), address, Quiet()) as session,
    ):
        names = [processor.name for processor in session.board.processors]
        print(f"| network | {' | '.join(names)} | pipeline | gain | at most | stages |")
        print("|" + "---|" * (len(names) + 5))
        for model in models:
            print(row(session, model), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:] or MODELS)
