"""A stage: what it computes, with what, and where its replicas run."""

from collections.abc import Sequence
from dataclasses import dataclass

from device.pipeline.bundle import Bundle
from device.pipeline.frames import Frame
from device.program import Executor, Program, Runtime, Tensor, TvmRuntime
from device.program.executor import Run


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """A stage that can be run.

    Attributes:
        program: What it computes.
        runtime: Where its kernels and tensors come from.
        weights: Tensor of each of the program's weights; replicas share them.
        replica_cpus: For each replica the ids of its CPUs; an empty tuple leaves it unbound.
    """

    program: Program
    runtime: Runtime
    weights: dict[str, Tensor]
    replica_cpus: tuple[tuple[int, ...], ...]

    @property
    def replicas(self) -> int:
        """How many replicas take frames in turn."""
        return len(self.replica_cpus)

    def bind(self, frames: Sequence[Frame]) -> list[tuple[Run, ...]]:
        """Makes the stage ready to run on each of the frames.

        Returns:
            For each replica, for each frame, what runs the stage on it.

        Raises:
            ProgramError: A kernel or weight is missing or has another form than the program says.
        """
        return [self._bind_replica(frames) for _ in self.replica_cpus]

    def _bind_replica(self, frames: Sequence[Frame]) -> tuple[Run, ...]:
        executor = Executor(self.program, self.runtime, self.weights)
        return tuple(
            executor.bind(
                self._tensors(frame, self.program.inputs), self._tensors(frame, self.program.outputs)
            ).run
            for frame in frames
        )

    def _tensors(self, frame: Frame, names: Sequence[str]) -> dict[str, Tensor]:
        return {name: self.runtime.share(frame.arrays[name]) for name in names}


def load_stages(bundle: Bundle) -> list[Stage]:
    """Loads the modules and weights of a bundle's stages.

    Raises:
        BundleError: Weights cannot be read.
        ProgramError: A module cannot be loaded.
    """
    return [_load(bundle, index) for index in range(len(bundle.programs))]


def _load(bundle: Bundle, index: int) -> Stage:
    runtime = TvmRuntime.load(bundle.module(index))
    return Stage(
        program=bundle.programs[index],
        runtime=runtime,
        weights={name: runtime.tensor(array) for name, array in bundle.weights(index)},
        replica_cpus=bundle.layout.stages[index].replica_cpus,
    )
