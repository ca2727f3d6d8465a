"""Why there is no plan, in one sentence that names what stands in the way."""

from collections.abc import Iterator, Sequence
from fractions import Fraction

from host.errors import InfeasibleError
from host.planner.bound import Bound
from host.planner.constraints import Constraints
from host.planner.costs import CostTable
from host.planner.plan import Plan
from host.planner.problem import NEVER, Problem
from host.planner.routes import least_latency
from host.planner.ticks import Ticks
from host.planner.windows import Windows


def explain_uncovered(
    table: CostTable, problems: Sequence[Problem], constraints: Constraints
) -> InfeasibleError:
    """The error for a layer that can run nowhere."""
    problem = max(problems, key=lambda problem: problem.uncovered or 0)
    layer = table.layers[problem.uncovered or 0].name
    where = "any processor that is not avoided" if constraints.avoid else "any processor"
    return InfeasibleError(
        f"{layer} has no cost on {where} at {problem.point.name}, so that no plan can run it",
        hint="profile the network on this board" if not constraints.avoid else "avoid fewer processors",
    )


def explain_off(constraints: Constraints) -> InfeasibleError:
    """The error for processors that no operating point runs."""
    wanted = " and ".join(constraints.use) or "a processor that is not avoided"
    return InfeasibleError(
        f"no operating point runs {wanted}",
        hint="choose others with --operating-points, or loosen --use and --avoid",
    )


def explain_too_slow(plan: Plan, constraints: Constraints) -> InfeasibleError:
    """The error for a plan that is the fastest and not fast enough."""
    wanted = f"{constraints.min_fps:g} fps"
    if constraints.source_fps is not None and constraints.source_fps < (constraints.min_fps or 0):
        return InfeasibleError(f"frames come at {constraints.source_fps:g} fps, and {wanted} are asked for")
    others = _others(constraints)
    return InfeasibleError(
        f"no plan reaches {wanted}: the fastest makes {plan.throughput_fps:.4g} fps",
        hint=f"lower --min-fps{f', or loosen {others}' if others else ''}",
    )


def explain_no_plan(
    table: CostTable,
    spaces: Sequence[tuple[Problem, Bound]],
    constraints: Constraints,
    ticks: Ticks,
) -> InfeasibleError:
    """The error for constraints that no plan meets, however slow."""
    stages = len(set(constraints.cuts)) + 1
    max_stages = constraints.max_stages or len(table.layers)
    if stages > max_stages:
        return InfeasibleError(
            f"the forced cuts make at least {stages} stages, and at most {max_stages} are allowed",
            hint="raise --max-stages or leave out a --cut",
        )
    least = min(least_latency(Windows(*space, Fraction(NEVER)), max_stages=max_stages) for space in spaces)
    if least < NEVER and constraints.max_latency_ms is not None:
        return InfeasibleError(
            f"no plan takes a frame through in {constraints.max_latency_ms:g} ms: "
            f"the least latency is {ticks.microseconds(least) / 1e3:.6g} ms",
            hint="raise --max-latency-ms",
        )
    return _unsplittable(table, constraints)


def _unsplittable(table: CostTable, constraints: Constraints) -> InfeasibleError:
    others = _others(constraints)
    return InfeasibleError(
        f"the {len(table.layers)} layers of {table.model} cannot be split over the cores of {table.board}"
        + (f" within {others}" if others else ": too many have a cost on few placements only"),
        hint=f"loosen {others}" if others else "profile the network on more placements",
    )


def _others(constraints: Constraints) -> str:
    return ", ".join(_named(constraints))


def _named(constraints: Constraints) -> Iterator[str]:
    if constraints.max_stages is not None:
        yield f"--max-stages {constraints.max_stages}"
    if constraints.no_replicas:
        yield "--no-replicas"
    if constraints.max_latency_ms is not None:
        yield f"--max-latency-ms {constraints.max_latency_ms:g}"
    yield from (f"--use {name}" for name in constraints.use)
    yield from (f"--avoid {name}" for name in constraints.avoid)
    yield from (f"--cut after={name}" for name in constraints.cuts)
