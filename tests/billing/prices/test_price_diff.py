"""What a proposed price would change, and what is taken of it."""

from datetime import UTC, datetime
from typing import Any

from billing import PriceBook
from billing.prices import PriceVersion
from billing.prices.diff import compare
from billing.prices.entries import Catalogue, entries_of
from billing.prices.proposals import ImportPlan, Proposals

NOW = datetime(2026, 11, 21, tzinfo=UTC)
FLASH = {"model": "flash", "effective_from": "2026-01-01", "input": "0.15", "output": "0.60"}
NIGHT = {"name": "night", "hours": ["22:00-06:00"], "factor": "0.5"}


def changes(old: dict[str, Any], new: dict[str, Any]) -> list[tuple[str, str | None, str | None]]:
    """Field, old and new of a changed price."""
    [diff] = compare(PriceBook.from_settings([old]), [PriceVersion.from_settings(new)], NOW)
    assert diff.status == ("changed" if diff.changes else "same")
    return [(change.field, change.old, change.new) for change in diff.changes]


def test_another_date_unit_or_notation_is_the_same_price() -> None:
    other = {"effective_from": "2026-11-01", "input": "0.00015", "output": "0.0006", "per": 1000}
    assert changes(FLASH, FLASH | other) == []
    assert changes(FLASH, FLASH | {"cached_input": "0.15", "reasoning": "0.6"}) == []


def test_each_field_is_compared() -> None:
    assert changes(FLASH, FLASH | {"input": "0.30", "cached_input": "0.003"}) == [
        ("input", "0.15", "0.3"),
        ("cached_input", "0.15", "0.003"),
    ]
    assert changes(FLASH | {"minimum": "0.01"}, FLASH | {"batch": "0.5", "served": "F3"}) == [
        ("batch", None, "0.5"),
        ("served", None, "F3"),
        ("minimum", "0.01", None),
    ]


def test_windows_and_steps_are_compared_by_what_is_paid_in_them() -> None:
    step = {"above": 1000, "factor": "2"}
    days = "mon tue wed thu fri sat sun UTC"
    assert changes(FLASH, FLASH | {"windows": [NIGHT], "steps": [step]}) == [
        ("night", None, f"22:00-06:00 {days}"),
        ("night: input", None, "0.075"),
        ("night: output", None, "0.3"),
        ("above 1000: input", None, "0.3"),
        ("above 1000: output", None, "1.2"),
    ]
    own = NIGHT | {"factor": "1", "input": "0.075", "output": "0.3"}
    assert changes(FLASH | {"windows": [NIGHT]}, FLASH | {"windows": [own]}) == []


def test_percents_are_of_the_old_price() -> None:
    new = FLASH | {"input": "0.10", "output": "0.6001", "guard": "1", "currency": "EUR"}
    book = PriceBook.from_settings([FLASH])
    [diff] = compare(book, [PriceVersion.from_settings(new)], NOW)
    found = {change.field: change.to_json()["percent"] for change in diff.changes}
    # -0.05 of 0.15; 0.0001 of 0.60; of nothing there is no percentage
    assert found == {"currency": None, "input": "-33.3", "output": "0", "guard": None}


def test_new_gone_and_future_ones() -> None:
    later = FLASH | {"effective_from": "2027-01-01", "input": "0.5"}
    book = PriceBook.from_settings([FLASH, later, FLASH | {"model": "pro"}])
    proposed = [
        PriceVersion.from_settings(FLASH | {"model": "new"}),
        # starts after the one of January: compared with that one
        PriceVersion.from_settings(later | {"effective_from": "2027-02-01"}),
    ]
    diffs = compare(book, proposed, NOW)
    assert [(diff.version.model, diff.status.value) for diff in diffs] == [
        ("flash", "same"),
        ("new", "new"),
        ("pro", "gone"),
    ]
    only = compare(book, proposed[1:], NOW, concerns=lambda model: model != "pro")
    assert [diff.version.model for diff in only] == ["flash"]


def test_what_is_taken_is_new_or_changed_and_not_the_files() -> None:
    rate = {"currency": "CNY", "rate": "0.14", "effective_from": "2026-01-01"}
    known = entries_of({"prices": [FLASH], "exchange_rates": [rate]})
    catalogue = Catalogue.build(known, "USD")
    proposals = Proposals.of_sections(
        {
            "prices": [
                FLASH | {"input": "9"},
                FLASH | {"model": "pro"},
                FLASH | {"model": "unwanted"},
            ],
            "exchange_rates": [rate, rate | {"currency": "EUR"}],
            "calendars": [{"name": "closed"}],
        },
        ["flash", "pro"],
    )
    plan = ImportPlan.make(catalogue, proposals, NOW)
    assert [(diff.version.model, diff.status.value) for diff in plan.diffs] == [
        ("flash", "changed"),
        ("pro", "new"),
    ]
    assert plan.named_in_file == ("price of model flash", "exchange rate from CNY to USD")
    assert [(entry.kind, entry.body.get("model")) for entry in plan.additions()] == [
        ("price", "pro"),
        ("exchange_rate", None),
        ("calendar", None),
    ]
