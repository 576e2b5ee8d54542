"""Triggers that keep money's past: ledger entries and final invoices never change.

Alembic does not see triggers: the migration that creates a table runs its DDL.
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

_FINAL = "a final invoice never changes: correct it with a credit note"
_INVOICE_SQLITE = [
    f"""CREATE TRIGGER invoices_final_no_{action.lower()} BEFORE {action} ON invoices
WHEN OLD.status = 'final' BEGIN SELECT RAISE(ABORT, '{_FINAL}'); END"""
    for action in ("UPDATE", "DELETE")
] + [
    f"""CREATE TRIGGER invoice_lines_final_no_{action.lower()} BEFORE {action} ON invoice_lines
WHEN (SELECT status FROM invoices WHERE id = {row}.invoice_id) = 'final'
BEGIN SELECT RAISE(ABORT, '{_FINAL}'); END"""
    for action, row in (("INSERT", "NEW"), ("UPDATE", "OLD"), ("DELETE", "OLD"))
]
_INVOICE_POSTGRESQL = [
    f"""CREATE FUNCTION invoices_refuse() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION '{_FINAL}'; END $$""",
    """CREATE TRIGGER invoices_final BEFORE UPDATE OR DELETE ON invoices
FOR EACH ROW WHEN (OLD.status = 'final') EXECUTE FUNCTION invoices_refuse()""",
    f"""CREATE FUNCTION invoice_lines_refuse() RETURNS trigger LANGUAGE plpgsql AS
$$ DECLARE line record; BEGIN
  line := CASE WHEN TG_OP = 'INSERT' THEN NEW ELSE OLD END;
  IF (SELECT status FROM invoices WHERE id = line.invoice_id) = 'final' THEN
    RAISE EXCEPTION '{_FINAL}';
  END IF;
  RETURN CASE WHEN TG_OP = 'DELETE' THEN OLD ELSE NEW END;
END $$""",
    """CREATE TRIGGER invoice_lines_final BEFORE INSERT OR UPDATE OR DELETE ON invoice_lines
FOR EACH ROW EXECUTE FUNCTION invoice_lines_refuse()""",
    *(
        f"""CREATE TRIGGER {table}_no_truncate BEFORE TRUNCATE ON {table}
FOR EACH STATEMENT EXECUTE FUNCTION invoices_refuse()"""
        for table in ("invoices", "invoice_lines")
    ),
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


def immutable_invoices_ddl(dialect: str) -> list[str]:
    """Statements that close final invoices and their lines to every change."""
    return list(_INVOICE_SQLITE if dialect == "sqlite" else _INVOICE_POSTGRESQL)


def drop_immutable_invoices_ddl(dialect: str) -> list[str]:
    """Statements that take those triggers away."""
    if dialect == "sqlite":
        names = [f"invoices_final_no_{action}" for action in ("update", "delete")]
        names += [f"invoice_lines_final_no_{action}" for action in ("insert", "update", "delete")]
        return [f"DROP TRIGGER {name}" for name in names]
    return [
        "DROP TRIGGER invoice_lines_no_truncate ON invoice_lines",
        "DROP TRIGGER invoices_no_truncate ON invoices",
        "DROP TRIGGER invoice_lines_final ON invoice_lines",
        "DROP TRIGGER invoices_final ON invoices",
        "DROP FUNCTION invoice_lines_refuse()",
        "DROP FUNCTION invoices_refuse()",
    ]
