"""Why there is no plan, in one sentence that names what stands in the way and the nearest plan without it."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any, Final

from host.errors import InfeasibleError
from host.planner.constraints import Constraints
from host.planner.costs import CostTable
from host.planner.plan import Objective, Plan
from host.planner.problem import Problem

Find = Callable[[Constraints, Objective], Plan]
"""Finds the best plan; raises InfeasibleError without a plan."""

_NEAREST: Final = {
    "min_fps": Objective.THROUGHPUT,
    "max_latency_ms": Objective.LATENCY,
    "max_power_w": Objective.ENERGY,
}
"""For each limit on a quantity what to look for without it."""


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


def explain_no_plan(table: CostTable, constraints: Constraints, find: Find) -> InfeasibleError:
    """The error for constraints that no plan meets.

    Args:
        table: The costs.
        constraints: Those of which at least one stands in the way.
        find: Looks for plans under others.
    """
    stages = len(set(constraints.cuts)) + 1
    max_stages = constraints.max_stages or len(table.layers)
    if stages > max_stages:
        return InfeasibleError(
            f"the forced cuts make at least {stages} stages, and at most {max_stages} are allowed",
            hint="raise --max-stages or leave out a --cut",
        )
    limits = [name for name in _NEAREST if getattr(constraints, name) is not None]
    unlimited = _without(constraints, *limits)
    if not limits or _nearest(find, unlimited, Objective.THROUGHPUT) is None:
        return _unsplittable(table, unlimited, find)
    if constraints.source_fps is not None and constraints.source_fps < (constraints.min_fps or 0):
        return InfeasibleError(
            f"frames come at {constraints.source_fps:g} fps, and {constraints.min_fps:g} fps are asked for"
        )
    for name in limits:
        if nearest := _nearest(find, _without(constraints, name), _NEAREST[name]):
            return _exceeded(name, constraints, nearest)
    apart = [
        _best_of(name, nearest)
        for name in limits
        if (nearest := _nearest(find, unlimited, _NEAREST[name])) is not None
    ]
    return InfeasibleError(
        f"no plan keeps even two of {', '.join(_named(constraints))}: each by itself, {'; '.join(apart)}",
        hint="loosen all of them",
    )


def _without(constraints: Constraints, *limits: str) -> Constraints:
    nothing: dict[str, Any] = dict.fromkeys(limits)
    return replace(constraints, **nothing)


def _nearest(find: Find, constraints: Constraints, objective: Objective) -> Plan | None:
    try:
        return find(constraints, objective)
    except InfeasibleError:
        return None


def _exceeded(name: str, constraints: Constraints, nearest: Plan) -> InfeasibleError:
    wanted = {
        "min_fps": f"reaches {constraints.min_fps or 0:g} fps",
        "max_latency_ms": f"takes a frame through in {constraints.max_latency_ms or 0:g} ms",
        "max_power_w": f"draws {constraints.max_power_w or 0:g} W or less",
    }[name]
    change = {
        "min_fps": "lower --min-fps",
        "max_latency_ms": "raise --max-latency-ms",
        "max_power_w": "raise --max-power-w",
    }[name]
    others = ", ".join(_named(_without(constraints, name)))
    return InfeasibleError(
        f"no plan {wanted}: {_best_of(name, nearest)}",
        hint=f"{change}, or loosen {others}" if others else change,
    )


def _best_of(name: str, plan: Plan) -> str:
    if name == "min_fps":
        return f"the fastest makes {plan.throughput_fps:.4g} fps"
    if name == "max_latency_ms":
        return f"the least latency is {plan.latency_us / 1e3:.6g} ms"
    power_w = (plan.energy_uj_per_frame or 0.0) / plan.period_us
    return f"the one with the least energy a frame draws {power_w:.4g} W at {plan.throughput_fps:.4g} fps"


def _unsplittable(table: CostTable, constraints: Constraints, find: Find) -> InfeasibleError:
    others = ", ".join(_named(constraints))
    hint = f"loosen {others}" if others else "profile the network on more placements"
    for option, without in _loosened(constraints):
        if nearest := _nearest(find, without, Objective.THROUGHPUT):
            stages = f"{len(nearest.stages)} stage{'s' * (len(nearest.stages) > 1)}"
            hint = f"without {option} the best plan has {stages} and makes {nearest.throughput_fps:.4g} fps"
            break
    return InfeasibleError(
        f"the {len(table.layers)} layers of {table.model} cannot be split over the cores of {table.board}"
        + (f" within {others}" if others else ": too many have a cost on few placements only"),
        hint=hint,
    )


def _loosened(constraints: Constraints) -> Iterator[tuple[str, Constraints]]:
    if constraints.max_stages is not None:
        yield f"--max-stages {constraints.max_stages}", replace(constraints, max_stages=None)
    if constraints.no_replicas:
        yield "--no-replicas", replace(constraints, no_replicas=False)
    for option, names in (("use", constraints.use), ("avoid", constraints.avoid), ("cuts", constraints.cuts)):
        written = "--cut after=" if option == "cuts" else f"--{option} "
        for name in names:
            rest: dict[str, Any] = {option: tuple(other for other in names if other != name)}
            yield f"{written}{name}", replace(constraints, **rest)


def _named(constraints: Constraints) -> Iterator[str]:
    for name, option in (
        ("min_fps", "--min-fps"),
        ("max_latency_ms", "--max-latency-ms"),
        ("max_power_w", "--max-power-w"),
    ):
        if (limit := getattr(constraints, name)) is not None:
            yield f"{option} {limit:g}"
    yield from (option for option, _ in _loosened(constraints))
