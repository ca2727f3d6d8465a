"""From measured costs to the best pipeline: numbers in, a plan out."""

from host.planner.constraints import Constraints
from host.planner.contention import Slowed, corrected, slowdowns
from host.planner.costs import (
    Cost,
    CostTable,
    LayerCosts,
    OperatingPoint,
    Placement,
    Processor,
    Transfer,
)
from host.planner.document import parse_json
from host.planner.health import SplitBoard, split
from host.planner.plan import Baseline, Measured, MeasuredStage, Objective, Plan, PlanStage, front_document
from host.planner.profile import parse_profile, point_document, profile_document
from host.planner.solver import pareto_front, predict, solve
from host.planner.together import Shared, solve_together

__all__ = [
    "Baseline",
    "Constraints",
    "Cost",
    "CostTable",
    "LayerCosts",
    "Measured",
    "MeasuredStage",
    "Objective",
    "OperatingPoint",
    "Placement",
    "Plan",
    "PlanStage",
    "Processor",
    "Shared",
    "Slowed",
    "SplitBoard",
    "Transfer",
    "corrected",
    "front_document",
    "pareto_front",
    "parse_json",
    "parse_profile",
    "point_document",
    "predict",
    "profile_document",
    "slowdowns",
    "solve",
    "solve_together",
    "split",
]
