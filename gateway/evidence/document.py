"""An evidence pack as people read it: sections of tables, for HTML and PDF alike."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

Cell = str | list[str]  # a list is set as lines
Row = Sequence[Cell]
MOST_ROWS = 500  # of administrative actions; the JSON holds more


@dataclass(frozen=True, slots=True)
class Section:
    """A table; ``weights`` share out the width among its columns."""

    title: str
    columns: tuple[str, ...]
    weights: tuple[int, ...]
    rows: list[Row]
    note: str | None = None
    empty: str = "None in this span."


@dataclass(frozen=True, slots=True)
class Document:
    title: str
    subtitle: str
    facts: list[tuple[str, str]]
    sections: list[Section]
    footer: str


def document(pack: dict[str, Any]) -> Document:
    """``pack`` with its signature."""
    records, signer = pack["records"], pack["signature"]
    return Document(
        title=f"Evidence of {pack['tenant']}",
        subtitle=f"{_day(pack['from'])} to {_day(pack['to'])} (exclusive), UTC",
        facts=[
            ("Made", _time(pack["generated_at"])),
            ("Records in this span", _count(records["count"])),
            ("Numbers", _numbers(records)),
            ("Chain", _verdict(pack["integrity"])),
            ("Signed by key", signer["key_id"]),
        ],
        sections=[
            _articles(pack),
            _events(records),
            _guards(pack),
            _policies(pack),
            _destinations(pack),
            _masked(pack),
            _retention(pack["retention"]),
            _removals(pack["retention"]),
            _holds(pack["retention"]),
            _actions(pack["admin_actions"]),
            _integrity(pack["integrity"]),
        ],
        footer=(
            "Made of the audit trail's data, and of nothing else: it says what the data shows,"
            " not whether a duty is met. The signed original is the JSON."
            f" Public key {signer['public_key']}."
        ),
    )


def _articles(pack: dict[str, Any]) -> Section:
    rows: list[Row] = [
        [
            f"{row['law']} {row['article']}",
            row["subject"],
            row["shows"],
            row["not_shown"],
        ]
        for row in pack["articles"]
    ]
    return Section(
        "What the data shows, by article",
        ("Article", "Subject", "The data shows", "The data does not show"),
        (12, 18, 42, 28),
        rows,
    )


def _events(records: dict[str, Any]) -> Section:
    names = {
        "by_kind": "kind",
        "by_outcome": "outcome of requests",
        "by_surface": "surface",
        "by_error_code": "error code",
        "tokens": "tokens",
    }
    rows: list[Row] = [
        [title, name, _count(count)]
        for member, title in names.items()
        for name, count in records[member].items()
    ]
    return Section("Events logged", ("By", "Name", "Count"), (30, 50, 20), rows)


def _guards(pack: dict[str, Any]) -> Section:
    rows: list[Row] = [
        [
            f"{guard['name']} ({guard['direction']})",
            guard["version"],
            [_day(guard["first"]), _day(guard["last"])],
            _count(guard["requests"]),
            [f"{item['verdict']} -> {item['action']}: {item['count']:,}"
             for item in guard["verdicts"]],
        ]
        for guard in pack["guards"]
    ]  # fmt: skip
    return Section(
        "Guards in force",
        ("Guard", "Version", "First, last", "Verdicts", "Verdict -> action"),
        (20, 26, 14, 12, 28),
        rows,
    )


def _policies(pack: dict[str, Any]) -> Section:
    rows: list[Row] = [
        [item["policy"], item["digest"], _time(item["first"]), _time(item["last"]),
         _count(item["requests"])]
        for item in pack["policies"]
    ]  # fmt: skip
    return Section(
        "Policies in force",
        ("Policy", "Digest", "First request", "Last request", "Requests"),
        (12, 44, 16, 16, 12),
        rows,
    )


def _destinations(pack: dict[str, Any]) -> Section:
    rows: list[Row] = [
        [item["zone"] or "-", item["upstream"], item["model"] or "-",
         item["weights_digest"] or "-", [_day(item["first"]), _day(item["last"])],
         _count(item["requests"])]
        for item in pack["destinations"]
    ]  # fmt: skip
    return Section(
        "Where data went",
        ("Zone", "Upstream", "Model", "Digest of weights", "First, last", "Requests"),
        (12, 15, 19, 28, 14, 12),
        rows,
        empty="No request was sent to an upstream in this span.",
    )


def _masked(pack: dict[str, Any]) -> Section:
    rows: list[Row] = [
        [item["entity_type"], _count(item["values"]), _count(item["requests"])]
        for item in pack["masked"]
    ]
    return Section(
        "Masked values",
        ("Entity type", "Distinct values, summed over requests", "Requests"),
        (40, 36, 24),
        rows,
        empty="No value was masked in this span.",
    )


def _retention(retention: dict[str, Any]) -> Section:
    bodies = retention["bodies"] or "unknown"
    days = retention["records_days"]
    rows: list[Row] = [
        ["Records are kept", "for ever" if days is None else f"{days} days"],
        ["Oldest record that is there", _time(retention["oldest_record"])],
        ["Bodies kept by the policy in force now", bodies],
        ["Days that bodies are kept", _count(retention["bodies_days"])],
    ]
    rows += [
        [f"Bodies {name}, of all time", _count(count)]
        for name, count in retention["stored_bodies"].items()
    ]
    return Section("Retention, at the time of this report", ("What", "Value"), (60, 40), rows)


def _removals(retention: dict[str, Any]) -> Section:
    rows: list[Row] = [
        [_time(item["time"]), "records removed", f"up to number {item['last_seq']}",
         item["reason"], item["key_id"]]
        for item in retention["prunings"]
    ]  # fmt: skip
    rows += [
        [_time(item["time"]), "person erased",
         [item["owner"], f"{item['bodies']} bodies, {item['conversations']} conversations,"
          f" {item['entries']} values"],
         item["reason"], item["key_id"]]
        for item in retention["erasures"]
    ]  # fmt: skip
    return Section(
        "Removals and erasures, of all time",
        ("Time", "What", "How much", "Reason", "Signed by"),
        (16, 14, 30, 24, 16),
        rows,
        empty="Nothing was ever removed or erased.",
    )


def _holds(retention: dict[str, Any]) -> Section:
    rows: list[Row] = [
        [
            item["id"],
            _time(item["created_at"]),
            "in force" if item["released_at"] is None else f"until {_time(item['released_at'])}",
            _scope(item),
            item["reason"],
        ]
        for item in retention["holds"]
    ]
    return Section(
        "Legal holds, of all time",
        ("Hold", "Made", "State", "Of what", "Reason"),
        (24, 16, 14, 22, 24),
        rows,
        empty="There was never a legal hold.",
    )


def _actions(actions: dict[str, Any]) -> Section:
    listed = actions["listed"][:MOST_ROWS]
    left_out = sum(actions["by_action"].values()) - len(listed)
    rows: list[Row] = [
        [str(item["seq"]), _time(item["time"]), [item["actor"] or "-", item["method"] or "-"],
         item["action"] or "-", item["target"] or "-", item["reason"] or "-"]
        for item in listed
    ]  # fmt: skip
    return Section(
        "Administrative actions",
        ("No.", "Time", "Who, how", "Action", "Target", "Reason"),
        (7, 14, 22, 17, 22, 18),
        rows,
        note=f"{left_out:,} further actions stand in the JSON or the trail." if left_out else None,
    )


def _integrity(integrity: dict[str, Any]) -> Section:
    newest = integrity["newest_checkpoint"] or {}
    rows: list[Row] = [["Verification", chain["summary"]] for chain in integrity["chain"]]
    rows += [
        ["Bodies compared with their records", _count(integrity["bodies"]["named"])],
        ["Findings among bodies", _count(integrity["bodies"]["findings"]["count"])],
        ["Signed checkpoints of this span", _count(integrity["checkpoints_in_span"])],
    ]
    if newest:
        rows += [
            ["Newest checkpoint", f"record {newest['last_seq']}, {_time(newest['time'])}"],
            ["Its hash", newest["last_hash"]],
            ["Its Merkle root", newest.get("root") or "-"],
            ["Its signature", newest["signature"]],
        ]
    rows += [
        ["Key", f"{key['key_id']}, {key['checkpoints']:,} checkpoints: {key['public_key']}"]
        for key in integrity["keys"]
    ]
    rows += [
        ["Key succession", f"{item['public_key']} -> {item['successor']}, {_time(item['time'])}"]
        for item in integrity["successions"]
    ]
    rows += [
        ["Anchor", f"{item['anchor']}: {item['checkpoints']:,} checkpoints, the newest up to"
         f" record {item['newest_seq']}, {_time(item['newest_time'])}"]
        for item in integrity["anchors"]
    ]  # fmt: skip
    return Section("Proof of integrity", ("What", "Value"), (26, 74), rows)


def _scope(hold: dict[str, Any]) -> list[str]:
    found = []
    if hold["since"] or hold["until"]:
        found.append(f"{_day(hold['since'])} to {_day(hold['until'])}")
    found += [hold[name] for name in ("end_user", "actor") if hold[name]]
    if hold["requests"]:
        found.append(f"{hold['requests']} requests")
    return found or ["everything"]


def _numbers(records: dict[str, Any]) -> str:
    return f"{records['first_seq']} to {records['last_seq']}" if records["count"] else "-"


def _verdict(integrity: dict[str, Any]) -> str:
    if not integrity["chain"]:
        return "no records"
    return "verified" if all(chain["ok"] for chain in integrity["chain"]) else "DOES NOT VERIFY"


def _count(number: int | None) -> str:
    return "-" if number is None else f"{number:,}"


def _time(text: str | None) -> str:
    return "-" if text is None else f"{text[:10]} {text[11:16]}"


def _day(text: str | None) -> str:
    return "-" if text is None else text[:10]
