"""Prints how the plan that `host plan --deploy` chooses compares with all pipelines of two stages, each one measured.

Every cut is measured once; then the best ones and the chosen plan take turns, so that what the machine does meanwhile
meets all of them, and medians are compared.

    python tests/bench/cuts.py [MODEL]
"""

import sys
import tempfile
from pathlib import Path

import numpy as np

from host.agreement import Agreement
from host.deploy import deploy, enough_frames, measure
from host.measuring import measure_missing
from host.network import Network
from host.planner import Constraints, Objective, Plan, parse_profile, solve
from host.requests import ModelRequest
from host.session import Session, open_session, source_of
from tests.bench.prediction import ROUNDS, Quiet

FINALISTS = 5
TURNS = 5


def throughput(session: Session, network: Network, plan: Plan) -> float:
    """Deploys a plan and measures it for two seconds, in frames a second."""
    deploy(session, network, plan)
    return float(measure(session, enough_frames(plan))["throughput_fps"])


def name(plan: Plan) -> str:
    """Where a plan is cut."""
    return " | ".join(
        f"{stage.layers[0]} .. {stage.layers[-1]}, {stage.processor}x{stage.cores}" for stage in plan.stages
    )


def main() -> None:
    """Runs and prints."""
    request = ModelRequest(model=sys.argv[1] if len(sys.argv) > 1 else "mobilenet")
    with (
        tempfile.TemporaryDirectory() as folder,
        open_session(str(Path(folder) / "profiles.sqlite"), None, Quiet()) as session,
    ):
        network = session.network(source_of(request), request)
        measure_missing(session, network)
        table = parse_profile(session.exchange_document(network.graph))
        _, chosen = Agreement(session, network, table, Constraints(), Objective.THROUGHPUT).reach(
            ROUNDS, None
        )
        layers = [layer.name for layer in table.layers[:-1]]
        cuts = [solve(table, Constraints(no_replicas=True, max_stages=2, cuts=(layer,))) for layer in layers]
        once = [throughput(session, network, plan) for plan in cuts]
        finalists = [cuts[index] for index in np.argsort(once)[::-1][:FINALISTS]]
        plans = [chosen, *(plan for plan in finalists if name(plan) != name(chosen))]
        turns = np.array([[throughput(session, network, plan) for plan in plans] for _ in range(TURNS)])
    for plan, fps in zip(cuts, once, strict=True):
        print(f"{name(plan):<60} {fps:8.1f} fps")
    print(f"\n{TURNS} turns each:")
    for place, (plan, fps) in enumerate(zip(plans, np.median(turns, axis=0), strict=True)):
        print(f"{name(plan):<60} {fps:8.1f} fps{'   chosen' if place == 0 else ''}")
    medians = np.median(turns, axis=0)
    print(f"\nchosen over the best of these: {medians[0] / medians.max():.3f}")


if __name__ == "__main__":
    main()
