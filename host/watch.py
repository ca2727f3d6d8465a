"""A running pipeline is watched: where cores get slower or faster, it is planned again and replaced while it runs.

What is expected of a stage is what it took in the first seconds. When it takes longer for a while, because its core
throttles or has other work, too, that core counts as slower by so much, and the solver gives it less to do. The
pipeline goes on until the next one is loaded; no frame is lost. When all cores are sound again, the first plan returns.
"""

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from statistics import median
from typing import Any, Final

from host.agreement import slowed_stages, stored_slowdowns
from host.bundle import assign_cpus
from host.deploy import cpus_of, deploy
from host.errors import StagelineError
from host.network import Network
from host.planner import Constraints, CostTable, Plan, corrected, predict, slowdowns, solve, split
from host.remote import Lease
from host.session import Session

DRIFT: Final = 0.15
"""A stage that takes longer or shorter than expected by more than this part has drifted."""

SETTLE_S: Final = 2.0
"""A pipeline that has just started is not judged."""

PATIENCE_S: Final = 3.0
"""A drift counts when it has lasted for so long; twice as long after every return to the first plan."""

_MOST_PATIENCE_S: Final = 60.0

_WORTH: Final = 0.95
"""A plan is replaced by one whose period is predicted to be shorter by this factor or less."""

_SOUND: Final = 1.1
_BUSY: Final = 0.8
_IDLE: Final = 0.05
_UNUSED: Final = 0.5
"""A stage is busy, a core somewhat idle, and a core unused, for more than such a part of the time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Swap:
    """A pipeline took over from another.

    Attributes:
        after_frames: How many frames had come out before.
        seconds: From the first sign to the new pipeline.
        reason: What had changed.
        plan: The new plan.
    """

    after_frames: int
    seconds: float
    reason: str
    plan: Plan

    def to_document(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "after_frames": self.after_frames,
            "seconds": self.seconds,
            "reason": self.reason,
            "plan": self.plan.to_document(),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sample:
    """What happened between two looks.

    Attributes:
        at_s: When.
        times_us: Mean time of each replica of each stage.
        period_us: Mean time between frames.
        idle: The part of the time that each CPU had nothing to do.
    """

    at_s: float
    times_us: list[list[float]]
    period_us: float
    idle: dict[int, float]

    @classmethod
    def usual(cls, samples: Sequence["_Sample"]) -> "_Sample":
        """The medians of several."""
        last = samples[-1]
        return cls(
            at_s=last.at_s,
            times_us=[
                [median(one.times_us[stage][replica] for one in samples) for replica in range(len(replicas))]
                for stage, replicas in enumerate(last.times_us)
            ],
            period_us=median(one.period_us for one in samples),
            idle={cpu: median(one.idle.get(cpu, 0.0) for one in samples) for cpu in last.idle},
        )


_Counts = list[list[tuple[int, float]]]


class _Counters:
    """What the replicas of one pipeline have counted.

    Args:
        generation: How many pipelines there were before it.
        began_s: When it was seen first.
    """

    def __init__(self, generation: int, began_s: float) -> None:
        self.generation = generation
        self.began_s = began_s
        self._last: _Counts | None = None
        self._samples: list[_Sample] = []

    def see(self, at_s: float, metrics: Mapping[str, Any]) -> bool:
        """Takes counters in; whether every replica has worked since the last look."""
        stages = metrics["metrics"]["stages"]
        now = [[(one["frames"], one["busy_us"]) for one in stage["replicas"]] for stage in stages]
        if self._last is None:
            self._last = now
            return False
        worked = [
            [(after[0] - before[0], after[1] - before[1]) for after, before in zip(one, other, strict=True)]
            for one, other in zip(now, self._last, strict=True)
        ]
        if not all(frames for replicas in worked for frames, _ in replicas):
            return False
        self._last = now
        self._samples.append(
            _Sample(
                at_s=at_s,
                times_us=[[busy_us / frames for frames, busy_us in replicas] for replicas in worked],
                period_us=metrics["metrics"]["period_us"] or 0.0,
                idle={int(cpu): share for cpu, share in metrics["idle"].items()},
            )
        )
        return True

    def usual(self, since_s: float) -> _Sample:
        """The medians since a moment."""
        return _Sample.usual([one for one in self._samples if one.at_s >= since_s])


class Watch:
    """Keeps an eye on one running plan.

    Args:
        session: The board, on which the plan was deployed.
        network: The plan's network.
        table: Its costs as they were measured.
        plan: What runs.
        clock: Monotonic seconds.

    Attributes:
        swaps: What has happened.
    """

    def __init__(
        self,
        session: Session,
        network: Network,
        table: CostTable,
        plan: Plan,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        point = next(point for point in table.operating_points if point.name == plan.operating_point)
        self._session = session
        self._network = network
        self._measured_table = replace(table, operating_points=(point,))
        self._clock = clock
        self._cpus = cpus_of(session, plan)
        self._first = self._plan = plan
        self._first_cpus = self._replica_cpus = assign_cpus(plan.stages, self._cpus)
        self._table: CostTable | None = None
        self._slowness: dict[int | str, float] = {}
        self._counters = _Counters(generation=0, began_s=clock())
        self._patience_s = PATIENCE_S
        self.swaps: list[Swap] = []

    def see(self, metrics: Mapping[str, Any]) -> None:
        """Looks at the pipeline's counters, and replaces it where that is worth while.

        Raises:
            StagelineError: Another pipeline could not be put in its place; the present one goes on.
        """
        now = self._clock()
        if metrics["generation"] < len(self.swaps):
            return  # of a pipeline that was replaced meanwhile
        if self._counters.generation != len(self.swaps):
            self._counters = _Counters(generation=len(self.swaps), began_s=now)
        counters = self._counters
        if not counters.see(now, metrics) or now < counters.began_s + SETTLE_S:
            return
        if self._table is None:
            self._table = self._calibrated(counters.usual(0.0))
        if now < counters.began_s + SETTLE_S + self._patience_s:
            return
        usual = counters.usual(now - self._patience_s)
        found = self._drifted(usual)
        self._blame(found)
        free = self._idle_again(usual)
        if found or free:
            reason = _reason(found) if found else f"CPU {min(free)} is idle again"
            self._plan_again(metrics["frames"], now - self._patience_s, reason)

    @contextmanager
    def beside(self, lease: Lease) -> Iterator[None]:
        """Watches while the caller sends frames; what goes wrong with that is no reason to stop them."""

        def watch() -> None:
            try:
                lease.wait_for_report(watch=self.see)
            except StagelineError as error:
                self._session.reporter.warn(f"the pipeline is not watched any more: {error}")

        thread = threading.Thread(target=watch, name="watch", daemon=True)
        thread.start()
        yield

    def _calibrated(self, usual: _Sample) -> CostTable:
        """The costs as the first seconds have shown them."""
        stages = [sum(replicas) / len(replicas) for replicas in usual.times_us]
        table = self._measured_table
        found = slowdowns(table, self._plan, stages, max(usual.period_us, *stages))
        here = slowed_stages(table, self._plan, found)
        board = self._session.board.fingerprint
        known = stored_slowdowns(self._session.store, board, self._network.fingerprint, table)
        return corrected(table, [*here, *known])

    def _drifted(self, usual: _Sample) -> dict[tuple[int, int], float]:
        """By which factor replicas take longer than expected, where that is much.

        A core that is shared with another program lets a stage that needs less than its share run as if it were alone:
        that it is fast says nothing then.
        """
        found = {}
        for stage, times_us in enumerate(usual.times_us):
            for replica, time_us in enumerate(times_us):
                factor = time_us / self._expected_us(stage, replica)
                is_busy = time_us > _BUSY * usual.period_us * len(times_us)
                is_idle = all(usual.idle.get(cpu, 1.0) > _IDLE for cpu in self._replica_cpus[stage][replica])
                if factor > 1 + DRIFT or (factor < 1 / (1 + DRIFT) and (is_busy or is_idle)):
                    found[stage, replica] = factor
        return found

    def _expected_us(self, stage: int, replica: int) -> float:
        assert self._table is not None
        time_us = predict(self._table, self._plan).stages[stage].time_us
        return time_us * max(self._slowness.get(where, 1.0) for where in self._places(stage, replica))

    def _places(self, stage: int, replica: int) -> tuple[int | str, ...]:
        return self._replica_cpus[stage][replica] or (self._plan.stages[stage].processor,)

    def _blame(self, found: Mapping[tuple[int, int], float]) -> None:
        for (stage, replica), factor in found.items():
            for where in self._places(stage, replica):
                slowness = self._slowness.pop(where, 1.0) * factor
                if slowness > _SOUND:
                    self._slowness[where] = slowness

    def _idle_again(self, usual: _Sample) -> set[int | str]:
        """Slow cores that nothing runs on, this pipeline included; they count as sound from now on."""
        used = {cpu for replicas in self._replica_cpus for cpus in replicas for cpu in cpus}
        free: set[int | str] = {
            where
            for where in self._slowness.keys() - used
            if isinstance(where, int) and usual.idle.get(where, 0.0) > _UNUSED
        }
        for where in free:
            del self._slowness[where]
        return free

    def _plan_again(self, frames: int, began_s: float, reason: str) -> None:
        assert self._table is not None
        self._session.reporter.progress("Watch", reason)
        if not self._slowness:
            plan, replica_cpus = self._first, self._first_cpus
        else:
            board = split(self._table, self._cpus, self._slowness)
            limits = Constraints(no_replicas=all(stage.replicas == 1 for stage in self._first.stages))
            found = solve(board.table, limits)
            replica_cpus = assign_cpus(found.stages, board.cpus)
            stages = [replace(stage, processor=board.real_names[stage.processor]) for stage in found.stages]
            plan = replace(found, stages=tuple(stages), baseline=self._first.baseline, gain=None)
            if plan.period_us > _WORTH * self._present_period_us():
                self._session.reporter.step("Watch", f"{reason}; no other plan is better")
                return
        if (plan.stages, replica_cpus) == (self._plan.stages, self._replica_cpus):
            return
        deploy(self._session, self._network, plan, replica_cpus=replica_cpus)
        self._session.lease.swap_pipeline()
        seconds = self._clock() - began_s
        if plan is self._first:
            self._patience_s = min(2 * self._patience_s, _MOST_PATIENCE_S)
        self._plan, self._replica_cpus = plan, replica_cpus
        self.swaps.append(Swap(after_frames=frames, seconds=seconds, reason=reason, plan=plan))
        self._session.reporter.step(
            "Watch",
            f"{reason}; {_stages(plan)} since frame {frames}, {plan.throughput_fps:.1f} fps expected",
            seconds,
        )

    def _present_period_us(self) -> float:
        """What to expect of the present pipeline; replicas take turns, and the slowest holds up all."""
        return max(
            max(self._expected_us(stage, replica) for replica in range(one.replicas)) / one.replicas
            for stage, one in enumerate(self._plan.stages)
        )


def _reason(found: Mapping[tuple[int, int], float]) -> str:
    (stage, _), factor = max(found.items(), key=lambda item: max(item[1], 1 / item[1]))
    return f"stage {stage + 1} takes {factor:.2f} times as long as expected"


def _stages(plan: Plan) -> str:
    return " | ".join(f"{stage.layers[0]} .. {stage.layers[-1]}" for stage in plan.stages)
