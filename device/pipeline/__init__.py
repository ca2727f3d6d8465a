"""The staged runtime: every processor works on another frame, and frames leave in the order they came in."""

from device.pipeline.bundle import Bundle
from device.pipeline.frames import Outputs
from device.pipeline.intake import Overload
from device.pipeline.layout import Interface, PipelineLayout, StageLayout
from device.pipeline.pipeline import Pipeline
from device.pipeline.report import (
    PipelineMetrics,
    PipelineReport,
    ReplicaMetrics,
    StageMetrics,
    StageReport,
)
from device.pipeline.stage import Stage

__all__ = [
    "Bundle",
    "Interface",
    "Outputs",
    "Overload",
    "Pipeline",
    "PipelineLayout",
    "PipelineMetrics",
    "PipelineReport",
    "ReplicaMetrics",
    "Stage",
    "StageLayout",
    "StageMetrics",
    "StageReport",
]
