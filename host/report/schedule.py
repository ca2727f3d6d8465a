"""When which frame is where, by the stages' times: for timelines, not for plans."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from host.planner import Plan


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """A frame on a replica.

    Attributes:
        frame: Its number, from 0.
        stage: The stage's number, from 0.
        replica: The replica's, from 0.
        start_us: When the work begins.
        end_us: When it ends.
    """

    frame: int
    stage: int
    replica: int
    start_us: float
    end_us: float


def schedule(plan: "Plan", times_us: Sequence[float], frames: int) -> list[Visit]:
    """Lets frames pass through a pipeline as soon as they can.

    Args:
        plan: Its stages and replicas; these take frames in turn.
        times_us: What each stage takes for a frame.
        frames: How many frames, all there from the beginning.
    """
    visits = []
    free_us = [[0.0] * stage.replicas for stage in plan.stages]
    for frame in range(frames):
        ready_us = 0.0
        for number, stage in enumerate(plan.stages):
            replica = frame % stage.replicas
            start_us = max(ready_us, free_us[number][replica])
            ready_us = free_us[number][replica] = start_us + times_us[number]
            visits.append(
                Visit(frame=frame, stage=number, replica=replica, start_us=start_us, end_us=ready_us)
            )
    return visits
