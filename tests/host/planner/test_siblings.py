"""Where a board draws less at a point that differs in one processor only, plans elsewhere have to use that one."""

from typing import Any

import pytest

from host.planner import Objective, pareto_front, parse_profile, solve
from host.planner.constraints import Constraints
from host.planner.problem import build_problem
from host.planner.siblings import without_wasteful
from host.planner.ticks import Ticks

LEVELS = {"slow": ("low", "low"), "big": ("high", "low"), "both": ("high", "high")}


def document(idle_mw: dict[str, float]) -> dict[str, Any]:
    """One layer on two processors, each with a low and a high clock."""
    return {
        "schema": "stageline.profile/1",
        "model": "n",
        "board": "b",
        "layers": [{"name": "l", "inputs": ["input"], "output_bytes": 4}],
        "input_bytes": 4,
        "processors": [{"name": "big", "cores": 1}, {"name": "little", "cores": 1}],
        "operating_points": [
            {"name": name, "idle_power_mw": idle_mw[name], "levels": {"big": big, "little": little}}
            for name, (big, little) in LEVELS.items()
        ],
        "costs": [
            {"layer": "l", "processor": name, "cores": 1, "level": level, "latency_us": us, "energy_uj": us}
            for name in ("big", "little")
            for level, us in (("low", 200.0), ("high", 100.0))
        ],
        "handover_us": 0.0,
    }


@pytest.mark.parametrize(
    ("idle_mw", "required"),
    [
        ({"slow": 1.0, "big": 2.0, "both": 3.0}, [(), (0,), (1,)]),
        ({"slow": 1.0, "big": 1.0, "both": 1.0}, [(), (), ()]),
        ({"slow": 3.0, "big": 2.0, "both": 1.0}, [(0,), (1,), ()]),
    ],
)
def test_a_point_that_draws_more_is_for_plans_that_use_its_clocks(
    idle_mw: dict[str, float], required: list[tuple[int, ...]]
) -> None:
    table = parse_profile(document(idle_mw))
    ticks = Ticks.of_table(table)
    problems = [build_problem(table, index, Constraints(), ticks) for index in range(3)]
    assert [problem.grid.required for problem in without_wasteful(table, problems)] == required


def test_the_answer_is_at_the_point_that_draws_less() -> None:
    table = parse_profile(document({"slow": 1.0, "big": 2.0, "both": 3.0}))
    assert solve(table, None, Objective.ENERGY).operating_point == "big"
    assert {plan.operating_point for plan in pareto_front(table)} == {"big"}
