"""Prints how well predictions hold on this machine, before and after plans were corrected by what was measured.

Each run starts with an empty database, measures the network, and does what `host plan --deploy` does: candidates are
deployed, and costs corrected, until prediction and measurement agree. *First* is the plan that profiles alone led to,
*last* the chosen one, as it was predicted before it was measured for the last time.

    python tests/bench/prediction.py [--runs 5] [MODEL ...]
"""

import argparse
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from host.agreement import Agreement
from host.measuring import measure_missing
from host.planner import Constraints, Objective, Plan, parse_profile, solve
from host.requests import ModelRequest
from host.session import open_session, source_of

MODELS = ("mobilenet", "mobilenet_v2", "squeezenet1_1", "resnet18", "googlenet", "inception_v3")
ROUNDS = 6


class Quiet:
    """A reporter that says nothing."""

    def step(self, title: str, detail: str, seconds: float | None = None) -> None:
        """Nothing."""

    def progress(self, title: str, detail: str) -> None:
        """Nothing."""

    def warn(self, text: str, hint: str = "") -> None:
        """Passes warnings on."""
        print(f"warning: {text}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One run.

    Attributes:
        first_error: Measured over predicted period of the first deployment, less 1.
        last_error: That of the chosen plan's last deployment.
        rounds: How many deployments there were.
        plan: The chosen plan.
        over_one_core: Its measured throughput over what one core is predicted to give.
    """

    first_error: float
    last_error: float
    rounds: int
    plan: Plan
    over_one_core: float


def run(model: str) -> Result:
    """Plans and deploys a network, from an empty database."""
    request = ModelRequest(model=model)
    with (
        tempfile.TemporaryDirectory() as folder,
        open_session(str(Path(folder) / "profiles.sqlite"), None, Quiet()) as session,
    ):
        network = session.network(source_of(request), request)
        measure_missing(session, network)
        document = session.exchange_document(network.graph)
        table = parse_profile(document)
        _, plan = Agreement(session, network, table, Constraints(), Objective.THROUGHPUT).reach(ROUNDS, None)
        one_core = document | {"costs": [cost for cost in document["costs"] if cost["cores"] == 1]}
        alone = solve(parse_profile(one_core), Constraints(max_stages=1, no_replicas=True))
        deployments = session.store.deployments()
        first = deployments[-1]
        predicted_us = session.store.plan(first.plan_id).document["period_us"]
    assert plan.measured is not None
    return Result(
        first_error=first.measured["period_us"] / predicted_us - 1,
        last_error=plan.measured.period_us / plan.period_us - 1,
        rounds=len(deployments),
        plan=plan,
        over_one_core=alone.period_us / plan.measured.period_us,
    )


def percent(errors: Sequence[float]) -> str:
    """Median and worst of some errors."""
    sizes = 100 * np.abs(errors)
    return f"{np.median(sizes):>6.1f} % {sizes.max():>6.1f} %"


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs and prints."""
    parser = argparse.ArgumentParser(description="How well predictions hold on this machine.")
    parser.add_argument("models", nargs="*", default=MODELS)
    parser.add_argument("--runs", type=int, default=5)
    options = parser.parse_args(arguments)
    print(
        f"{'':<14} {'first: median, worst':>20} {'last: median, worst':>20} {'rounds':>7} {'over one core':>14}"
    )
    everything: list[Result] = []
    for model in options.models:
        results = [run(model) for _ in range(options.runs)]
        everything += results
        show(model, results)
    show("all", everything)


def show(what: str, results: Sequence[Result]) -> None:
    """Prints a line."""
    first, last = ([getattr(one, name) for one in results] for name in ("first_error", "last_error"))
    rounds = np.mean([one.rounds for one in results])
    gain = np.median([one.over_one_core for one in results])
    print(f"{what:<14} {percent(first):>20} {percent(last):>20} {rounds:>7.1f} {gain:>14.2f}", flush=True)


if __name__ == "__main__":
    main()
