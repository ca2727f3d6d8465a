"""Prints how well predictions hold on this machine, and what a pipeline gains over one core.

Each run starts with an empty database: it measures the network, plans it with and without replicas, deploys both plans
and the best plan for a single core, one after the other, and compares periods.

    python tests/bench/prediction.py [--runs 5] [MODEL ...]
"""

import argparse
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from host.deploy import deploy, measure
from host.measuring import measure_missing
from host.network import Network
from host.planner import Constraints, Plan, parse_profile, solve
from host.requests import ModelRequest
from host.session import Session, open_session, source_of

MODELS = ("mobilenet", "resnet18", "googlenet")
MEASURED_S = 3.0


class Quiet:
    """A reporter that says nothing."""

    def step(self, title: str, detail: str, seconds: float | None = None) -> None:
        """Nothing."""

    def progress(self, title: str, detail: str) -> None:
        """Nothing."""

    def warn(self, text: str, hint: str = "") -> None:
        """Passes warnings on."""
        print(f"warning: {text}")


def measured_period_us(session: Session, network: Network, plan: Plan) -> float:
    """Deploys a plan and measures its period for about `MEASURED_S` seconds."""
    deploy(session, network, plan)
    frames = max(int(MEASURED_S * 1e6 / plan.period_us), 20)
    return float(measure(session, frames)["period_us"])


def single_core(document: dict[str, Any]) -> dict[str, Any]:
    """The same profiles without what was measured on several cores."""
    return {**document, "costs": [cost for cost in document["costs"] if cost["cores"] == 1]}


def run(model: str) -> dict[str, tuple[float, float]]:
    """Predicted and measured period of each kind of plan, in microseconds, from an empty database."""
    request = ModelRequest(model=model)
    with (
        tempfile.TemporaryDirectory() as folder,
        open_session(str(Path(folder) / "profiles.sqlite"), None, Quiet()) as session,
    ):
        network = session.network(source_of(request), request)
        measure_missing(session, network)
        document = session.exchange_document(network.graph)
        alone = Constraints(max_stages=1, no_replicas=True)
        plans = {
            "one core": solve(parse_profile(single_core(document)), alone),
            "stages": solve(parse_profile(single_core(document)), Constraints(no_replicas=True)),
            "best plan": solve(parse_profile(document)),
        }
        return {
            kind: (plan.period_us, measured_period_us(session, network, plan)) for kind, plan in plans.items()
        }


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs and prints."""
    parser = argparse.ArgumentParser(description="How well predictions hold on this machine.")
    parser.add_argument("models", nargs="*", default=MODELS)
    parser.add_argument("--runs", type=int, default=5)
    options = parser.parse_args(arguments)
    print(
        f"{'model':<12} {'plan':<10} {'period':>10} {'error: median':>14} {'worst':>7} {'over one core: median':>22}"
    )
    for model in options.models:
        runs = [run(model) for _ in range(options.runs)]
        for kind in runs[0]:
            predicted, measured = np.array([found[kind] for found in runs]).T
            errors = np.abs(measured / predicted - 1)
            gains = np.array([found["one core"][1] for found in runs]) / measured
            print(
                f"{model:<12} {kind:<10} {np.median(measured) / 1e3:>7.2f} ms {100 * np.median(errors):>12.1f} % "
                f"{100 * errors.max():>5.1f} % {np.median(gains):>22.2f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
