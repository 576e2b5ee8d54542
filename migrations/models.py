"""Loads every package's tables, so that the metadata is whole. Nothing else imports all of them."""

from importlib import import_module

from sqlalchemy import MetaData

from core.database import Base

MODULES = (
    "billing.models.budgets",
    "billing.models.invoices",
    "billing.models.jobs",
    "billing.models.ledger",
    "billing.models.prices",
    "billing.models.usage",
    "gateway.archive.models",
    "gateway.audit.models",
    "gateway.batches.models",
    "gateway.files.models",
    "gateway.idempotency.models",
    "gateway.recognizers.models",
    "gateway.responses.models",
    "gateway.retention.models",
    "gateway.tenants.models",
    "gateway.upstreams.models",
    "gateway.vault.models",
)


def metadata() -> MetaData:
    """The tables of all packages."""
    for module in MODULES:
        import_module(module)
    return Base.metadata
