"""Every replica gets CPUs of its own; a plan for a larger board is refused."""

import pytest

from host.bundle import assign_cpus
from host.errors import InputError
from host.planner import PlanStage


def stage(processor: str, cores: int, replicas: int = 1) -> PlanStage:
    return PlanStage(
        first=0,
        last=0,
        layers=("a",),
        processor=processor,
        cores=cores,
        replicas=replicas,
        time_us=1.0,
        energy_uj=None,
    )


def test_stages_and_replicas_never_share_a_cpu() -> None:
    stages = [stage("a57", 1), stage("denver2", 2), stage("a57", 1, replicas=2)]
    sites = assign_cpus(stages, {"a57": (0, 3, 4, 5), "denver2": (1, 2)})
    assert sites == [((0,),), ((1, 2),), ((3,), (4,))]


def test_a_plan_that_needs_more_cores_than_there_are_is_refused() -> None:
    with pytest.raises(InputError, match="needs 2 more cores of cpu, and the board has 1 left"):
        assign_cpus([stage("cpu", 1), stage("cpu", 2)], {"cpu": (0, 1)})


def test_a_stage_on_a_gpu_has_no_cpu_of_its_own() -> None:
    assert assign_cpus([stage("cpu", 1), stage("gpu", 1)], {"cpu": (0, 1)}) == [((0,),), ((),)]
