"""Triggers that refuse every UPDATE and DELETE of ledger entries.

Alembic does not see triggers: the migration that creates the table runs
``append_only_ddl`` itself.
"""

_MESSAGE = "ledger entries are append-only: correct them with an adjustment"
_SQLITE = [
    f"""CREATE TRIGGER ledger_entries_no_{action.lower()} BEFORE {action} ON ledger_entries
BEGIN SELECT RAISE(ABORT, '{_MESSAGE}'); END"""
    for action in ("UPDATE", "DELETE")
]
_POSTGRESQL = [
    f"""CREATE FUNCTION ledger_entries_refuse() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION '{_MESSAGE}'; END $$""",
    """CREATE TRIGGER ledger_entries_append_only BEFORE UPDATE OR DELETE OR TRUNCATE
ON ledger_entries FOR EACH STATEMENT EXECUTE FUNCTION ledger_entries_refuse()""",
]


def append_only_ddl(dialect: str) -> list[str]:
    """Statements for ``sqlite`` or ``postgresql``, to run after the table was created."""
    return list(_SQLITE if dialect == "sqlite" else _POSTGRESQL)


def drop_append_only_ddl(dialect: str) -> list[str]:
    """Statements that take the triggers away, for a migration's way back."""
    if dialect == "sqlite":
        return [f"DROP TRIGGER ledger_entries_no_{action}" for action in ("update", "delete")]
    return [
        "DROP TRIGGER ledger_entries_append_only ON ledger_entries",
        "DROP FUNCTION ledger_entries_refuse()",
    ]
