"""The first schema: boards, networks, profiles, plans, deployments, and the views over them.

Written as SQL rather than by Alembic's operations: SQLite keeps the text with its comments, so that
`.schema` in the `sqlite3` shell explains every column to whoever opens the database.
"""

from alembic import op

revision = "0001"
down_revision = None

TABLES = (
    """
CREATE TABLE boards (
    id INTEGER NOT NULL CONSTRAINT pk_boards PRIMARY KEY,
    name TEXT NOT NULL,                 -- where two share it, the one seen last is meant
    fingerprint TEXT NOT NULL,          -- identity of its hardware and processors
    description_json TEXT NOT NULL,     -- what else it said about itself
    seen_at TEXT NOT NULL,              -- all times are UTC: 2026-01-31T12:34:56.789Z
    CONSTRAINT uq_boards_fingerprint UNIQUE (fingerprint)
)""",
    "CREATE INDEX ix_boards_name ON boards (name)",
    """
CREATE TABLE processors (
    board_id INTEGER NOT NULL,
    position INTEGER NOT NULL,          -- in the board's own order, from 0
    name TEXT NOT NULL,                 -- cpu, a57, denver2, gpu
    kind TEXT NOT NULL,                 -- cpu, or a word for an accelerator
    cores INTEGER NOT NULL CONSTRAINT ck_processors_cores CHECK (cores >= 1),
    CONSTRAINT pk_processors PRIMARY KEY (board_id, position),
    CONSTRAINT uq_processors_board_id_name UNIQUE (board_id, name),
    CONSTRAINT fk_processors_board_id FOREIGN KEY (board_id) REFERENCES boards (id) ON DELETE CASCADE
)""",
    """
CREATE TABLE models (
    id INTEGER NOT NULL CONSTRAINT pk_models PRIMARY KEY,
    name TEXT NOT NULL,
    fingerprint TEXT NOT NULL,          -- identity of architecture, weights and shapes
    layer_count INTEGER NOT NULL,
    flops REAL NOT NULL,                -- floating-point operations a frame
    weight_bytes INTEGER NOT NULL,
    graph_json TEXT NOT NULL,           -- layers, calls and tensors (stageline.graph/1)
    seen_at TEXT NOT NULL,
    CONSTRAINT uq_models_fingerprint UNIQUE (fingerprint)
)""",
    "CREATE INDEX ix_models_name ON models (name)",
    """
CREATE TABLE layers (
    model_id INTEGER NOT NULL,
    position INTEGER NOT NULL,          -- in execution order, from 0
    name TEXT NOT NULL,
    structural_hash TEXT NOT NULL,      -- equal for layers that do the same work, in whichever network
    flops REAL NOT NULL,
    output_bytes INTEGER NOT NULL,      -- of the activations that it produces
    CONSTRAINT pk_layers PRIMARY KEY (model_id, position),
    CONSTRAINT uq_layers_model_id_name UNIQUE (model_id, name),
    CONSTRAINT fk_layers_model_id FOREIGN KEY (model_id) REFERENCES models (id) ON DELETE CASCADE
)""",
    "CREATE INDEX ix_layers_structural_hash ON layers (structural_hash)",
    """
CREATE TABLE environments (             -- what a latency depends on besides layer, placement and level
    id INTEGER NOT NULL CONSTRAINT pk_environments PRIMARY KEY,
    fingerprint TEXT NOT NULL,          -- SHA-256 over the columns below
    board_id INTEGER NOT NULL,
    operating_point TEXT NOT NULL,      -- setting of the whole board's clocks
    tvm TEXT NOT NULL,                  -- versions
    tvm_ffi TEXT NOT NULL,
    kernel_version TEXT NOT NULL,       -- of the schedules that generated the code
    target_json TEXT NOT NULL,          -- TVM's target
    CONSTRAINT uq_environments_fingerprint UNIQUE (fingerprint),
    CONSTRAINT fk_environments_board_id FOREIGN KEY (board_id) REFERENCES boards (id) ON DELETE CASCADE
)""",
    "CREATE INDEX ix_environments_board_id ON environments (board_id)",
    """
CREATE TABLE profiles (                 -- one layer measured on one placement at one level
    id INTEGER NOT NULL CONSTRAINT pk_profiles PRIMARY KEY,
    layer_hash TEXT NOT NULL,           -- layers.structural_hash
    environment_id INTEGER NOT NULL,
    processor TEXT NOT NULL,
    cores INTEGER NOT NULL CONSTRAINT ck_profiles_cores CHECK (cores >= 1),
    level TEXT NOT NULL,                -- the processor's clock level
    latency_us REAL NOT NULL            -- median of the samples
        CONSTRAINT ck_profiles_latency_us CHECK (latency_us >= 0),
    latency_mad_us REAL NOT NULL        -- their median absolute deviation from it
        CONSTRAINT ck_profiles_latency_mad_us CHECK (latency_mad_us >= 0),
    energy_uj REAL                      -- above idle, a call; NULL without a sensor
        CONSTRAINT ck_profiles_energy_uj CHECK (energy_uj >= 0),
    samples TEXT NOT NULL,              -- JSON array of every sample, in microseconds
    sample_count INTEGER NOT NULL CONSTRAINT ck_profiles_sample_count CHECK (sample_count >= 1),
    status TEXT NOT NULL CONSTRAINT ck_profiles_status CHECK (status IN ('partial', 'steady', 'unsteady')),
    measured_at TEXT NOT NULL,
    CONSTRAINT uq_profiles_placement UNIQUE (layer_hash, environment_id, processor, cores, level),
    CONSTRAINT fk_profiles_environment_id
        FOREIGN KEY (environment_id) REFERENCES environments (id) ON DELETE CASCADE
)""",
    "CREATE INDEX ix_profiles_environment_id ON profiles (environment_id)",
    "CREATE INDEX ix_profiles_newest ON profiles (layer_hash, processor, cores, level, measured_at)",
    """
CREATE TABLE plans (
    id INTEGER NOT NULL CONSTRAINT pk_plans PRIMARY KEY AUTOINCREMENT,  -- its number, never used twice
    created_at TEXT NOT NULL,
    model TEXT NOT NULL,                -- names as they stand in the plan
    board TEXT NOT NULL,
    model_id INTEGER,
    board_id INTEGER,
    objective TEXT NOT NULL,
    operating_point TEXT NOT NULL,
    period_us REAL NOT NULL,            -- all figures of a plan are predictions
    throughput_fps REAL NOT NULL,
    latency_us REAL NOT NULL,
    energy_uj_per_frame REAL,
    gain REAL,                          -- period of the best single placement over its own
    bound_us REAL,                      -- least period that a fractional split could reach
    document_json TEXT NOT NULL,        -- the whole plan (stageline.plan/1)
    CONSTRAINT fk_plans_model_id FOREIGN KEY (model_id) REFERENCES models (id) ON DELETE SET NULL,
    CONSTRAINT fk_plans_board_id FOREIGN KEY (board_id) REFERENCES boards (id) ON DELETE SET NULL
)""",
    "CREATE INDEX ix_plans_model ON plans (model)",
    """
CREATE TABLE plan_stages (
    plan_id INTEGER NOT NULL,
    position INTEGER NOT NULL,          -- from 0
    first_layer TEXT NOT NULL,
    last_layer TEXT NOT NULL,           -- belongs to the stage too
    layer_count INTEGER NOT NULL,
    processor TEXT NOT NULL,
    cores INTEGER NOT NULL,             -- of each replica
    replicas INTEGER NOT NULL,
    time_us REAL NOT NULL,
    energy_uj REAL,
    CONSTRAINT pk_plan_stages PRIMARY KEY (plan_id, position),
    CONSTRAINT fk_plan_stages_plan_id FOREIGN KEY (plan_id) REFERENCES plans (id) ON DELETE CASCADE
)""",
    """
CREATE TABLE deployments (              -- what was measured when a plan ran
    id INTEGER NOT NULL CONSTRAINT pk_deployments PRIMARY KEY AUTOINCREMENT,
    plan_id INTEGER NOT NULL,
    deployed_at TEXT NOT NULL,
    period_us REAL NOT NULL,
    throughput_fps REAL NOT NULL,
    latency_us REAL NOT NULL,
    energy_uj_per_frame REAL,
    frames INTEGER NOT NULL,
    measured_json TEXT NOT NULL,        -- the whole measurement
    CONSTRAINT fk_deployments_plan_id FOREIGN KEY (plan_id) REFERENCES plans (id) ON DELETE CASCADE
)""",
    "CREATE INDEX ix_deployments_plan_id ON deployments (plan_id)",
    """
CREATE TABLE deployment_stages (
    deployment_id INTEGER NOT NULL,
    position INTEGER NOT NULL,          -- plan_stages.position
    time_us REAL NOT NULL,
    CONSTRAINT pk_deployment_stages PRIMARY KEY (deployment_id, position),
    CONSTRAINT fk_deployment_stages_deployment_id
        FOREIGN KEY (deployment_id) REFERENCES deployments (id) ON DELETE CASCADE
)""",
)

VIEWS = (
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
CREATE VIEW v_model_totals AS           -- whole networks on single placements, one environment a row
SELECT v.model,
    v.board,
    v.operating_point,
    v.placement, v.processor, v.cores,
    v.level,
    m.layer_count AS layers,
    sum(v.status <> 'partial') AS measured_layers,
    sum(v.status = 'unsteady') AS unsteady_layers,
    sum(v.status <> 'partial') = m.layer_count AS is_complete,
    sum(CASE WHEN v.status <> 'partial' THEN v.latency_us ELSE 0 END) AS latency_us,
    CASE WHEN sum(v.status <> 'partial') = m.layer_count
         THEN 1e6 / nullif(sum(v.latency_us), 0) END AS throughput_fps,  -- NULL until complete
    CASE WHEN count(v.energy_uj) = count(*)  -- NULL if one is unknown
         THEN sum(CASE WHEN v.status <> 'partial' THEN v.energy_uj ELSE 0 END) END AS energy_uj,
    max(v.measured_at) AS measured_at,
    min(v.is_newest) AS is_newest,      -- 1 if every profile is the newest of its kind
    v.tvm, v.kernel_version,
    v.model_fingerprint, v.environment_fingerprint
FROM v_layer_latency v JOIN models m ON m.id = v.model_id
GROUP BY v.model_id, v.environment_id, v.processor, v.cores, v.level""",
    """
CREATE VIEW v_stages AS                 -- every stage of every plan, once for each deployment
SELECT p.id AS plan_id,
    d.id AS deployment_id,              -- NULL, like what was measured, for a plan that was never deployed
    p.model,
    p.board,
    s.position + 1 AS stage,            -- from 1, as plans are printed
    CASE WHEN s.layer_count = 1 THEN s.first_layer ELSE s.first_layer || ' .. ' || s.last_layer END AS layers,
    CASE WHEN c.kind <> 'cpu' AND s.cores = 1 THEN s.processor
         ELSE s.processor || 'x' || s.cores END AS placement,
    s.replicas,
    s.time_us AS predicted_us,
    t.time_us AS measured_us,
    100.0 * (t.time_us - s.time_us) / nullif(s.time_us, 0) AS error_percent,
    s.energy_uj
FROM plan_stages s
JOIN plans p ON p.id = s.plan_id
LEFT JOIN deployments d ON d.plan_id = p.id
LEFT JOIN deployment_stages t ON t.deployment_id = d.id AND t.position = s.position
LEFT JOIN processors c ON c.board_id = p.board_id AND c.name = s.processor""",
    """
CREATE VIEW v_plans AS                  -- what was planned, with the placements of each plan in one column
SELECT p.id AS plan_id,
    p.created_at,
    p.model,
    p.board,
    p.objective,
    p.operating_point,
    (SELECT group_concat(label, ' | ') FROM (
        SELECT DISTINCT v.stage,
            v.placement || CASE WHEN v.replicas > 1 THEN ' *' || v.replicas ELSE '' END AS label
        FROM v_stages v WHERE v.plan_id = p.id ORDER BY v.stage
    )) AS pipeline,                     -- denver2x2 | gpu | a57x2 *2 (two replicas)
    (SELECT count(*) FROM plan_stages s WHERE s.plan_id = p.id) AS stages,
    p.period_us,
    p.throughput_fps,
    p.latency_us,
    p.energy_uj_per_frame,
    p.gain,
    p.bound_us,
    (SELECT count(*) FROM deployments d WHERE d.plan_id = p.id) AS deployments,
    (SELECT d.period_us FROM deployments d
        WHERE d.plan_id = p.id ORDER BY d.id DESC LIMIT 1) AS measured_period_us  -- by the last deployment
FROM plans p""",
    """
CREATE VIEW v_deployments AS            -- predicted beside measured
SELECT d.id AS deployment_id,
    p.plan_id,
    d.deployed_at,
    p.model,
    p.board,
    p.operating_point,
    p.pipeline,
    p.stages,
    d.frames,
    p.period_us AS predicted_period_us,
    d.period_us AS measured_period_us,
    100.0 * (d.period_us - p.period_us) / nullif(p.period_us, 0) AS period_error_percent,
    p.throughput_fps AS predicted_fps,
    d.throughput_fps AS measured_fps,
    p.latency_us AS predicted_latency_us,
    d.latency_us AS measured_latency_us,
    p.energy_uj_per_frame AS predicted_energy_uj,
    d.energy_uj_per_frame AS measured_energy_uj,
    p.gain AS predicted_gain
FROM deployments d JOIN v_plans p ON p.plan_id = d.plan_id""",
)


def upgrade() -> None:
    """Makes the tables and views."""
    connection = op.get_bind()
    for statement in (*TABLES, *VIEWS):
        connection.exec_driver_sql(statement.strip())
