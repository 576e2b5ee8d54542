"""How ``sovgate prices`` shows entries, differences and explanations to people."""

from typing import Any

from billing.prices import Alias, ExchangeRate, HolidayCalendar, Markup, PriceVersion
from billing.prices.diff import FieldChange, PriceDiff, Status, per_million
from billing.prices.entries import BookEntry, Item, State
from billing.prices.proposals import ImportPlan
from core.money import format_amount
from gateway.cli.options import print_table


def entry_row(entry: BookEntry, state: State) -> dict[str, Any]:
    body = entry.to_json()["body"]
    return {
        "entry": entry.item.label,
        "state": state.value,
        "source": entry.source.value,
        "from": _day(body.get("effective_from")),
        "to": _day(body.get("effective_to")),
        "says": _says(entry.item),
        "id": entry.id or "-",
    }


def print_plan(plan: ImportPlan) -> None:
    """Model by model what changes, then what was not taken and why."""
    for diff in plan.diffs:
        _print_diff(diff, plan)
    for entry in plan.others:
        print(f"{entry.item.label}: new: {_says(entry.item)}")
    for model, fields in plan.proposals.left_out:
        print(f"{model}: left out: {', '.join(fields)}")
    for skipped in plan.proposals.skipped:
        print(f"{skipped.model}: skipped: {skipped.reason}")
    counts = [f"{_count(plan, status)} {status.value}" for status in Status]
    print(f"Prices: {', '.join(counts)}; {len(plan.proposals.skipped)} skipped.")


def print_explanation(body: dict[str, Any]) -> None:
    """An ``Explanation`` as JSON, line by line."""
    version, rate = body["version"], body["rate"]
    alias = "" if body["model"] == body["priced_as"] else f", an alias of {body['priced_as']}"
    served = f", served by {version['served']}" if "served" in version else ""
    print(f"{body['model']}{alias}{served}, at {body['at']}")
    print(f"version {version['id']} in {version['currency']}, from {version['effective_from']}")
    for name, text in (
        ("window", "window: {}"),
        ("above", "step: above {} tokens"),
        ("exchange_rate", f"exchange rate: 1 {version['currency']} = {{}} {body['currency']}"),
        ("markup_percent", "mark-up: {} percent"),
    ):
        if rate[name] is not None:
            print(text.format(rate[name]))
    if rate["batch"]:
        print(f"batch: times {version['batch']}")
    print(f"rate {rate['id']}, {body['currency']} per {body['per']} tokens")
    print_table(body["prices"])
    if body["minimum"] != "0":
        print(f"at least {body['minimum']} a request")
    if body["lines"]:
        print_table(body["lines"])
    print(f"total: {body['total']} {body['currency']}")


def _print_diff(diff: PriceDiff, plan: ImportPlan) -> None:
    label = diff.version.label.removeprefix("price of model ")
    held = "; the settings file decides" if diff.version.label in plan.named_in_file else ""
    print(f"{label}: {diff.status.value}{held}")
    for change in diff.changes:
        print(f"  {change.field}: {_change(change, diff.status)}")


def _change(change: FieldChange, status: Status) -> str:
    if status is Status.NEW:
        return change.new or "-"
    percent = "" if change.percent is None else f" ({change.percent:+f} %)"
    return f"{change.old or '-'} -> {change.new or '-'}{percent}"


def _count(plan: ImportPlan, status: Status) -> int:
    return sum(diff.status is status for diff in plan.diffs)


def _says(item: Item) -> str:
    if isinstance(item, PriceVersion):
        return _price(item)
    if isinstance(item, ExchangeRate):
        return format_amount(item.rate)
    if isinstance(item, Alias):
        return item.model
    if isinstance(item, Markup):
        return f"{format_amount(item.percent)} percent"
    return _calendar(item)


def _price(version: PriceVersion) -> str:
    names = ("input", "cached_input", "output")
    prices = (format_amount(per_million(version, name, version.price(name))) for name in names)
    parts = [f"{' / '.join(prices)} {version.currency}"]
    parts += [f"window {window.name}" for window in version.windows]
    parts += [f"above {step.above}" for step in version.steps]
    return ", ".join(parts)


def _calendar(calendar: HolidayCalendar) -> str:
    parts = [f"holidays of {calendar.country}"] if calendar.country else []
    parts += [f"{len(calendar.dates)} dates"] if calendar.dates else []
    return ", ".join(parts) or "no holidays"


def _day(instant: str | None) -> str:
    """A date where it is one, else the instant."""
    if instant is None:
        return "-"
    return instant.removesuffix("T00:00:00.000000Z").replace(".000000Z", "Z")
