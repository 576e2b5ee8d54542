"""``invoices.draft``: every tenant's draft of last month's invoice."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from billing.errors import InvalidJob
from billing.invoices.monthly import draft_month
from billing.invoices.terms import InvoiceTerms
from billing.jobs.tasks import JobContext
from billing.periods import month_span
from core.database import Database


class DraftInvoices:
    """The task; ``params`` may name another ``month``, such as one that an outage left out."""

    def __init__(self, terms: InvoiceTerms) -> None:
        self._terms = terms

    def check(self, tenant: str, kind: str, params: Mapping[str, Any]) -> None:
        """Raises ``InvalidJob`` or ``InvalidReport``."""
        if params.keys() - {"slot", "month"}:
            raise InvalidJob(f"'{kind}' takes a month and nothing else.", param="params")
        if "month" in params:
            month_span(params["month"])

    async def __call__(self, database: Database, context: JobContext) -> Mapping[str, Any]:
        month = context.params.get("month") or _month_before(context)
        drafts = await draft_month(database, context.clock, month, self._terms)
        return drafts.to_json()


def _month_before(context: JobContext) -> str:
    """The month before the slot, also where the job runs late; else before now."""
    instant = context.slot or context.clock.now()
    return f"{instant.replace(day=1) - timedelta(days=1):%Y-%m}"
