"""The `stageline.pipeline/1` document: what goes in and out, and where each stage runs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from device.documents import Node
from device.errors import BundleError
from device.program import Buffer, Program
from device.program.loading import DEVICES

SCHEMA = "stageline.pipeline/1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Interface:
    """What a pipeline takes and gives.

    Attributes:
        inputs: Form of each of the model's inputs.
        outputs: Form of each of the model's outputs.
        output_tensors: For each output the tensor of the stages' programs that carries it.
    """

    inputs: Mapping[str, Buffer]
    outputs: Mapping[str, Buffer]
    output_tensors: Mapping[str, str]

    def check(self, programs: Sequence[Program]) -> None:
        """Checks that every stage finds its inputs among the model's and those that earlier stages made.

        Raises:
            BundleError: A tensor is missing, made twice, or has another form where it is read.
        """
        made = dict(self.inputs)
        for stage, program in enumerate(programs):
            for name in program.inputs:
                _expect(made, name, program.buffers[name], f"stage {stage} reads")
            for name in program.outputs:
                if name in made:
                    raise BundleError(f"stage {stage} makes tensor {name!r}, which exists already")
                made[name] = program.buffers[name]
        for output, tensor in self.output_tensors.items():
            _expect(made, tensor, self.outputs[output], f"output {output!r} is")


@dataclass(frozen=True, slots=True, kw_only=True)
class StageLayout:
    """Where a stage lies in the bundle and on the board.

    Attributes:
        directory: Its directory within the bundle.
        processor: Name of its processor.
        cores: How many cores each replica uses.
        device: TVM's device kind.
        replica_cpus: For each replica the ids of its CPUs; none for a stage on a GPU, whose thread is not bound.
    """

    directory: str
    processor: str
    cores: int
    device: str
    replica_cpus: tuple[tuple[int, ...], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PipelineLayout:
    """A pipeline's interface and stages."""

    interface: Interface
    stages: tuple[StageLayout, ...]

    @classmethod
    def parse(cls, document: Any) -> Self:
        """Reads the document.

        Raises:
            BundleError: With the place in the document.
        """
        root = Node(document, "pipeline.json", BundleError)
        root["schema"].expect(SCHEMA)
        stages = tuple(_parse_stage(node) for node in root["stages"].items())
        if not stages:
            raise root["stages"].wrong("a pipeline needs at least one stage")
        return cls(interface=_parse_interface(root), stages=stages)


def _parse_interface(root: Node) -> Interface:
    interface = Interface(
        inputs={name: Buffer.parse(node) for name, node in root["inputs"].members()},
        outputs={name: Buffer.parse(node) for name, node in root["outputs"].members()},
        output_tensors={name: node.text() for name, node in root["output_tensors"].members()},
    )
    if interface.outputs.keys() != interface.output_tensors.keys():
        raise root["output_tensors"].wrong(f"must name the outputs {sorted(interface.outputs)}")
    return interface


def _parse_stage(node: Node) -> StageLayout:
    layout = StageLayout(
        directory=node["directory"].text(),
        processor=node["processor"].text(),
        cores=node["cores"].whole(least=1),
        device=node["device"].text(),
        replica_cpus=tuple(cpus.wholes(least=0) for cpus in node["replica_cpus"].items()),
    )
    if layout.device not in DEVICES:
        raise node["device"].wrong(
            f"this runtime runs stages on {', '.join(DEVICES)}, not on {layout.device!r}"
        )
    if not layout.replica_cpus:
        raise node["replica_cpus"].wrong("a stage needs at least one replica")
    for replica, cpus in zip(node["replica_cpus"].items(), layout.replica_cpus, strict=True):
        if len(cpus) != layout.cores and layout.device == "cpu":
            raise replica.wrong(f"must list {layout.cores} CPUs, got {list(cpus)}")
    return layout


def _expect(made: Mapping[str, Buffer], name: str, form: Buffer, what: str) -> None:
    if name not in made:
        raise BundleError(
            f"{what} tensor {name!r}, which neither the model's inputs nor an earlier stage provide"
        )
    if made[name] != form:
        raise BundleError(f"{what} tensor {name!r} as {form}, but it is {made[name]}")
