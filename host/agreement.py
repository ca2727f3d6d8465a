"""Candidates are deployed and measured, and costs corrected, until what is predicted is what is measured."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, Final

from db.store import Store
from host.deploy import deploy, enough_frames, measure, with_measured
from host.errors import InfeasibleError
from host.network import Network
from host.planner import (
    Constraints,
    CostTable,
    Objective,
    Placement,
    Plan,
    Slowed,
    corrected,
    predict,
    slowdowns,
    solve,
)
from host.session import Session

ENOUGH: Final = 0.02
"""Prediction and measurement agree when they differ by no more than this part."""

_NEAR: Final = 1.1
"""A plan of another kind is worth a try if it is predicted to be no worse than the best one by this factor."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Tried:
    """A plan that was deployed.

    Attributes:
        plan_id: Its number in the database.
        plan: As it was predicted last, with what was measured then.
        error: Measured period over the predicted one, less 1.
        stages: How its stages fared, the newest run first.
    """

    plan_id: int
    plan: Plan
    error: float
    stages: list[Slowed]


class Agreement:
    """Plans of one network on one board, and what deployments show about them.

    Args:
        session: The board.
        network: The network.
        table: Its costs as they were measured.
        constraints: Which plans are acceptable.
        objective: What to look for.
    """

    def __init__(
        self,
        session: Session,
        network: Network,
        table: CostTable,
        constraints: Constraints,
        objective: Objective,
    ) -> None:
        self._session = session
        self._network = network
        self._measured_table = table
        self._constraints = constraints
        self._objective = objective
        self._known = list(
            stored_slowdowns(session.store, session.board.fingerprint, network.fingerprint, table)
        )
        self._tried: dict[Any, _Tried] = {}

    def table(self, *, with_replicas: bool = True) -> CostTable:
        """The costs as pipelines on this board have shown them, those with replicas or those without."""
        stages = [one for one in self._known if one.is_alone or one.has_replicas is with_replicas]
        return corrected(self._measured_table, stages)

    def best(self) -> Plan:
        """The best plan by all that is known.

        Raises:
            InfeasibleError: No plan meets the constraints.
        """
        return self._kinds()[0]

    def fastest(self) -> Plan:
        """The plan with the least period, whatever is looked for."""
        return solve(self.table(), self._constraints)

    def _kinds(self) -> list[Plan]:
        """The best plan of one stage, the best without replicas, and the best with some; the best of all first."""
        simple = replace(self._constraints, no_replicas=True)
        plans = []
        for limits in (replace(simple, max_stages=1), simple):
            with suppress(InfeasibleError):
                plans.append(self._solved(limits))
        if not plans or not self._constraints.no_replicas:
            plan = self._solved(self._constraints)
            plans += [plan] if _has_replicas(plan) else []
        return sorted(plans, key=lambda plan: _value(plan, self._objective))

    def _solved(self, limits: Constraints) -> Plan:
        return solve(self.table(with_replicas=not limits.no_replicas), limits, self._objective)

    def store(self, plan: Plan) -> int:
        """Stores a plan and gives it a number."""
        return self._session.store.add_plan(
            plan.to_document(),
            model_fingerprint=self._network.fingerprint,
            board_fingerprint=self._session.board.fingerprint,
        )

    def reach(self, rounds: int, frames: int | None) -> tuple[int, Plan]:
        """Deploys one candidate after the other.

        Args:
            rounds: Most deployments.
            frames: How many to measure each with; None for two seconds' worth.

        Returns:
            Number and plan of the best one measured, as it was predicted before it was measured last.
        """
        for _ in range(rounds):
            candidate = next(self._candidates(), None)
            if candidate is None:
                break
            self._try(candidate, frames)
        chosen = self._favourite()
        return chosen.plan_id, chosen.plan

    def _candidates(self) -> Iterator[Plan]:
        """What to deploy next; nothing when the best one is known well enough."""
        kinds = self._kinds()
        values = [_value(kinds[0], self._objective), *map(self._value, self._tried.values())]
        for plan in kinds:
            if _key(plan) not in self._tried and _value(plan, self._objective) <= min(values) * _NEAR:
                yield plan
        if self._tried and abs(self._favourite().error) > ENOUGH:
            yield self._predicted(self._favourite())

    def _favourite(self) -> _Tried:
        return min(self._tried.values(), key=self._value)

    def _value(self, tried: _Tried) -> float:
        return _value(self._predicted(tried), self._objective)

    def _predicted(self, tried: _Tried) -> Plan:
        """What is to be expected of a plan by its own runs."""
        return predict(corrected(self._measured_table, tried.stages), tried.plan, self._constraints)

    def _try(self, plan: Plan, frames: int | None) -> None:
        session = self._session
        deploy(session, self._network, plan)
        report = measure(session, frames or enough_frames(plan))
        plan = with_measured(plan, report)
        period_us = max(report["period_us"], self._constraints.source_period_us)
        error = period_us / plan.period_us - 1
        session.reporter.step(
            "Compare",
            f"{plan.throughput_fps:.1f} fps predicted, {1e6 / period_us:.1f} fps measured: period {100 * error:+.1f} %",
        )
        times = [
            stage["busy_us"] / max(stage["frames"], 1) + stage["handover_us"] for stage in report["stages"]
        ]
        found = slowdowns(self._measured_table, plan, times, report["period_us"])
        stages = list(slowed_stages(self._measured_table, plan, found))
        before = self._tried.get(_key(plan))
        tried = _Tried(
            plan_id=self.store(plan),
            plan=plan,
            error=error,
            stages=stages + (before.stages if before else []),
        )
        session.store.add_deployment(tried.plan_id, plan.to_document()["measured"], found)
        self._tried[_key(plan)] = tried
        self._known = stages + self._known


def _value(plan: Plan, objective: Objective) -> float:
    if objective is Objective.ENERGY:
        return plan.energy_uj_per_frame or 0.0
    return plan.latency_us if objective is Objective.LATENCY else plan.period_us


def _has_replicas(plan: Plan) -> bool:
    return any(stage.replicas > 1 for stage in plan.stages)


def _key(plan: Plan) -> tuple[object, ...]:
    stages = [(stage.first, stage.processor, stage.cores, stage.replicas) for stage in plan.stages]
    return plan.operating_point, *stages


def slowed_stages(table: CostTable, plan: Plan, found: Sequence[float]) -> Iterator[Slowed]:
    """How the stages of a plan fared, by their slowdowns."""
    point = next(point for point in table.operating_points if point.name == plan.operating_point)
    for stage, slowdown in zip(plan.stages, found, strict=True):
        yield Slowed(
            placement=Placement(processor=stage.processor, cores=stage.cores),
            level=point.level(stage.processor),
            is_alone=len(plan.stages) == 1 and stage.replicas == 1,
            has_replicas=_has_replicas(plan),
            layers=range(stage.first, stage.last + 1),
            slowdown=slowdown,
        )


def stored_slowdowns(
    store: Store, board_fingerprint: str, model_fingerprint: str, table: CostTable
) -> Iterator[Slowed]:
    """How stages fared on a board before, of this network and of others."""
    positions = {layer.name: position for position, layer in enumerate(table.layers)}
    for point in table.operating_points:
        for row in store.slowdowns(board_fingerprint, point.name):
            is_own = row.model_fingerprint == model_fingerprint
            yield Slowed(
                placement=Placement(processor=row.processor, cores=row.cores),
                level=point.level(row.processor),
                is_alone=row.is_alone,
                has_replicas=row.has_replicas,
                layers=range(positions[row.first_layer], positions[row.last_layer] + 1)
                if is_own
                else range(0),
                slowdown=row.slowdown,
            )
