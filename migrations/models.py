"""Loads every package's tables, so that the metadata is whole. Nothing else imports all of them."""

from importlib import import_module
from importlib.util import find_spec

from sqlalchemy import MetaData

from core.database import Base

MODULES = (
    "billing.models",
    "gateway.audit.models",
    "gateway.tenants.models",
)


def metadata() -> MetaData:
    """The tables of all packages."""
    for module in MODULES:
        if _exists(module):
            import_module(module)
    return Base.metadata


def _exists(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:
        return False
