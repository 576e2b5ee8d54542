"""Money: usage, dated prices, escrow budgets, the append-only ledger, reports, jobs.

Knows neither HTTP nor guards nor models: the gateway composes it. Names load
their modules when first used, so that importing the package stays cheap.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from billing.alerts.channels import AlertChannels, MailServer, Webhook
    from billing.alerts.delivery import deliver_alerts
    from billing.alerts.repository import AlertView, list_alerts
    from billing.alerts.rule import AlertRule
    from billing.budgets.definitions import BudgetDefinition
    from billing.budgets.keeper import BudgetKeeper
    from billing.budgets.raises import RaiseView
    from billing.budgets.raising import RaiseService
    from billing.budgets.scopes import organisation_owner
    from billing.budgets.service import BudgetService, BudgetStatus
    from billing.budgets.settings import EscrowSettings
    from billing.focus.export import FocusExport, focus_months
    from billing.focus.task import FocusTask
    from billing.jobs.app import make_celery
    from billing.jobs.exporters import Exporter, ExportRequest, register_exporter
    from billing.jobs.kinds import default_tasks
    from billing.jobs.schedule import Schedule
    from billing.jobs.service import JobService, job_to_json
    from billing.jobs.settings import DEPLOYMENT, JobSettings
    from billing.jobs.tasks import JobContext, JobFile, Progress, TaskRegistry
    from billing.ledger.adjust import adjust
    from billing.ledger.check import CheckReport, check, run_check
    from billing.ledger.ddl import append_only_ddl, drop_append_only_ddl
    from billing.ledger.rebuild import rebuild_rollups
    from billing.ledger.rerate import rerate
    from billing.ledger.rerating_report import RerateReport
    from billing.ledger.sink import LedgerSink
    from billing.periods import PeriodKind, month_span
    from billing.prices import CostBreakdown, CostLine, PriceBook, PriceVersion
    from billing.prices.store import NewEntry, PriceStore, load_book
    from billing.reading import snapshot
    from billing.reports.billing import BillingReport, billing_report
    from billing.reports.counterfactual import AlwaysThink
    from billing.reports.files import write_table
    from billing.reports.reconciliation import ReconciliationReport, reconciliation_report
    from billing.reports.savings import savings_report
    from billing.reports.savings_rows import SavingsReport
    from billing.reports.usage import UsageReport, usage_report
    from billing.settlement import Hold, Reservation, Settlement
    from billing.usage import Usage

__all__ = [
    "DEPLOYMENT",
    "AlertChannels",
    "AlertRule",
    "AlertView",
    "AlwaysThink",
    "BillingReport",
    "BudgetDefinition",
    "BudgetKeeper",
    "BudgetService",
    "BudgetStatus",
    "CheckReport",
    "CostBreakdown",
    "CostLine",
    "EscrowSettings",
    "ExportRequest",
    "Exporter",
    "FocusExport",
    "FocusTask",
    "Hold",
    "JobContext",
    "JobFile",
    "JobService",
    "JobSettings",
    "LedgerSink",
    "MailServer",
    "NewEntry",
    "PeriodKind",
    "PriceBook",
    "PriceStore",
    "PriceVersion",
    "Progress",
    "RaiseService",
    "RaiseView",
    "ReconciliationReport",
    "RerateReport",
    "Reservation",
    "SavingsReport",
    "Schedule",
    "Settlement",
    "TaskRegistry",
    "Usage",
    "UsageReport",
    "Webhook",
    "adjust",
    "append_only_ddl",
    "billing_report",
    "check",
    "default_tasks",
    "deliver_alerts",
    "drop_append_only_ddl",
    "focus_months",
    "job_to_json",
    "list_alerts",
    "load_book",
    "make_celery",
    "month_span",
    "organisation_owner",
    "rebuild_rollups",
    "reconciliation_report",
    "register_exporter",
    "rerate",
    "run_check",
    "savings_report",
    "snapshot",
    "usage_report",
    "write_table",
]

_HOME = {
    "AlwaysThink": "reports.counterfactual",
    "ReconciliationReport": "reports.reconciliation",
    "reconciliation_report": "reports.reconciliation",
    "savings_report": "reports.savings",
    "SavingsReport": "reports.savings_rows",
    "rerate": "ledger.rerate",
    "RerateReport": "ledger.rerating_report",
    "rebuild_rollups": "ledger.rebuild",
    "AlertChannels": "alerts.channels",
    "MailServer": "alerts.channels",
    "Webhook": "alerts.channels",
    "deliver_alerts": "alerts.delivery",
    "AlertView": "alerts.repository",
    "list_alerts": "alerts.repository",
    "AlertRule": "alerts.rule",
    "RaiseView": "budgets.raises",
    "RaiseService": "budgets.raising",
    "organisation_owner": "budgets.scopes",
    "FocusExport": "focus.export",
    "focus_months": "focus.export",
    "FocusTask": "focus.task",
    "make_celery": "jobs.app",
    "Exporter": "jobs.exporters",
    "ExportRequest": "jobs.exporters",
    "register_exporter": "jobs.exporters",
    "default_tasks": "jobs.kinds",
    "Schedule": "jobs.schedule",
    "JobService": "jobs.service",
    "job_to_json": "jobs.service",
    "DEPLOYMENT": "jobs.settings",
    "JobSettings": "jobs.settings",
    "JobContext": "jobs.tasks",
    "JobFile": "jobs.tasks",
    "Progress": "jobs.tasks",
    "TaskRegistry": "jobs.tasks",
    "BillingReport": "reports.billing",
    "billing_report": "reports.billing",
    "write_table": "reports.files",
    "UsageReport": "reports.usage",
    "usage_report": "reports.usage",
    "snapshot": "reading",
    "BudgetDefinition": "budgets.definitions",
    "BudgetKeeper": "budgets.keeper",
    "BudgetService": "budgets.service",
    "BudgetStatus": "budgets.service",
    "CheckReport": "ledger.check",
    "CostBreakdown": "prices",
    "CostLine": "prices",
    "EscrowSettings": "budgets.settings",
    "Hold": "settlement",
    "LedgerSink": "ledger.sink",
    "PeriodKind": "periods",
    "NewEntry": "prices.store",
    "PriceBook": "prices",
    "PriceStore": "prices.store",
    "load_book": "prices.store",
    "PriceVersion": "prices",
    "Reservation": "settlement",
    "Settlement": "settlement",
    "Usage": "usage",
    "adjust": "ledger.adjust",
    "append_only_ddl": "ledger.ddl",
    "check": "ledger.check",
    "drop_append_only_ddl": "ledger.ddl",
    "month_span": "periods",
    "run_check": "ledger.check",
}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'billing' has no attribute {name!r}")
    return getattr(import_module(f"billing.{_HOME[name]}"), name)
