"""Verifies a filtered export: each record leads to the root of the signed checkpoint.

It says nothing of records that are not there: a filter leaves out, and so can anybody.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from gateway.audit.checkpoint import Checkpoint
from gateway.audit.diagnosis import ChainWalker, Damage, Findings, Row
from gateway.audit.errors import InvalidRecord
from gateway.audit.merkle import root_from_path
from gateway.audit.succession import Succession

HEAD = ("checkpoint", "successions", "selection")  # members of the first record

IsSigned = Callable[[Checkpoint, Sequence[Succession], Row], bool]


@dataclass(slots=True)
class Selected:
    """What was seen of a filtered export."""

    count: int = 0
    first_seq: int | None = None
    last_seq: int = 0
    signed: Checkpoint | None = None


def is_selection(first: Row | None) -> bool:
    """Whether an export that begins so is a filtered one."""
    return first is not None and first.members is not None and "selection" in first.members


def check_selection(rows: Iterable[Row], findings: Findings, is_signed: IsSigned) -> Selected:
    """Judge each row; ``is_signed`` reports what it finds by itself."""
    found, trusted = Selected(), False
    for row in rows:
        found.count += 1
        if found.count == 1:
            found.signed, successions = _read_head(row, findings)
            trusted = found.signed is not None and is_signed(found.signed, successions, row)
        record, path = _split(row, first=found.count == 1)
        if path is None or not ChainWalker(Findings()).feed(record):
            message = "its content does not match its hash, or it is no readable record"
            findings.add(Damage.EDITED, message, None, row)
        elif found.signed is not None and trusted:
            _place(record, path, found, found.signed, findings)
    return found


def _place(
    record: Row, path: list[bytes], found: Selected, signed: Checkpoint, findings: Findings
) -> None:
    assert record.members is not None
    seq = record.members["seq"]
    root = root_from_path(
        bytes.fromhex(record.members["hash"]), seq - signed.first_seq, signed.count, path
    )
    if record.members["tenant"] != signed.tenant:
        findings.add(Damage.INSERTED, "it belongs to another tenant's chain", seq, record)
    elif root is None or root.hex() != signed.root:
        message = "its path does not lead to the signed root: the chain has no such record"
        findings.add(Damage.FORGED, message, seq, record)
    elif seq == found.last_seq:
        findings.add(Damage.INSERTED, "its number occurs twice", seq, record)
    elif seq < found.last_seq:
        findings.add(Damage.REORDERED, "it stands behind later records", seq, record)
    else:
        found.last_seq = seq
        found.first_seq = seq if found.first_seq is None else found.first_seq


def _read_head(row: Row, findings: Findings) -> tuple[Checkpoint | None, list[Succession]]:
    assert row.members is not None
    successions = row.members.get("successions")
    try:
        if not isinstance(successions, list):
            raise InvalidRecord("The first record of a filtered export lists successions.")
        return (
            Checkpoint.from_dict(row.members.get("checkpoint")),
            [Succession.from_dict(each) for each in successions],
        )
    except InvalidRecord as error:
        findings.add(Damage.FORGED, error.message, None, row)
        return None, []


def _split(row: Row, *, first: bool) -> tuple[Row, list[bytes] | None]:
    """The record without what the export added, and its path; None for one that is none."""
    members = dict(row.members or {})
    path = members.pop("path", None)
    for name in HEAD if first else ():
        members.pop(name, None)
    record = Row(row.line, members, row.exact)
    try:
        nodes = [bytes.fromhex(node) for node in path]  # type: ignore[union-attr]
    except (TypeError, ValueError):
        return record, None
    if [node.hex() for node in nodes] != path or any(len(node) != 32 for node in nodes):
        return record, None
    return record, nodes
