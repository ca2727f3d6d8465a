"""What searches for schedules found."""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

TUNING_RECORDS = (
    """
CREATE TABLE tuning_records (           -- schedules that a search has measured
    id INTEGER NOT NULL CONSTRAINT pk_tuning_records PRIMARY KEY,
    digest TEXT NOT NULL,               -- tuned-DIGEST-... in profiles.schedule is built from such a record
    kernel TEXT NOT NULL,               -- digest of what it computes
    variant TEXT NOT NULL,              -- the analytic variant that it competes with
    environment_id INTEGER NOT NULL,
    processor TEXT NOT NULL,
    cores INTEGER NOT NULL,
    latency_us REAL NOT NULL,           -- median, of the kernel by itself
    trial INTEGER NOT NULL,             -- how many schedules had been measured, this one included
    trace TEXT NOT NULL,                -- what was done to the kernel's loops: TVM's JSON
    measured_at TEXT NOT NULL,
    CONSTRAINT uq_tuning_records_placement UNIQUE (digest, environment_id, processor, cores),
    CONSTRAINT fk_tuning_records_environment_id
        FOREIGN KEY (environment_id) REFERENCES environments (id) ON DELETE CASCADE
)""",
    "CREATE INDEX ix_tuning_records_environment_id ON tuning_records (environment_id)",
)


def upgrade() -> None:
    """Adds the table."""
    connection = op.get_bind()
    for statement in TUNING_RECORDS:
        connection.exec_driver_sql(statement.strip())
