"""A stage: what it computes, with what, and where its replicas run."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

from device.pipeline.bundle import Bundle
from device.pipeline.frames import Frame
from device.program import Executor, Program, Run, Runtime, Tensor, load_runtime
from device.program.executor import sequence


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

    def bind(self, frames: Sequence[Frame], *, is_last: bool) -> list[tuple[Run, ...]]:
        """Makes the stage ready to run on each of the frames.

        A stage on another device leaves its results there. Whatever the stage before has left is fetched first, by the
        stage that follows; the last one fetches its own results.

        Args:
            frames: The frames; what is to be fetched of them is noted there.
            is_last: Whether no stage follows.

        Returns:
            For each replica, for each frame, what runs the stage on it.

        Raises:
            ProgramError: A kernel or weight is missing or has another form than the program says.
        """
        left = [frame.left for frame in frames]
        for frame in frames:
            frame.left = ()
        return [self._bind_replica(frames, left, is_last=is_last) for _ in self.replica_cpus]

    def _bind_replica(
        self, frames: Sequence[Frame], left: Sequence[tuple[Run, ...]], *, is_last: bool
    ) -> tuple[Run, ...]:
        executor = Executor(self.program, self.runtime, self.weights)
        return tuple(
            self._bind_frame(executor, frame, fetch, is_last=is_last)
            for frame, fetch in zip(frames, left, strict=True)
        )

    def _bind_frame(self, executor: Executor, frame: Frame, fetch: tuple[Run, ...], *, is_last: bool) -> Run:
        inputs = {name: self.runtime.receive(frame.arrays[name]) for name in self.program.inputs}
        outputs = {name: self.runtime.send(frame.arrays[name]) for name in self.program.outputs}
        bound = executor.bind(
            {name: port.tensor for name, port in inputs.items()},
            {name: port.tensor for name, port in outputs.items()},
        )
        results = tuple(chain.from_iterable(port.copies for port in outputs.values()))
        arrivals = chain.from_iterable(port.copies for port in inputs.values())
        if is_last:
            return sequence([*fetch, *arrivals, bound.run, *results])
        frame.left = results
        return sequence([*fetch, *arrivals, bound.run])


def load_stages(bundle: Bundle) -> list[Stage]:
    """Loads the modules and weights of a bundle's stages.

    Raises:
        BundleError: Weights cannot be read.
        ProgramError: A module cannot be loaded, or a weight has another form than the program says.
    """
    return [_load(bundle, index) for index in range(len(bundle.programs))]


def _load(bundle: Bundle, index: int) -> Stage:
    program = bundle.programs[index]
    runtime = load_runtime(bundle.layout.stages[index].device, bundle.module(index))
    forms = {name: program.buffers[name] for name in program.weights}
    return Stage(
        program=program,
        runtime=runtime,
        weights=runtime.constants(forms, bundle.weights(index)),
        replica_cpus=bundle.layout.stages[index].replica_cpus,
    )
