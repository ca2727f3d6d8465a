"""Profiles say how the layer's kernels were scheduled, and what the schedules took that were tried beside.

Besides, what searches for schedules found.
"""

from alembic import op

revision = "0002"
down_revision = "0001"

STATEMENTS = (
    "ALTER TABLE profiles ADD COLUMN schedule TEXT /* variants of its kernels: plain+direct-1-14-32-pixels */",
    "ALTER TABLE profiles ADD COLUMN candidates_json TEXT /* object: schedule -> median, in microseconds */",
    "DROP VIEW v_layer_latency",
    """
CREATE VIEW v_layer_latency AS          -- every profile, seen from every network that has such a layer
SELECT m.name AS model,
    b.name AS board,
    l.position,                         -- of the layer in execution order, from 0
    l.name AS layer,
    CASE WHEN c.kind <> 'cpu' AND p.cores = 1 THEN p.processor
         ELSE p.processor || 'x' || p.cores END AS placement,  -- a57x2, gpu
    p.processor,
    p.cores,
    p.level,
    e.operating_point,
    p.latency_us,                       -- median
    p.latency_mad_us,                   -- median absolute deviation
    p.energy_uj,                        -- above idle; NULL without a sensor
    l.flops / nullif(p.latency_us, 0) / 1e3 AS gflops,  -- a second
    l.output_bytes,
    p.samples,                          -- JSON array, microseconds
    p.sample_count,
    p.status,                           -- partial, steady, unsteady
    p.measured_at,
    p.schedule,                         -- of its kernels; NULL where it was not recorded
    p.candidates_json,                  -- JSON object: schedule tried -> median in microseconds; NULL where none was
    NOT EXISTS (
        SELECT 1 FROM profiles lp
        JOIN environments le ON le.id = lp.environment_id JOIN boards lb ON lb.id = le.board_id
        WHERE lp.layer_hash = p.layer_hash AND lp.processor = p.processor AND lp.cores = p.cores
        AND lp.level = p.level AND lb.name = b.name AND le.operating_point = e.operating_point
        AND (lp.measured_at, lp.id) > (p.measured_at, p.id)
    ) AND NOT EXISTS (
        SELECT 1 FROM models lm WHERE lm.name = m.name AND (lm.seen_at, lm.id) > (m.seen_at, m.id)
    ) AS is_newest,  -- 1 unless measured again elsewhere, or the model was replaced
    e.tvm, e.kernel_version,
    p.layer_hash,
    m.fingerprint AS model_fingerprint,
    b.fingerprint AS board_fingerprint,
    e.fingerprint AS environment_fingerprint,
    m.id AS model_id, e.id AS environment_id, p.id AS profile_id
FROM profiles p
JOIN environments e ON e.id = p.environment_id
JOIN boards b ON b.id = e.board_id
JOIN layers l ON l.structural_hash = p.layer_hash
JOIN models m ON m.id = l.model_id
LEFT JOIN processors c ON c.board_id = b.id AND c.name = p.processor""",
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
    """Adds the columns, also to the view over them, and the table."""
    connection = op.get_bind()
    for statement in STATEMENTS:
        connection.exec_driver_sql(statement.strip())
