"""What goes into the database and comes out of it: plain values that load no SQL library."""

from db.records.boards import BoardRecord, ProcessorRecord
from db.records.energies import IdlePower, LayerEnergy, MeanPower, PowerSensor
from db.records.health import CheckReport, DatabaseInfo, UpgradeReport
from db.records.networks import LayerRecord, ModelRecord, ModelSummary
from db.records.plans import DeploymentRecord, PlanRecord, PlanSummary, Slowdown
from db.records.profiles import (
    Environment,
    LayerLatency,
    ModelTotal,
    Profile,
    ProfileFilter,
    ProfileStatus,
    RunnerUp,
)
from db.records.tuning import TuningRecord

__all__ = [
    "BoardRecord",
    "CheckReport",
    "DatabaseInfo",
    "DeploymentRecord",
    "Environment",
    "IdlePower",
    "LayerEnergy",
    "LayerLatency",
    "LayerRecord",
    "MeanPower",
    "ModelRecord",
    "ModelSummary",
    "ModelTotal",
    "PlanRecord",
    "PlanSummary",
    "PowerSensor",
    "ProcessorRecord",
    "Profile",
    "ProfileFilter",
    "ProfileStatus",
    "RunnerUp",
    "Slowdown",
    "TuningRecord",
    "UpgradeReport",
]
