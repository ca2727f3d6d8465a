"""What there is to tell about a plan, from the database or from files; no board is asked."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime

from db.store import Store
from host.agreement import stored_slowdowns
from host.errors import InfeasibleError, InputError
from host.planner import Constraints, CostTable, Plan, corrected, pareto_front, parse_profile, solve
from host.portable import export_profiles

_NEWEST = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """One run of a plan on its board.

    Attributes:
        at: When.
        predicted_us: The period that was predicted then.
        measured_us: The period that was measured.
        pipeline: What ran, in short.
    """

    at: datetime
    predicted_us: float
    measured_us: float
    pipeline: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """All that the page is made of.

    Attributes:
        plan: The plan.
        name: What the plan is called: its number, or its file.
        table: What every layer costs on the board; None where that is not known.
        singles: The best plan of each processor by itself.
        front: All plans that none beats in period, energy and latency.
        deployments: What was tried of this network on this board, the oldest first.
    """

    plan: Plan
    name: str
    table: CostTable | None = None
    singles: Sequence[Plan] = ()
    front: Sequence[Plan] = ()
    deployments: Sequence[Deployment] = ()


def stored_story(database: str, plan_id: int) -> Story:
    """A plan of the database, with what was measured on its board.

    Raises:
        NotFoundError: There is no plan of that number.
    """
    with Store.open(database, create=False) as store:
        return _stored(store, plan_id)


def file_story(name: str, plan: Plan, table: CostTable | None) -> Story:
    """A plan from a file.

    Args:
        name: The file.
        plan: The plan.
        table: The costs that it was made with; None where they are not at hand.

    Raises:
        InputError: The costs are for something else.
    """
    if table is not None and (table.model, table.board) != (plan.model, plan.board):
        raise InputError(
            f"the plan is for {plan.model} on {plan.board}, the profile for {table.model} on {table.board}"
        )
    return _story(plan, name, table)


def _stored(store: Store, plan_id: int) -> Story:
    record = store.plan(plan_id)
    plan = Plan.from_document(record.document)
    table = None
    with suppress(InputError):  # the profiles are gone, or were never here
        table = parse_profile(export_profiles(store, plan.model, plan.board))
        known = stored_slowdowns(store, record.board_fingerprint or "", record.model_fingerprint or "", table)
        table = corrected(table, list(known))
    story = _story(plan, str(plan_id), table)
    return replace(story, deployments=list(_deployments(store, plan))[-_NEWEST:])


def _story(plan: Plan, name: str, table: CostTable | None) -> Story:
    if table is None:
        return Story(plan=plan, name=name)
    return Story(
        plan=plan, name=name, table=table, singles=list(_singles(table, plan)), front=pareto_front(table)
    )


def _singles(table: CostTable, plan: Plan) -> Iterator[Plan]:
    """The best placement of each processor by itself, at the plan's operating point."""
    points = tuple(point for point in table.operating_points if point.name == plan.operating_point)
    names = [processor.name for processor in table.processors]
    for name in names:
        others = tuple(other for other in names if other != name)
        with suppress(InfeasibleError):
            yield solve(
                replace(table, operating_points=points),
                Constraints(max_stages=1, no_replicas=True, avoid=others),
            )


def _deployments(store: Store, plan: Plan) -> Iterator[Deployment]:
    """Of this network on this board, the oldest first."""
    for summary in reversed(store.plans(model=plan.model, board=plan.board)):
        for record in reversed(store.deployments(summary.id)):
            yield Deployment(
                at=record.deployed_at,
                predicted_us=summary.period_us,
                measured_us=record.measured["period_us"],
                pipeline=summary.pipeline,
            )
