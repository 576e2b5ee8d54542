"""Tables of money: budgets, ledger, usage, prices, invoices, jobs.

``ledger_entries`` and final invoices are append-only, enforced by triggers
(``billing.ledger.ddl``, ``billing.invoices.ddl``).
"""

from billing.models.budgets import Budget, BudgetAlert, BudgetLease, BudgetPeriod, BudgetRaise
from billing.models.invoices import BillingProfile, Invoice, InvoiceCounter, InvoiceLine
from billing.models.jobs import Job
from billing.models.ledger import LedgerBalance, LedgerEntry
from billing.models.prices import PriceBookEntry, PriceRate, PriceUnit
from billing.models.usage import UsageDay, UsageRecord, UsageRollup

__all__ = [
    "BillingProfile",
    "Budget",
    "BudgetAlert",
    "BudgetLease",
    "BudgetPeriod",
    "BudgetRaise",
    "Invoice",
    "InvoiceCounter",
    "InvoiceLine",
    "Job",
    "LedgerBalance",
    "LedgerEntry",
    "PriceBookEntry",
    "PriceRate",
    "PriceUnit",
    "UsageDay",
    "UsageRecord",
    "UsageRollup",
]
