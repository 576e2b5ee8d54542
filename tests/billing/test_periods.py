"""Budget periods: UTC calendar days and months."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from billing import PeriodKind, month_span
from billing.errors import InvalidReport
from billing.periods import period_at

_BERLIN_SUMMER = timezone(timedelta(hours=2))


@pytest.mark.parametrize(
    ("kind", "at", "label", "ends_at"),
    [
        (
            "day",
            datetime(2026, 11, 21, 23, 59, 59, 999999, tzinfo=UTC),
            "2026-11-21",
            (2026, 11, 22),
        ),
        ("day", datetime(2026, 12, 31, tzinfo=UTC), "2026-12-31", (2027, 1, 1)),
        ("month", datetime(2026, 12, 1, tzinfo=UTC), "2026-12", (2027, 1, 1)),
        ("month", datetime(2028, 2, 29, tzinfo=UTC), "2028-02", (2028, 3, 1)),
        # 00:30 in Berlin is still the day and month before in UTC
        ("month", datetime(2026, 8, 1, 0, 30, tzinfo=_BERLIN_SUMMER), "2026-07", (2026, 8, 1)),
    ],
)
def test_period_of_an_instant(
    kind: str, at: datetime, label: str, ends_at: tuple[int, int, int]
) -> None:
    period = period_at(PeriodKind(kind), at)
    assert (period.label, period.ends_at) == (label, datetime(*ends_at, tzinfo=UTC))
    assert period.starts_at <= at
    assert period_at(PeriodKind(kind), datetime(*ends_at, tzinfo=UTC)).starts_at == period.ends_at


def test_a_total_budget_never_ends() -> None:
    assert period_at(PeriodKind.TOTAL, datetime(2026, 1, 1, tzinfo=UTC)).ends_at is None


def test_month_span() -> None:
    assert month_span("2026-12") == (
        datetime(2026, 12, 1, tzinfo=UTC),
        datetime(2027, 1, 1, tzinfo=UTC),
    )


@pytest.mark.parametrize("text", ["2026-13", "2026-1", "2026", "november"])
def test_what_is_no_month_is_refused(text: str) -> None:
    with pytest.raises(InvalidReport, match="2026-11"):
        month_span(text)
