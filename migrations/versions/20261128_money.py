"""Money: double entry, roll-ups, rates, raises, alerts, invoices, organisations.

Settled requests of before get their roll-ups and balances here.

Revision: 20261128_money
Revises: 20261122_vault
"""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from alembic import op

from billing.ledger.ddl import (
    append_only_ddl,
    drop_append_only_ddl,
    drop_immutable_invoices_ddl,
    immutable_invoices_ddl,
)
from core.database import Amount, UtcDateTime
from migrations.backfill import backfill_balances, backfill_rollups

revision: str = "20261128_money"
down_revision: str | None = "20261122_vault"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_TOKENS = (
    "input_tokens",
    "cached_input_tokens",
    "cache_write_tokens",
    "output_tokens",
    "reasoning_tokens",
    "guard_tokens",
    "embedding_tokens",
)
_KINDS = "kind IN ('reserve', 'settle', 'release', 'adjustment')"
_MORE_KINDS = (
    "kind IN ('reserve', 'settle', 'release', 'adjustment',"
    " 'invoice', 'exchange', 'rounding', 'tax', 'credit')"
)
_SCOPES = "scope IN ('tenant', 'project', 'key')"
_MORE_SCOPES = "scope IN ('organisation', 'tenant', 'project', 'key', 'end_user')"
_PERIODS = "period IN ('day', 'month', 'total')"


def upgrade() -> None:
    _create_price_tables()
    _create_invoice_tables()
    _create_rollups()
    _widen_tenants()
    _widen_budgets()
    _create_budget_tables()
    _widen_ledger(_KINDS, _MORE_KINDS, "kind NOT IN ('settle', 'release')", forth=True)
    _widen_usage()
    op.add_column("jobs", sa.Column("key", sa.String(length=120), nullable=True))
    op.add_column("jobs", sa.Column("result", sa.JSON(), nullable=True))
    op.add_column("jobs", sa.Column("not_before", UtcDateTime(), nullable=True))
    op.create_index("ix_jobs_status", "jobs", ["status"])
    op.create_index("uq_jobs_tenant_key", "jobs", ["tenant", "key"], unique=True)
    backfill_rollups(op.get_bind())
    backfill_balances(op.get_bind())
    for statement in immutable_invoices_ddl(op.get_bind().dialect.name):
        op.execute(statement)


def downgrade() -> None:
    for statement in drop_immutable_invoices_ddl(op.get_bind().dialect.name):
        op.execute(statement)
    op.drop_index("uq_jobs_tenant_key", "jobs")
    op.drop_index("ix_jobs_status", "jobs")
    op.drop_column("jobs", "not_before")
    op.drop_column("jobs", "result")
    op.drop_column("jobs", "key")
    op.drop_index("ix_usage_records_end_user_at", "usage_records")
    for name in ("ended", "surcharge", "embedding_tokens", "guard_tokens"):
        op.drop_column("usage_records", name)
    op.drop_column("price_units", "list_price")
    opening = "kind IN ('reserve', 'adjustment')"
    _widen_ledger(_MORE_KINDS, _KINDS, opening, forth=False)
    op.drop_table("budget_alerts")
    op.drop_table("budget_raises")
    _narrow_budgets()
    with op.batch_alter_table("tenants") as batch:
        batch.drop_index("ix_tenants_organisation")
        batch.drop_constraint("fk_tenants_organisation_organisations", type_="foreignkey")
        batch.drop_column("organisation")
    for name in (
        "organisations",
        "usage_days",
        "usage_rollups",
        "ledger_balances",
        "invoice_lines",
        "invoices",
        "invoice_counters",
        "billing_profiles",
        "price_rates",
        "price_book_entries",
    ):
        op.drop_table(name)


def _create_price_tables() -> None:
    op.create_table(
        "price_book_entries",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("body", sa.JSON(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("author", sa.String(length=64), nullable=False),
        sa.Column("reason", sa.String(length=200), nullable=True),
        sa.Column("archived_at", UtcDateTime(), nullable=True),
        sa.Column("archived_by", sa.String(length=64), nullable=True),
        sa.CheckConstraint(
            "kind IN ('price', 'exchange_rate', 'alias', 'calendar', 'markup')",
            name=op.f("ck_price_book_entries_kind"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_price_book_entries")),
    )
    op.create_table(
        "price_rates",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("version", sa.String(length=40), nullable=False),
        sa.Column("model", sa.String(length=200), nullable=False),
        sa.Column("served", sa.String(length=200), nullable=True),
        sa.Column("window", sa.String(length=40), nullable=True),
        sa.Column("above", sa.BigInteger(), nullable=True),
        sa.Column("batch", sa.Boolean(), nullable=False),
        sa.Column("source_currency", sa.String(length=3), nullable=False),
        sa.Column("exchange_rate", Amount(), nullable=True),
        sa.Column("markup_percent", Amount(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_price_rates")),
    )
    op.add_column("price_units", sa.Column("list_price", Amount(), nullable=True))


def _create_invoice_tables() -> None:
    op.create_table(
        "billing_profiles",
        sa.Column("tenant", sa.String(length=64), nullable=False),
        sa.Column("legal_name", sa.String(length=200), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("tax_id", sa.String(length=60), nullable=True),
        sa.Column("email", sa.String(length=254), nullable=True),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("tax_label", sa.String(length=40), nullable=True),
        sa.Column("tax_percent", Amount(), nullable=False),
        sa.Column("payment_days", sa.Integer(), nullable=False),
        sa.Column("cost_centres", sa.JSON(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.Column("updated_by", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("tenant", name=op.f("pk_billing_profiles")),
    )
    op.create_table(
        "invoice_counters",
        sa.Column("series", sa.String(length=20), nullable=False),
        sa.Column("last", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("series", name=op.f("pk_invoice_counters")),
    )
    op.create_table(
        "invoices",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("tenant", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=12), nullable=False),
        sa.Column("status", sa.String(length=8), nullable=False),
        sa.Column("number", sa.String(length=40), nullable=True),
        sa.Column("month", sa.String(length=7), nullable=False),
        sa.Column("starts_at", UtcDateTime(), nullable=False),
        sa.Column("ends_at", UtcDateTime(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("subtotal", Amount(), nullable=False),
        sa.Column("payable_currency", sa.String(length=3), nullable=False),
        sa.Column("exchange_rate", Amount(), nullable=True),
        sa.Column("exchange_since", UtcDateTime(), nullable=True),
        sa.Column("exchange_source", sa.String(length=200), nullable=True),
        sa.Column("net", Amount(), nullable=False),
        sa.Column("rounding", Amount(), nullable=False),
        sa.Column("tax_label", sa.String(length=40), nullable=True),
        sa.Column("tax_percent", Amount(), nullable=False),
        sa.Column("tax", Amount(), nullable=False),
        sa.Column("total", Amount(), nullable=False),
        sa.Column("last_entry", sa.BigInteger(), nullable=False),
        sa.Column("seller", sa.JSON(), nullable=False),
        sa.Column("buyer", sa.JSON(), nullable=False),
        sa.Column("credits_invoice", sa.String(length=40), nullable=True),
        sa.Column("reason", sa.String(length=200), nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("created_by", sa.String(length=64), nullable=False),
        sa.Column("issued_at", UtcDateTime(), nullable=True),
        sa.Column("issued_by", sa.String(length=64), nullable=True),
        sa.Column("due_at", UtcDateTime(), nullable=True),
        sa.Column("digest", sa.String(length=71), nullable=True),
        sa.CheckConstraint("kind IN ('invoice', 'credit_note')", name=op.f("ck_invoices_kind")),
        sa.CheckConstraint("status IN ('draft', 'final')", name=op.f("ck_invoices_status")),
        sa.ForeignKeyConstraint(
            ["credits_invoice"], ["invoices.id"], name=op.f("fk_invoices_credits_invoice_invoices")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_invoices")),
    )
    op.create_index(op.f("ix_invoices_tenant_month"), "invoices", ["tenant", "month"])
    one = sa.text("kind = 'invoice'")
    op.create_index(
        "uq_invoices_month",
        "invoices",
        ["tenant", "month"],
        unique=True,
        sqlite_where=one,
        postgresql_where=one,
    )
    op.create_index("uq_invoices_number", "invoices", ["number"], unique=True)
    op.create_table(
        "invoice_lines",
        sa.Column("invoice_id", sa.String(length=40), nullable=False),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("month", sa.String(length=7), nullable=False),
        sa.Column("project_id", sa.String(length=40), nullable=True),
        sa.Column("cost_centre", sa.String(length=60), nullable=True),
        sa.Column("model", sa.String(length=200), nullable=True),
        sa.Column("tier", sa.String(length=40), nullable=True),
        sa.Column("price_version", sa.String(length=40), nullable=True),
        sa.Column("token_class", sa.String(length=20), nullable=False),
        sa.Column("description", sa.String(length=300), nullable=False),
        sa.Column("quantity", Amount(), nullable=False),
        sa.Column("unit_price", Amount(), nullable=False),
        sa.Column("per", sa.BigInteger(), nullable=False),
        sa.Column("amount", Amount(), nullable=False),
        sa.Column("reference", sa.String(length=64), nullable=True),
        sa.ForeignKeyConstraint(
            ["invoice_id"], ["invoices.id"], name=op.f("fk_invoice_lines_invoice_id_invoices")
        ),
        sa.PrimaryKeyConstraint("invoice_id", "position", name=op.f("pk_invoice_lines")),
    )
    op.create_table(
        "ledger_balances",
        sa.Column("tenant", sa.String(length=64), nullable=False),
        sa.Column("account", sa.String(length=12), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("balance", Amount(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "account", "currency", name=op.f("pk_ledger_balances")),
    )


def _create_rollups() -> None:
    _create_sums("usage_rollups", sa.Column("hour", UtcDateTime(), nullable=False))
    _create_sums("usage_days")
    op.create_index(op.f("ix_usage_rollups_tenant_hour"), "usage_rollups", ["tenant", "hour"])
    op.create_index(op.f("ix_usage_days_tenant_day"), "usage_days", ["tenant", "day"])


def _create_sums(table: str, *more: sa.Column[Any]) -> None:
    counts = ("requests", "estimated_requests", "cut_requests", *_TOKENS)
    op.create_table(
        table,
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("tenant", sa.String(length=64), nullable=False),
        *more,
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("project_id", sa.String(length=40), nullable=False),
        sa.Column("key_id", sa.String(length=40), nullable=False),
        sa.Column("model", sa.String(length=200), nullable=False),
        sa.Column("tier", sa.String(length=40), nullable=False),
        sa.Column("upstream", sa.String(length=100), nullable=False),
        sa.Column("zone", sa.String(length=40), nullable=False),
        sa.Column("trend", sa.String(length=40), nullable=False),
        sa.Column("price_version", sa.String(length=40), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in counts),
        sa.Column("worker_seconds", Amount(), nullable=False),
        sa.Column("surcharge", Amount(), nullable=False),
        sa.Column("cost", Amount(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{table}")),
    )


def _widen_tenants() -> None:
    op.create_table(
        "organisations",
        sa.Column("name", sa.String(length=63), nullable=False),
        sa.Column("display_name", sa.String(length=120), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_organisations")),
    )
    with op.batch_alter_table("tenants") as batch:
        batch.add_column(sa.Column("organisation", sa.String(length=63), nullable=True))
        batch.create_index("ix_tenants_organisation", ["organisation"])
        batch.create_foreign_key(
            "fk_tenants_organisation_organisations", "organisations", ["organisation"], ["name"]
        )


def _widen_budgets() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.drop_constraint("ck_budgets_scope", "budgets")
        op.drop_constraint("ck_budgets_period", "budgets")
    with op.batch_alter_table("budgets") as batch:
        batch.alter_column("scope", existing_type=sa.String(8), type_=sa.String(12))
        batch.add_column(sa.Column("alerts", sa.JSON(), nullable=True))
        # A copied table on SQLite has lost its checks, so both are made anew.
        batch.create_check_constraint(op.f("ck_budgets_scope"), _MORE_SCOPES)
        batch.create_check_constraint(op.f("ck_budgets_period"), _PERIODS)
    with op.batch_alter_table("budget_periods") as batch:
        batch.alter_column("id", existing_type=sa.String(60), type_=sa.String(120))
        batch.add_column(sa.Column("end_user", sa.String(length=64), nullable=True))
    with op.batch_alter_table("budget_leases") as batch:
        batch.alter_column("period_id", existing_type=sa.String(60), type_=sa.String(120))


def _narrow_budgets() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.drop_constraint("ck_budgets_scope", "budgets")
        op.drop_constraint("ck_budgets_period", "budgets")
    with op.batch_alter_table("budget_leases") as batch:
        batch.alter_column("period_id", existing_type=sa.String(120), type_=sa.String(60))
    with op.batch_alter_table("budget_periods") as batch:
        batch.drop_column("end_user")
        batch.alter_column("id", existing_type=sa.String(120), type_=sa.String(60))
    with op.batch_alter_table("budgets") as batch:
        batch.drop_column("alerts")
        batch.alter_column("scope", existing_type=sa.String(12), type_=sa.String(8))
        batch.create_check_constraint(op.f("ck_budgets_scope"), _SCOPES)
        batch.create_check_constraint(op.f("ck_budgets_period"), _PERIODS)


def _create_budget_tables() -> None:
    op.create_table(
        "budget_raises",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("budget_id", sa.String(length=40), nullable=False),
        sa.Column("amount", Amount(), nullable=False),
        sa.Column("starts_at", UtcDateTime(), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.Column("author", sa.String(length=64), nullable=False),
        sa.Column("reason", sa.String(length=200), nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("revoked_at", UtcDateTime(), nullable=True),
        sa.Column("revoked_by", sa.String(length=64), nullable=True),
        sa.ForeignKeyConstraint(
            ["budget_id"], ["budgets.id"], name=op.f("fk_budget_raises_budget_id_budgets")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_budget_raises")),
    )
    op.create_index(op.f("ix_budget_raises_budget_id"), "budget_raises", ["budget_id"])
    op.create_table(
        "budget_alerts",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("tenant", sa.String(length=64), nullable=False),
        sa.Column("budget_id", sa.String(length=40), nullable=False),
        sa.Column("period_id", sa.String(length=120), nullable=False),
        sa.Column("threshold", sa.Integer(), nullable=False),
        sa.Column("spent", Amount(), nullable=False),
        sa.Column("limit_amount", Amount(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("status", sa.String(length=8), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("next_attempt_at", UtcDateTime(), nullable=True),
        sa.Column("sent_at", UtcDateTime(), nullable=True),
        sa.Column("error_code", sa.String(length=60), nullable=True),
        sa.Column("delivered", sa.JSON(), nullable=False),
        sa.CheckConstraint(
            "status IN ('pending', 'sent', 'failed')", name=op.f("ck_budget_alerts_status")
        ),
        sa.ForeignKeyConstraint(
            ["budget_id"], ["budgets.id"], name=op.f("fk_budget_alerts_budget_id_budgets")
        ),
        sa.ForeignKeyConstraint(
            ["period_id"],
            ["budget_periods.id"],
            name=op.f("fk_budget_alerts_period_id_budget_periods"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_budget_alerts")),
        sa.UniqueConstraint(
            "period_id", "threshold", name=op.f("uq_budget_alerts_period_id_threshold")
        ),
    )
    op.create_index(op.f("ix_budget_alerts_tenant_at"), "budget_alerts", ["tenant", "at"])
    op.create_index(
        op.f("ix_budget_alerts_status_next_attempt_at"),
        "budget_alerts",
        ["status", "next_attempt_at"],
    )


def _widen_ledger(old: str, new: str, opening: str, *, forth: bool) -> None:
    """Change the kinds and columns of the ledger, forth or back; its triggers step aside."""
    dialect = op.get_bind().dialect.name
    for statement in drop_append_only_ddl(dialect):
        op.execute(statement)
    op.drop_index("uq_ledger_entries_opening", "ledger_entries")
    op.drop_index("uq_ledger_entries_closing", "ledger_entries")
    if not forth:
        op.drop_index("ix_ledger_entries_reference", "ledger_entries")
        op.drop_index("ix_ledger_entries_organisation", "ledger_entries")
        op.drop_index("ix_ledger_entries_adjustments", "ledger_entries")
        op.drop_index("ix_ledger_entries_charges", "ledger_entries")
    if dialect == "postgresql":
        op.drop_constraint("ck_ledger_entries_kind", "ledger_entries")
    with op.batch_alter_table("ledger_entries") as batch:
        for column in _ledger_columns():
            if forth:
                batch.add_column(column)
            else:
                batch.drop_column(column.name)
        batch.create_check_constraint(op.f("ck_ledger_entries_kind"), new)
    _partial_index("uq_ledger_entries_closing", ["request_id"], "kind IN ('settle', 'release')")
    _partial_index("uq_ledger_entries_opening", ["request_id", "kind"], opening)
    if forth:
        _partial_index(
            "ix_ledger_entries_reference", ["reference"], "reference IS NOT NULL", unique=False
        )
        _partial_index(
            "ix_ledger_entries_organisation",
            ["organisation", "at"],
            "organisation IS NOT NULL",
            unique=False,
        )
        _partial_index(
            "ix_ledger_entries_adjustments",
            ["tenant", "at"],
            "kind = 'adjustment'",
            unique=False,
        )
        _partial_index(
            "ix_ledger_entries_charges",
            ["tenant", "at"],
            "kind IN ('settle', 'adjustment')",
            unique=False,
            include=["amount", "currency", "id"],
        )
    for statement in append_only_ddl(dialect):
        op.execute(statement)
    if dialect == "postgresql":
        # An index alone answers for pages that were vacuumed since they were filled: by
        # default that is after a fifth of the table, here after a hundredth.
        setting = "autovacuum_vacuum_insert_scale_factor"
        change = f"SET ({setting} = 0.01)" if forth else f"RESET ({setting})"
        op.execute(f"ALTER TABLE ledger_entries {change}")


def _ledger_columns() -> list[sa.Column[str]]:
    return [
        sa.Column(
            "debit", sa.String(length=12), server_default=sa.text("'unbilled'"), nullable=False
        ),
        sa.Column(
            "credit", sa.String(length=12), server_default=sa.text("'revenue'"), nullable=False
        ),
        sa.Column("organisation", sa.String(length=64), nullable=True),
    ]


def _partial_index(
    name: str,
    columns: list[str],
    where: str,
    *,
    unique: bool = True,
    include: Sequence[str] = (),
) -> None:
    op.create_index(
        name,
        "ledger_entries",
        columns,
        unique=unique,
        sqlite_where=sa.text(where),
        postgresql_where=sa.text(where),
        postgresql_include=include,
    )


def _widen_usage() -> None:
    for name in ("guard_tokens", "embedding_tokens"):
        column = sa.Column(name, sa.BigInteger(), server_default=sa.text("0"), nullable=False)
        op.add_column("usage_records", column)
    op.add_column(
        "usage_records",
        sa.Column("surcharge", Amount(), server_default=sa.text("'0'"), nullable=False),
    )
    op.add_column(
        "usage_records",
        sa.Column(
            "ended", sa.String(length=12), server_default=sa.text("'completed'"), nullable=False
        ),
    )
    op.create_index(
        "ix_usage_records_end_user_at",
        "usage_records",
        ["end_user", "at"],
        sqlite_where=sa.text("end_user IS NOT NULL"),
        postgresql_where=sa.text("end_user IS NOT NULL"),
    )
