"""A board as the contract has it."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace

from device.clocks import OperatingPoint
from device.inventory import Board, Gpu, Processor
from protos.stageline.v1 import agent_pb2 as pb


def board_message(
    board: Board,
    points: Sequence[OperatingPoint],
    *,
    holder: str | None,
    notes: Sequence[str] = (),
    settings: Mapping[str, str] | None = None,
) -> pb.Board:
    """Describes a board to a host.

    Args:
        board: What it is.
        points: Operating points that the host can have.
        holder: Who holds it.
        notes: What its user should know besides.
        settings: For fixed clocks that the host asked for the names of their points.
    """
    return pb.Board(
        name=board.name,
        model=board.model,
        hostname=board.hostname,
        machine=board.machine,
        fingerprint=board.fingerprint,
        processors=[_processor_message(p) for p in _offered(board, points)],
        operating_points=[point_message(point) for point in points],
        sensors=[pb.Sensor(name=r.name, role=r.role, path=r.path) for r in board.rails],
        versions=dict(board.versions),
        notes=[*board.notes, *notes],
        lease_holder=holder or "",
        release=board.release,
        gpu=_gpu_message(board.gpu) if board.gpu else None,
        thermal_zones=[pb.ThermalZone(name=z.name, path=z.path) for z in board.zones],
        settings=settings,
    )


def point_message(point: OperatingPoint) -> pb.OperatingPoint:
    """Describes an operating point."""
    cpus = {name: pb.CpuSet(cpus=members) for name, members in point.cpus.items()}
    return pb.OperatingPoint(name=point.name, levels=dict(point.levels), cpus=cpus)


def _offered(board: Board, points: Sequence[OperatingPoint]) -> list[Processor]:
    """The processors with every core that some point gives them: one that is off now may be on at another."""
    kept = {processor.name for processor in board.offered}
    offered = []
    for processor in (*board.processors, *(p for p in board.offered if p.kind != "cpu")):
        given = {cpu for point in points for cpu in point.cpus.get(processor.name, ())} | set(
            processor.usable
        )
        cpus = tuple(cpu for cpu in processor.cpus if cpu in given)
        if cpus or processor.name in kept:
            offered.append(replace(processor, usable=cpus))
    return offered


def _processor_message(processor: Processor) -> pb.Processor:
    return pb.Processor(
        name=processor.name,
        kind=processor.kind,
        cpus=processor.cpus,
        cores=processor.cores,
        target_json=json.dumps(dict(processor.target)),
        online=processor.online,
        isolated=processor.isolated,
        usable=processor.usable,
    )


def _gpu_message(gpu: Gpu) -> pb.Gpu:
    return pb.Gpu(name=gpu.name, arch=gpu.arch, usable=gpu.usable, reason=gpu.reason, path=gpu.path)
