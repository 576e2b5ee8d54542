"""How an adjustment that re-rating wrote is told from one that a person wrote: by its id."""

from sqlalchemy import ColumnElement, and_

from billing.ledger.accounts import of_kind
from billing.models import LedgerEntry
from core.canonical import digest

_PREFIX = "rer_"


def rerating_id(request_id: str, rate: str, sequence: int) -> str:
    """The id of the entry that takes a request to a rate, the ``sequence``-th of its kind."""
    return _PREFIX + digest([request_id, rate, sequence])[7:39]


def is_rerating(entry: type[LedgerEntry]) -> ColumnElement[bool]:
    """The condition that an entry was written by re-rating."""
    own = entry.request_id.startswith(_PREFIX, autoescape=True)
    return and_(of_kind("adjustment", entry=entry), own)
