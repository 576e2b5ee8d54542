"""What the data shows for articles of the AI Act and the GDPR: sentences made of figures.

No sentence says that a duty is met: that is for people to judge. What the data cannot show is
said as such, row by row.

AI Act: Regulation (EU) 2024/1689. GDPR: Regulation (EU) 2016/679.
"""

from collections.abc import Callable
from typing import Any

AI_ACT, GDPR = "AI Act", "GDPR"
SIX_MONTHS_DAYS = 183  # "at least six months", AI Act, Articles 19(1) and 26(6)
Pack = dict[str, Any]
Row = dict[str, Any]


def articles(pack: Pack) -> list[Row]:
    """A row per article; ``pack`` is all but its articles and signature."""
    return [make(pack) for make in _ROWS]


def _row(law: str, article: str, subject: str, shows: list[str], not_shown: list[str]) -> Row:
    return {
        "law": law,
        "article": article,
        "subject": subject,
        "shows": [sentence for sentence in shows if sentence],
        "not_shown": not_shown,
    }


def _record_keeping(pack: Pack) -> Row:
    records = pack["records"]
    kinds = records["by_kind"]
    return _row(
        AI_ACT,
        "Art. 12",
        "Record-keeping: events are logged automatically",
        [
            f"{_n(records['count'], 'record')} joined the chain in this span:"
            f" {_list(kinds) or 'none'}." if records["count"]
            else "No record joined the chain in this span.",
            f"Their numbers run from {records['first_seq']} to {records['last_seq']}."
            if records["count"] else "",
            _gone_sentence(pack),
            f"Requests ended as: {_list(records['by_outcome'])}."
            if records["by_outcome"] else "",
            f"{_n(len(pack['guards']), 'guard')} by version and direction left verdicts."
            if pack["guards"] else "No guard left a verdict.",
            _chain_sentence(pack),
        ],
        [
            "Whether the application behind the requests is a high-risk AI system.",
            "Events outside the gateway: what an application did with an answer, or who read it.",
        ],
    )  # fmt: skip


def _log_retention(article: str, subject: str) -> Callable[[Pack], Row]:
    def row(pack: Pack) -> Row:
        retention = pack["retention"]
        return _row(
            AI_ACT,
            article,
            subject,
            [_kept_sentence(retention), _oldest_sentence(retention), _pruned_sentence(retention)],
            [
                "Logs of a time before this trail began, or kept in other systems.",
                "Whether other law asks for a longer or a shorter time.",
            ],
        )

    return row


def _minimisation(pack: Pack) -> Row:
    masked = pack["masked"]
    values = sum(item["values"] for item in masked)
    types = {item["entity_type"]: item["values"] for item in masked}
    return _row(
        GDPR,
        "Art. 5(1)(c)",
        "Data minimisation",
        [
            f"Values masked before a model saw them, distinct ones counted per request:"
            f" {_list(types)}." if values else "No value was masked in this span.",
            _bodies_sentence(pack),
        ],
        [
            "Personal data that no detector found; docs/privacy.md has the measured rates.",
            "Pictures, audio and files, which no guard reads.",
        ],
    )  # fmt: skip


def _storage_limitation(pack: Pack) -> Row:
    retention = pack["retention"]
    stored = retention["stored_bodies"]
    in_force = [hold for hold in retention["holds"] if hold["released_at"] is None]
    return _row(
        GDPR,
        "Art. 5(1)(e)",
        "Storage limitation",
        [
            _kept_sentence(retention),
            _pruned_sentence(retention),
            f"Stored bodies, of all time: {_list(stored)}{_bodies_days(retention)}."
            if any(stored.values()) else "No body of a request is stored.",
            f"{_n(len(in_force), 'legal hold')} in force." if in_force
            else "No legal hold is in force.",
        ],
        ["Backups and exports: their owner decides how long they are kept."],
    )  # fmt: skip


def _accountability(pack: Pack) -> Row:
    actions = pack["admin_actions"]
    total = sum(actions["by_action"].values())
    reasons = sum(1 for item in actions["listed"] if item["reason"])
    return _row(
        GDPR,
        "Art. 5(2)",
        "Accountability",
        [
            f"{_n(total, 'administrative action')} left a record, with actor and digests of"
            f" before and after; {reasons} of the {len(actions['listed'])} listed give a reason."
            if total else "No administrative action was recorded in this span.",
            _chain_sentence(pack),
        ],
        ["Actions outside Sovgate: on the machine, the database or the configuration file."],
    )  # fmt: skip


def _by_design(pack: Pack) -> Row:
    records = pack["records"]
    requests = records["by_kind"].get("request", 0)
    return _row(
        GDPR,
        "Art. 25",
        "Data protection by design and by default",
        [
            f"{_n(len(pack['policies']), 'policy was', 'policies were')} in force, by digest;"
            f" {requests - records['without_policy']} of {_n(requests, 'request')} name one."
            if requests else "No request was recorded in this span.",
            _actions_sentence(pack),
            f"End users appear by pseudonym: {_n(records['end_users'], 'pseudonym')} in this span."
            if records["end_users"] else "",
        ],
        [
            "What the policies say: the records hold their digests; keep the files under version"
            " control to compare.",
        ],
    )  # fmt: skip


def _processing_records(pack: Pack) -> Row:
    zones: dict[str, int] = {}
    for item in pack["destinations"]:
        zone = item["zone"] or "unknown"
        zones[zone] = zones.get(zone, 0) + item["requests"]
    upstreams = sorted({item["upstream"] for item in pack["destinations"]})
    return _row(
        GDPR,
        "Art. 30",
        "Records of processing: recipients, transfers, time limits",
        [
            f"Requests went to {_n(len(upstreams), 'upstream')} ({', '.join(upstreams)}), by"
            f" zone: {_list(zones)}." if upstreams else "No request was sent to an upstream.",
            _kept_sentence(pack["retention"]),
        ],
        [
            "Purposes, categories of data subjects, contacts of the controller.",
            "Which country a zone's name stands for: the configuration names zones.",
            "What an upstream does with what it was sent.",
        ],
    )  # fmt: skip


def _security(pack: Pack) -> Row:
    integrity, retention = pack["integrity"], pack["retention"]
    bodies = integrity["bodies"]
    erasures = len(retention["erasures"])
    return _row(
        GDPR,
        "Art. 32",
        "Security of processing: pseudonymisation, encryption, integrity",
        [
            _chain_sentence(pack),
            f"Records name {_n(bodies['named'], 'sealed body', 'sealed bodies')};"
            f" {_n(bodies['findings']['count'], 'finding')} when compared with what is stored."
            if bodies["named"] else "",
            f"{_n(integrity['checkpoints_in_span'], 'signed checkpoint')} of this span, by"
            f" {_n(len(integrity['keys']), 'key')} of all time.",
            f"Checkpoints are anchored outside by: {_anchors(integrity)}." if integrity["anchors"]
            else "No checkpoint is anchored outside the deployment: its owner could sign anew.",
            f"{_n(erasures, 'erasure')} of persons left signed statements." if erasures else "",
        ],
        [
            "Security of the machines, the network, the keys and the administrators' accounts.",
            "Whether every event was logged: the chain shows that none was changed or removed"
            " since it was signed.",
        ],
    )  # fmt: skip


def _chain_sentence(pack: Pack) -> str:
    reports = pack["integrity"]["chain"]
    report = reports[0] if reports else {"ok": True, "records": 0}
    if not report["ok"]:
        return f"The chain does NOT verify: {_n(report['findings'], 'finding')}."
    if not report["records"]:
        return "There is no chain to verify."
    run = f"records {report['first_seq']} to {report['last_seq']}"
    signed = (
        f"signed by key {report['key_id']}" if report["key_id"] else "not signed by any checkpoint"
    )
    return f"The chain, all that is there of it ({run}), verified for this report; {signed}."


def _gone_sentence(pack: Pack) -> str:
    """Whether the span reaches back behind the oldest record that is left."""
    retention = pack["retention"]
    oldest = retention["oldest_record"]
    if not retention["prunings"] or (oldest is not None and oldest <= pack["from"]):
        return ""
    return "The span begins before the oldest record that is left: earlier ones were removed."


def _kept_sentence(retention: Pack) -> str:
    days = retention["records_days"]
    if days is None:
        return "Records are kept for ever: no retention is configured."
    compared = "less" if days < SIX_MONTHS_DAYS else "not less"
    return f"Records are configured to be kept {days} days, {compared} than six months."


def _oldest_sentence(retention: Pack) -> str:
    if retention["oldest_record"] is None:
        return "No record is there."
    return (
        f"The oldest record that is there is of {retention['oldest_record'][:10]},"
        f" {_n(retention['oldest_record_days'], 'day')} before this report."
    )


def _bodies_days(retention: Pack) -> str:
    days = retention["bodies_days"]
    return "" if days is None else f"; kept {_n(days, 'day')} by the policy in force now"


def _pruned_sentence(retention: Pack) -> str:
    prunings = retention["prunings"]
    if not prunings:
        return "No record was ever removed."
    newest = prunings[0]
    return (
        f"Records up to number {newest['last_seq']} were removed, last on {newest['time'][:10]};"
        f" {_n(len(prunings), 'signed statement says', 'signed statements say')} so."
    )


def _bodies_sentence(pack: Pack) -> str:
    stored = pack["bodies"].get("stored", 0)
    if not stored:
        return "Records hold no prompt and no answer, and none was stored beside them."
    return (
        f"Records hold no prompt and no answer; {_n(stored, 'masked body', 'masked bodies')}"
        " were stored beside them, sealed."
    )


def _actions_sentence(pack: Pack) -> str:
    actions: dict[str, int] = {}
    for guard in pack["guards"]:
        for item in guard["verdicts"]:
            if item["action"] not in ("allow", "None"):
                actions[item["action"]] = actions.get(item["action"], 0) + item["count"]
    return f"Guards acted by policy: {_list(actions)}." if actions else ""


def _anchors(integrity: Pack) -> str:
    return ", ".join(
        f"{item['anchor']} ({item['checkpoints']}, the newest up to record {item['newest_seq']})"
        for item in integrity["anchors"]
    )


def _n(number: int, one: str, many: str | None = None) -> str:
    """
    >>> _n(1, "record"), _n(2000, "record")
    ('1 record', '2,000 records')
    """
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def _list(counts: dict[str, int]) -> str:
    return ", ".join(f"{name} {count:,}" for name, count in sorted(counts.items()) if count)


_ROWS: tuple[Callable[[Pack], Row], ...] = (
    _record_keeping,
    _log_retention("Art. 19", "Logs of high-risk systems kept by their providers"),
    _log_retention("Art. 26(6)", "Logs of high-risk systems kept by their deployers"),
    _minimisation,
    _storage_limitation,
    _accountability,
    _by_design,
    _processing_records,
    _security,
)
