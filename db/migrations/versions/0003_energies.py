"""Energies carry what they were computed from and how far off they may be; boards have an idle power.

Besides, how much longer layers take while the rest of the board works.
"""

from alembic import op

revision = "0003"
down_revision = "0002"

STATEMENTS = (
    "ALTER TABLE profiles ADD COLUMN slowdown REAL /* times latency_us while the board's other cores work, too */",
    """
CREATE TABLE energies (                 -- power while one layer ran again and again, and while nothing ran
    id INTEGER NOT NULL CONSTRAINT pk_energies PRIMARY KEY,
    layer_hash TEXT NOT NULL,           -- layers.structural_hash, or network: and a model's fingerprint
    environment_id INTEGER NOT NULL,
    processor TEXT NOT NULL,
    cores INTEGER NOT NULL,
    level TEXT NOT NULL,                -- the processor's clock level
    rail TEXT NOT NULL,                 -- the rails that were read and added
    window_s REAL NOT NULL,             -- over which time a reading is an average
    step_mw REAL,                       -- between two readings at least; NULL where not known
    power_mw REAL NOT NULL,             -- of the whole board while the layer ran
    power_sd_mw REAL NOT NULL,          -- standard deviation of the readings
    power_error_mw REAL NOT NULL,       -- half of the mean's 95 % confidence interval
    idle_mw REAL NOT NULL,              -- of the whole board while nothing ran, before and after
    idle_sd_mw REAL NOT NULL,
    idle_error_mw REAL NOT NULL,
    idle_drift_mw REAL NOT NULL,        -- after minus before
    is_idle_drifting INTEGER NOT NULL,  -- 1 if chance does not explain that
    independent_readings INTEGER NOT NULL,  -- time that the layer ran over the window
    latency_us REAL NOT NULL,           -- by which power becomes energy
    energy_uj REAL NOT NULL,            -- a call, above idle; noise may make it negative
    energy_error_uj REAL NOT NULL,      -- half of its 95 % confidence interval
    total_energy_uj REAL NOT NULL,      -- a call, with the idle board's: power_mw * latency_us
    is_resolved INTEGER NOT NULL,       -- 1 if the energy is larger than its error
    measured_at TEXT NOT NULL,
    CONSTRAINT uq_energies_placement UNIQUE (layer_hash, environment_id, processor, cores, level),
    CONSTRAINT fk_energies_environment_id
        FOREIGN KEY (environment_id) REFERENCES environments (id) ON DELETE CASCADE
)""",
    "CREATE INDEX ix_energies_environment_id ON energies (environment_id)",
    """
CREATE TABLE idle_powers (              -- of a board while nothing runs
    id INTEGER NOT NULL CONSTRAINT pk_idle_powers PRIMARY KEY,
    board_id INTEGER NOT NULL,
    operating_point TEXT NOT NULL,      -- setting of the whole board's clocks
    rail TEXT NOT NULL,                 -- the rails that were read and added
    power_mw REAL NOT NULL,
    power_sd_mw REAL NOT NULL,          -- standard deviation of the readings
    power_error_mw REAL NOT NULL,       -- half of the mean's 95 % confidence interval
    measured_at TEXT NOT NULL,
    CONSTRAINT uq_idle_powers_point UNIQUE (board_id, operating_point),
    CONSTRAINT fk_idle_powers_board_id FOREIGN KEY (board_id) REFERENCES boards (id) ON DELETE CASCADE
)""",
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
    CASE WHEN p.energy_uj IS NOT NULL THEN n.energy_error_uj END AS energy_error_uj,  -- NULL if unknown
    l.flops / nullif(p.latency_us, 0) / 1e3 AS gflops,  -- a second
    l.output_bytes,
    p.samples,                          -- JSON array, microseconds
    p.sample_count,
    p.status,                           -- partial, steady, unsteady
    p.measured_at,
    p.schedule,                         -- of its kernels; NULL where it was not recorded
    p.candidates_json,                  -- JSON object: schedule tried -> median in microseconds; NULL where none was
    p.slowdown,                         -- times latency_us while the board's other cores work, too; NULL if unknown
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
LEFT JOIN processors c ON c.board_id = b.id AND c.name = p.processor
LEFT JOIN energies n ON n.layer_hash = p.layer_hash AND n.environment_id = p.environment_id
    AND n.processor = p.processor AND n.cores = p.cores AND n.level = p.level""",
    """
CREATE VIEW v_layer_energy AS           -- every energy, seen from every network that has such a layer
SELECT v.model, v.board, v.position, v.layer,
    v.placement, v.level, v.operating_point,
    n.energy_uj,                        -- a call, above idle
    n.energy_error_uj,                  -- half of its 95 % confidence interval
    n.is_resolved,                      -- 1 if the energy is larger than its error
    n.total_energy_uj,                  -- a call, with the idle board's
    n.power_mw, n.power_error_mw,
    n.idle_mw, n.idle_error_mw, n.idle_drift_mw, n.is_idle_drifting,
    n.rail, n.window_s, n.step_mw, n.independent_readings,
    n.measured_at,
    v.is_newest,                        -- as in v_layer_latency
    v.model_id, v.profile_id
FROM v_layer_latency v
JOIN energies n ON n.layer_hash = v.layer_hash AND n.environment_id = v.environment_id
    AND n.processor = v.processor AND n.cores = v.cores AND n.level = v.level""",
)


def upgrade() -> None:
    """Adds the tables, a view over them, and the error to the view of latencies."""
    connection = op.get_bind()
    for statement in STATEMENTS:
        connection.exec_driver_sql(statement.strip())
