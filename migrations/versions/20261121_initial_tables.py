"""All tables of the first version; the ledger is append-only from the start.

Revision: 20261121_initial
Revises:
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from billing import append_only_ddl, drop_append_only_ddl
from core.database import Amount, UtcDateTime

revision: str = "20261121_initial"
down_revision: str | None = None
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.create_table(
        "audit_checkpoints",
        sa.Column("tenant", sa.String(length=64), nullable=False),
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.Column("time", UtcDateTime(), nullable=False),
        sa.Column("key_id", sa.String(length=64), nullable=False),
        sa.Column("public_key", sa.String(length=64), nullable=False),
        sa.Column("signature", sa.String(length=128), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "seq", name=op.f("pk_audit_checkpoints")),
    )
    op.create_table(
        "audit_heads",
        sa.Column("tenant", sa.String(length=64), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.Column("time", UtcDateTime(), nullable=False),
        sa.Column("checkpoint_seq", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", name=op.f("pk_audit_heads")),
    )
    op.create_table(
        "audit_records",
        sa.Column("tenant", sa.String(length=64), nullable=False),
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("request_id", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("time", UtcDateTime(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("prev_hash", sa.String(length=64), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "seq", name=op.f("pk_audit_records")),
        sa.UniqueConstraint(
            "tenant", "request_id", name=op.f("uq_audit_records_tenant_request_id")
        ),
    )
    op.create_index(
        "ix_audit_records_tenant_time", "audit_records", ["tenant", "time"], unique=False
    )
    op.create_table(
        "budgets",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("tenant", sa.String(length=64), nullable=False),
        sa.Column("scope", sa.String(length=8), nullable=False),
        sa.Column("scope_id", sa.String(length=64), nullable=False),
        sa.Column("period", sa.String(length=8), nullable=False),
        sa.Column("hard", sa.Boolean(), nullable=False),
        sa.Column("limit_amount", Amount(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("archived_at", UtcDateTime(), nullable=True),
        sa.CheckConstraint("period IN ('day', 'month', 'total')", name=op.f("ck_budgets_period")),
        sa.CheckConstraint("scope IN ('tenant', 'project', 'key')", name=op.f("ck_budgets_scope")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_budgets")),
    )
    op.create_index(op.f("ix_budgets_tenant"), "budgets", ["tenant"], unique=False)
    op.create_table(
        "jobs",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("tenant", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("params", sa.JSON(), nullable=False),
        sa.Column("status", sa.String(length=10), nullable=False),
        sa.Column("progress", sa.Integer(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("started_at", UtcDateTime(), nullable=True),
        sa.Column("heartbeat_at", UtcDateTime(), nullable=True),
        sa.Column("finished_at", UtcDateTime(), nullable=True),
        sa.Column("file_name", sa.String(length=200), nullable=True),
        sa.Column("error_code", sa.String(length=60), nullable=True),
        sa.Column("runner", sa.String(length=128), nullable=True),
        sa.CheckConstraint(
            "status IN ('queued', 'running', 'done', 'failed')", name=op.f("ck_jobs_status")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_jobs")),
    )
    op.create_index(
        op.f("ix_jobs_tenant_created_at"), "jobs", ["tenant", "created_at"], unique=False
    )
    op.create_table(
        "ledger_entries",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("request_id", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("tenant", sa.String(length=64), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("amount", Amount(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("reference", sa.String(length=64), nullable=True),
        sa.Column("reason", sa.String(length=200), nullable=True),
        sa.Column("author", sa.String(length=64), nullable=True),
        sa.CheckConstraint(
            "kind IN ('reserve', 'settle', 'release', 'adjustment')",
            name=op.f("ck_ledger_entries_kind"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ledger_entries")),
    )
    op.create_index(
        op.f("ix_ledger_entries_tenant_at"), "ledger_entries", ["tenant", "at"], unique=False
    )
    op.create_index(
        "uq_ledger_entries_closing",
        "ledger_entries",
        ["request_id"],
        unique=True,
        sqlite_where=sa.text("kind IN ('settle', 'release')"),
        postgresql_where=sa.text("kind IN ('settle', 'release')"),
    )
    op.create_index(
        "uq_ledger_entries_opening",
        "ledger_entries",
        ["request_id", "kind"],
        unique=True,
        sqlite_where=sa.text("kind IN ('reserve', 'adjustment')"),
        postgresql_where=sa.text("kind IN ('reserve', 'adjustment')"),
    )
    op.create_table(
        "login_attempts",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("account_hash", sa.String(length=64), nullable=False),
        sa.Column("address_hash", sa.String(length=64), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_login_attempts")),
    )
    op.create_index(
        op.f("ix_login_attempts_account_hash_at"),
        "login_attempts",
        ["account_hash", "at"],
        unique=False,
    )
    op.create_index(
        op.f("ix_login_attempts_address_hash_at"),
        "login_attempts",
        ["address_hash", "at"],
        unique=False,
    )
    op.create_table(
        "price_units",
        sa.Column("price_version", sa.String(length=40), nullable=False),
        sa.Column("token_class", sa.String(length=20), nullable=False),
        sa.Column("price", Amount(), nullable=False),
        sa.Column("per", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.PrimaryKeyConstraint("price_version", "token_class", name=op.f("pk_price_units")),
    )
    op.create_table(
        "tenants",
        sa.Column("name", sa.String(length=63), nullable=False),
        sa.Column("display_name", sa.String(length=120), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("policy", sa.String(length=64), nullable=False),
        sa.Column("limits", sa.JSON(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_tenants")),
    )
    op.create_table(
        "usage_records",
        sa.Column("request_id", sa.String(length=64), nullable=False),
        sa.Column("tenant", sa.String(length=64), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("project_id", sa.String(length=40), nullable=False),
        sa.Column("key_id", sa.String(length=40), nullable=False),
        sa.Column("end_user", sa.String(length=64), nullable=True),
        sa.Column("model", sa.String(length=200), nullable=False),
        sa.Column("tier", sa.String(length=40), nullable=True),
        sa.Column("upstream", sa.String(length=100), nullable=True),
        sa.Column("zone", sa.String(length=40), nullable=True),
        sa.Column("trend", sa.String(length=40), nullable=True),
        sa.Column("price_version", sa.String(length=40), nullable=False),
        sa.Column("input_tokens", sa.BigInteger(), nullable=False),
        sa.Column("cached_input_tokens", sa.BigInteger(), nullable=False),
        sa.Column("cache_write_tokens", sa.BigInteger(), nullable=False),
        sa.Column("output_tokens", sa.BigInteger(), nullable=False),
        sa.Column("reasoning_tokens", sa.BigInteger(), nullable=False),
        sa.Column("worker_seconds", Amount(), nullable=False),
        sa.Column("cost", Amount(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("estimated", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("request_id", name=op.f("pk_usage_records")),
    )
    op.create_index(
        op.f("ix_usage_records_tenant_at"), "usage_records", ["tenant", "at"], unique=False
    )
    op.create_table(
        "users",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("email", sa.String(length=254), nullable=False),
        sa.Column("password_hash", sa.String(length=256), nullable=False),
        sa.Column("disabled", sa.Boolean(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_users")),
        sa.UniqueConstraint("email", name=op.f("uq_users_email")),
    )
    op.create_table(
        "admin_sessions",
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("user_id", sa.String(length=40), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_admin_sessions_user_id_users")
        ),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("pk_admin_sessions")),
    )
    op.create_index(op.f("ix_admin_sessions_user_id"), "admin_sessions", ["user_id"], unique=False)
    op.create_table(
        "budget_periods",
        sa.Column("id", sa.String(length=60), nullable=False),
        sa.Column("budget_id", sa.String(length=40), nullable=False),
        sa.Column("starts_at", UtcDateTime(), nullable=False),
        sa.Column("ends_at", UtcDateTime(), nullable=True),
        sa.Column("spent", Amount(), nullable=False),
        sa.Column("leased", Amount(), nullable=False),
        sa.Column("over_at", UtcDateTime(), nullable=True),
        sa.Column("recalled_at", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["budget_id"], ["budgets.id"], name=op.f("fk_budget_periods_budget_id_budgets")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_budget_periods")),
    )
    op.create_index(
        op.f("ix_budget_periods_budget_id"), "budget_periods", ["budget_id"], unique=False
    )
    op.create_table(
        "projects",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("tenant", sa.String(length=63), nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant"], ["tenants.name"], name=op.f("fk_projects_tenant_tenants")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_projects")),
        sa.UniqueConstraint("tenant", "name", name=op.f("uq_projects_tenant_name")),
    )
    op.create_table(
        "role_bindings",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("user_id", sa.String(length=40), nullable=False),
        sa.Column("tenant", sa.String(length=63), nullable=True),
        sa.Column("role", sa.String(length=16), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant"], ["tenants.name"], name=op.f("fk_role_bindings_tenant_tenants")
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_role_bindings_user_id_users")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_role_bindings")),
    )
    op.create_index(op.f("ix_role_bindings_tenant"), "role_bindings", ["tenant"], unique=False)
    op.create_index(op.f("ix_role_bindings_user_id"), "role_bindings", ["user_id"], unique=False)
    op.create_table(
        "budget_leases",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("period_id", sa.String(length=60), nullable=False),
        sa.Column("holder", sa.String(length=128), nullable=False),
        sa.Column("amount", Amount(), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.Column("serial", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["period_id"],
            ["budget_periods.id"],
            name=op.f("fk_budget_leases_period_id_budget_periods"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_budget_leases")),
    )
    op.create_index(op.f("ix_budget_leases_holder"), "budget_leases", ["holder"], unique=False)
    op.create_index(
        op.f("ix_budget_leases_period_id"), "budget_leases", ["period_id"], unique=False
    )
    op.create_table(
        "virtual_keys",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("tenant", sa.String(length=63), nullable=False),
        sa.Column("project_id", sa.String(length=40), nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("key_hash", sa.String(length=64), nullable=False),
        sa.Column("prefix", sa.String(length=8), nullable=False),
        sa.Column("limits", sa.JSON(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=True),
        sa.Column("revoked_at", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["project_id"], ["projects.id"], name=op.f("fk_virtual_keys_project_id_projects")
        ),
        sa.ForeignKeyConstraint(
            ["tenant"], ["tenants.name"], name=op.f("fk_virtual_keys_tenant_tenants")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_virtual_keys")),
        sa.UniqueConstraint("key_hash", name=op.f("uq_virtual_keys_key_hash")),
    )
    op.create_index(
        op.f("ix_virtual_keys_tenant_created_at"),
        "virtual_keys",
        ["tenant", "created_at"],
        unique=False,
    )
    for statement in append_only_ddl(op.get_bind().dialect.name):
        op.execute(statement)


def downgrade() -> None:
    for statement in drop_append_only_ddl(op.get_bind().dialect.name):
        op.execute(statement)
    op.drop_index(op.f("ix_virtual_keys_tenant_created_at"), table_name="virtual_keys")
    op.drop_table("virtual_keys")
    op.drop_index(op.f("ix_budget_leases_period_id"), table_name="budget_leases")
    op.drop_index(op.f("ix_budget_leases_holder"), table_name="budget_leases")
    op.drop_table("budget_leases")
    op.drop_index(op.f("ix_role_bindings_user_id"), table_name="role_bindings")
    op.drop_index(op.f("ix_role_bindings_tenant"), table_name="role_bindings")
    op.drop_table("role_bindings")
    op.drop_table("projects")
    op.drop_index(op.f("ix_budget_periods_budget_id"), table_name="budget_periods")
    op.drop_table("budget_periods")
    op.drop_index(op.f("ix_admin_sessions_user_id"), table_name="admin_sessions")
    op.drop_table("admin_sessions")
    op.drop_table("users")
    op.drop_index(op.f("ix_usage_records_tenant_at"), table_name="usage_records")
    op.drop_table("usage_records")
    op.drop_table("tenants")
    op.drop_table("price_units")
    op.drop_index(op.f("ix_login_attempts_address_hash_at"), table_name="login_attempts")
    op.drop_index(op.f("ix_login_attempts_account_hash_at"), table_name="login_attempts")
    op.drop_table("login_attempts")
    op.drop_index(
        "uq_ledger_entries_opening",
        table_name="ledger_entries",
        sqlite_where=sa.text("kind IN ('reserve', 'adjustment')"),
        postgresql_where=sa.text("kind IN ('reserve', 'adjustment')"),
    )
    op.drop_index(
        "uq_ledger_entries_closing",
        table_name="ledger_entries",
        sqlite_where=sa.text("kind IN ('settle', 'release')"),
        postgresql_where=sa.text("kind IN ('settle', 'release')"),
    )
    op.drop_index(op.f("ix_ledger_entries_tenant_at"), table_name="ledger_entries")
    op.drop_table("ledger_entries")
    op.drop_index(op.f("ix_jobs_tenant_created_at"), table_name="jobs")
    op.drop_table("jobs")
    op.drop_index(op.f("ix_budgets_tenant"), table_name="budgets")
    op.drop_table("budgets")
    op.drop_index("ix_audit_records_tenant_time", table_name="audit_records")
    op.drop_table("audit_records")
    op.drop_table("audit_heads")
    op.drop_table("audit_checkpoints")
