"""A pipeline that computes nothing: what is left is the runtime itself."""

from collections.abc import Sequence

from device.pipeline.intake import Overload
from device.pipeline.layout import Interface
from device.pipeline.pipeline import DEFAULT_QUEUE_DEPTH, Pipeline
from device.pipeline.report import PipelineReport
from device.pipeline.stage import Stage
from device.program import Buffer, Call, Layer, Program, PythonRuntime

_SCALAR = Buffer(shape=(), dtype="int64")


def null_pipeline(
    replica_cpus: Sequence[Sequence[Sequence[int]]],
    *,
    queue_depth: int = DEFAULT_QUEUE_DEPTH,
    overload: Overload | str = Overload.BLOCK,
) -> Pipeline:
    """Stages that do nothing, not even look at their tensors.

    Args:
        replica_cpus: For each stage, for each replica the ids of its CPUs; an empty list leaves it unbound.
        queue_depth: How many frames may wait for each stage besides those that are worked on.
        overload: What to do with a source that is faster than the pipeline: `block` or `drop`.
    """
    runtime = PythonRuntime({"nothing": lambda *_: None})
    stages = [
        Stage(
            program=_step(f"t{index}", f"t{index + 1}"),
            runtime=runtime,
            weights={},
            replica_cpus=tuple(tuple(cpus) for cpus in replicas),
        )
        for index, replicas in enumerate(replica_cpus)
    ]
    interface = Interface(
        inputs={"t0": _SCALAR}, outputs={"out": _SCALAR}, output_tensors={"out": f"t{len(stages)}"}
    )
    return Pipeline(interface, stages, queue_depth=queue_depth, overload=overload)


def measure_handover(cpus: Sequence[int], frames: int = 2000) -> PipelineReport:
    """Runs null stages, one on each of the CPUs.

    Args:
        cpus: CPU ids, one for each stage.
        frames: How many frames to count.

    Returns:
        The report: its period is what the busiest null stage costs a frame, its stages' `handover_us` how
        long a ready frame waits for a ready stage.
    """
    with null_pipeline([[[cpu]] for cpu in cpus]) as pipeline:
        return pipeline.measure(frames)


def _step(source: str, target: str) -> Program:
    layer = Layer(name="nothing", calls=(Call(function="nothing", arguments=(source, target)),))
    return Program(
        inputs=(source,),
        outputs=(target,),
        weights=(),
        buffers={source: _SCALAR, target: _SCALAR},
        layers=(layer,),
    )
