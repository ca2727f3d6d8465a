"""The tables as the newest migration leaves them; what the columns mean stands in the migrations.

Plain types only (text, integers, reals; JSON and instants as text), so that any SQLite tool reads them.
They are SQLAlchemy tables rather than mapped classes: the store speaks SQL, and the records stay plain
values.
"""

from sqlalchemy import (
    REAL,
    TEXT,
    Column,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Table,
    UniqueConstraint,
)

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

boards = Table(
    "boards",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", TEXT, nullable=False, index=True),
    Column("fingerprint", TEXT, nullable=False, unique=True),
    Column("description_json", TEXT, nullable=False),
    Column("seen_at", TEXT, nullable=False),
)

processors = Table(
    "processors",
    metadata,
    Column("board_id", ForeignKey("boards.id", ondelete="CASCADE"), primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("name", TEXT, nullable=False),
    Column("kind", TEXT, nullable=False),
    Column("cores", Integer, nullable=False),
    UniqueConstraint("board_id", "name"),
)

models = Table(
    "models",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", TEXT, nullable=False, index=True),
    Column("fingerprint", TEXT, nullable=False, unique=True),
    Column("layer_count", Integer, nullable=False),
    Column("flops", REAL, nullable=False),
    Column("weight_bytes", Integer, nullable=False),
    Column("graph_json", TEXT, nullable=False),
    Column("seen_at", TEXT, nullable=False),
)

layers = Table(
    "layers",
    metadata,
    Column("model_id", ForeignKey("models.id", ondelete="CASCADE"), primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("name", TEXT, nullable=False),
    Column("structural_hash", TEXT, nullable=False, index=True),
    Column("flops", REAL, nullable=False),
    Column("output_bytes", Integer, nullable=False),
    UniqueConstraint("model_id", "name"),
)

environments = Table(
    "environments",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("fingerprint", TEXT, nullable=False, unique=True),
    Column("board_id", ForeignKey("boards.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("operating_point", TEXT, nullable=False),
    Column("tvm", TEXT, nullable=False),
    Column("tvm_ffi", TEXT, nullable=False),
    Column("kernel_version", TEXT, nullable=False),
    Column("target_json", TEXT, nullable=False),
)

profiles = Table(
    "profiles",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("layer_hash", TEXT, nullable=False),
    Column("environment_id", ForeignKey("environments.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("processor", TEXT, nullable=False),
    Column("cores", Integer, nullable=False),
    Column("level", TEXT, nullable=False),
    Column("latency_us", REAL, nullable=False),
    Column("latency_mad_us", REAL, nullable=False),
    Column("energy_uj", REAL),
    Column("samples", TEXT, nullable=False),
    Column("sample_count", Integer, nullable=False),
    Column("status", TEXT, nullable=False),
    Column("measured_at", TEXT, nullable=False),
    Column("schedule", TEXT),
    Column("candidates_json", TEXT),
    Column("slowdown", REAL),
    UniqueConstraint(
        "layer_hash", "environment_id", "processor", "cores", "level", name="uq_profiles_placement"
    ),
)

tuning_records = Table(
    "tuning_records",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("digest", TEXT, nullable=False),
    Column("kernel", TEXT, nullable=False),
    Column("variant", TEXT, nullable=False),
    Column("environment_id", ForeignKey("environments.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("processor", TEXT, nullable=False),
    Column("cores", Integer, nullable=False),
    Column("latency_us", REAL, nullable=False),
    Column("trial", Integer, nullable=False),
    Column("trace", TEXT, nullable=False),
    Column("measured_at", TEXT, nullable=False),
    UniqueConstraint("digest", "environment_id", "processor", "cores", name="uq_tuning_records_placement"),
)

energies = Table(
    "energies",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("layer_hash", TEXT, nullable=False),
    Column("environment_id", ForeignKey("environments.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("processor", TEXT, nullable=False),
    Column("cores", Integer, nullable=False),
    Column("level", TEXT, nullable=False),
    Column("rail", TEXT, nullable=False),
    Column("window_s", REAL, nullable=False),
    Column("step_mw", REAL),
    Column("power_mw", REAL, nullable=False),
    Column("power_sd_mw", REAL, nullable=False),
    Column("power_error_mw", REAL, nullable=False),
    Column("idle_mw", REAL, nullable=False),
    Column("idle_sd_mw", REAL, nullable=False),
    Column("idle_error_mw", REAL, nullable=False),
    Column("idle_drift_mw", REAL, nullable=False),
    Column("is_idle_drifting", Integer, nullable=False),
    Column("independent_readings", Integer, nullable=False),
    Column("latency_us", REAL, nullable=False),
    Column("energy_uj", REAL, nullable=False),
    Column("energy_error_uj", REAL, nullable=False),
    Column("total_energy_uj", REAL, nullable=False),
    Column("is_resolved", Integer, nullable=False),
    Column("measured_at", TEXT, nullable=False),
    UniqueConstraint(
        "layer_hash", "environment_id", "processor", "cores", "level", name="uq_energies_placement"
    ),
)

idle_powers = Table(
    "idle_powers",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("board_id", ForeignKey("boards.id", ondelete="CASCADE"), nullable=False),
    Column("operating_point", TEXT, nullable=False),
    Column("rail", TEXT, nullable=False),
    Column("power_mw", REAL, nullable=False),
    Column("power_sd_mw", REAL, nullable=False),
    Column("power_error_mw", REAL, nullable=False),
    Column("measured_at", TEXT, nullable=False),
    UniqueConstraint("board_id", "operating_point", name="uq_idle_powers_point"),
)

plans = Table(
    "plans",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("created_at", TEXT, nullable=False),
    Column("model", TEXT, nullable=False, index=True),
    Column("board", TEXT, nullable=False),
    Column("model_id", ForeignKey("models.id", ondelete="SET NULL")),
    Column("board_id", ForeignKey("boards.id", ondelete="SET NULL")),
    Column("objective", TEXT, nullable=False),
    Column("operating_point", TEXT, nullable=False),
    Column("period_us", REAL, nullable=False),
    Column("throughput_fps", REAL, nullable=False),
    Column("latency_us", REAL, nullable=False),
    Column("energy_uj_per_frame", REAL),
    Column("gain", REAL),
    Column("bound_us", REAL),
    Column("document_json", TEXT, nullable=False),
    sqlite_autoincrement=True,
)

plan_stages = Table(
    "plan_stages",
    metadata,
    Column("plan_id", ForeignKey("plans.id", ondelete="CASCADE"), primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("first_layer", TEXT, nullable=False),
    Column("last_layer", TEXT, nullable=False),
    Column("layer_count", Integer, nullable=False),
    Column("processor", TEXT, nullable=False),
    Column("cores", Integer, nullable=False),
    Column("replicas", Integer, nullable=False),
    Column("time_us", REAL, nullable=False),
    Column("energy_uj", REAL),
)

deployments = Table(
    "deployments",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("plan_id", ForeignKey("plans.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("deployed_at", TEXT, nullable=False),
    Column("period_us", REAL, nullable=False),
    Column("throughput_fps", REAL, nullable=False),
    Column("latency_us", REAL, nullable=False),
    Column("energy_uj_per_frame", REAL),
    Column("frames", Integer, nullable=False),
    Column("measured_json", TEXT, nullable=False),
    sqlite_autoincrement=True,
)

deployment_stages = Table(
    "deployment_stages",
    metadata,
    Column("deployment_id", ForeignKey("deployments.id", ondelete="CASCADE"), primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("time_us", REAL, nullable=False),
    Column("slowdown", REAL),
)

Index(
    "ix_profiles_newest",
    profiles.c.layer_hash,
    profiles.c.processor,
    profiles.c.cores,
    profiles.c.level,
    profiles.c.measured_at,
)
