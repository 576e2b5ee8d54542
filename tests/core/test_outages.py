"""What counts as an outage of the database."""

import pytest
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError

from core.outages import is_away


class _DriverError(Exception):
    def __init__(self, sqlstate: str) -> None:
        self.sqlstate = sqlstate


@pytest.mark.parametrize(
    ("error", "away"),
    [
        (DBAPIError("", {}, _DriverError("57P01")), True),  # an administrator stopped it
        (DBAPIError("", {}, _DriverError("53300")), True),  # too many connections
        (DBAPIError("", {}, _DriverError("25006")), True),  # read-only
        (DBAPIError("", {}, _DriverError("42P01")), False),  # there is no such table
        (IntegrityError("", {}, _DriverError("23505")), False),
        (OperationalError("", {}, Exception("database is locked")), True),
        (ConnectionRefusedError(), True),
        (TimeoutError(), True),
        (PermissionError(), False),
        (ValueError(), False),
    ],
    ids=str,
)
def test_what_counts_as_away(error: Exception, away: bool) -> None:
    assert is_away(error) is away
