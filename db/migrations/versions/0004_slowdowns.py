"""Deployments say how much longer each stage's layers took than their profiles promised."""

from alembic import op

revision = "0004"
down_revision = "0003"

STATEMENTS = (
    "ALTER TABLE deployment_stages ADD COLUMN slowdown REAL"
    " /* time of its layers, its share of the period's unrest included, over the sum of their profiles */",
    """
CREATE VIEW v_slowdowns AS              -- what profiles do not tell: how layers fare in a running pipeline
SELECT p.model,
    p.board,
    p.operating_point,
    s.processor,
    s.cores,
    s.replicas,
    s.first_layer,
    s.last_layer,
    count(*) OVER (PARTITION BY t.deployment_id) = 1 AND s.replicas = 1 AS is_alone,  -- nothing ran beside it
    max(s.replicas) OVER (PARTITION BY t.deployment_id) > 1 AS has_replicas,  -- its pipeline, in some stage
    t.slowdown,                         -- 1: as profiled, beside work on the other cores unless it is alone
    d.deployed_at,
    p.id AS plan_id,
    d.id AS deployment_id
FROM deployment_stages t
JOIN deployments d ON d.id = t.deployment_id
JOIN plans p ON p.id = d.plan_id
JOIN plan_stages s ON s.plan_id = p.id AND s.position = t.position
WHERE t.slowdown IS NOT NULL""",
)


def upgrade() -> None:
    """Adds the column, and a view that says whose slowdown it is."""
    connection = op.get_bind()
    for statement in STATEMENTS:
        connection.exec_driver_sql(statement.strip())
