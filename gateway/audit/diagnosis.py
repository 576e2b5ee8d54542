"""Walks a run of chained records and says which is wrong, and how.

Works on rows from an export or from the database alike, in one pass and in
memory that grows with what is wrong, not with what is right. It knows nothing
of files, tables or keys.
"""

from bisect import bisect_right
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, NamedTuple

from gateway.audit.chain import link_hash
from gateway.audit.encoding import encode_canonical
from gateway.audit.errors import InvalidRecord
from gateway.audit.merkle import Frontier

MAX_FINDINGS = 100  # kept; all are counted
MAX_PENDING = 1000  # unsound rows in a row that wait for a sound one to be judged by
CHAIN_MEMBERS = ("prev_hash", "hash", "checkpoint")


class Damage(StrEnum):
    """How a run of records was tampered with."""

    EDITED = "edited"
    DELETED = "deleted"
    INSERTED = "inserted"
    REORDERED = "reordered"
    TRUNCATED = "truncated"
    FORGED = "forged"  # hashed or signed anew, without the key or against an anchor
    UNPROVEN = "unproven"  # nothing is known to be wrong, but what was asked for is not shown


@dataclass(frozen=True, slots=True)
class Finding:
    """One wrong record; ``line`` counts records of a file from 1."""

    damage: Damage
    message: str
    seq: int | None = None
    request_id: str | None = None
    line: int | None = None


class Row(NamedTuple):
    """A record as read.

    Attributes:
        line: counted from 1; 0 in a database.
        members: None where no JSON object could be read.
        exact: False where the bytes are not the one canonical encoding.
        sound: the reader has checked the hash itself, and gives only the members that
            name the record and its neighbours.
    """

    line: int
    members: dict[str, Any] | None
    exact: bool = True
    sound: bool = False


@dataclass(slots=True)
class Findings:
    """A capped list."""

    items: list[Finding] = field(default_factory=list)
    total: int = 0

    def add(
        self, damage: Damage, message: str, seq: int | None = None, row: Row | None = None
    ) -> None:
        """Note that ``row`` is wrong (or, without a row, that ``seq`` is)."""
        self.total += 1
        if len(self.items) < MAX_FINDINGS:
            name = row.members.get("request_id") if row and row.members else None
            self.items.append(
                Finding(
                    damage,
                    message,
                    seq,
                    name if isinstance(name, str) else None,
                    (row.line or None) if row else None,
                )
            )


class ChainWalker:
    """Feed it rows in the order in which they stand.

    Attributes (valid as rows go by):
        first_seq, last_seq, first_prev_hash, last_hash: of the run so far.
        count: rows fed. tenant: of the first sound row.
        frontier: of the Merkle tree over the run, if nothing is wrong with it.
    """

    def __init__(self, findings: Findings) -> None:
        self.findings = findings
        self.tenant: str | None = None
        self.count = 0
        self.first_seq: int | None = None
        self.last_seq = 0
        self.first_prev_hash = ""
        self.last_hash: str | None = None  # None behind a record that cannot be trusted
        self.frontier = Frontier()
        self._gaps: list[tuple[int, int]] = []
        self._pending: list[Row] = []
        self._last_row: Row | None = None

    def begin(self, last_seq: int, last_hash: str, frontier: Frontier) -> None:
        """Go on from records that retention has removed."""
        self.first_seq, self.first_prev_hash = last_seq + 1, last_hash
        self.last_seq, self.last_hash, self.frontier = last_seq, last_hash, frontier

    def feed(self, row: Row) -> bool:
        """Judge one row; False if it is not sound in itself."""
        self.count += 1
        if not row.sound and not self._is_sound(row):
            self._pending.append(row)
            if len(self._pending) > MAX_PENDING:
                self._settle(None)
            return False
        assert row.members is not None
        tenant, seq = row.members["tenant"], row.members["seq"]
        if self.tenant is None:
            self.tenant = tenant
        if tenant != self.tenant:
            self.findings.add(Damage.INSERTED, "it belongs to another tenant's chain", seq, row)
            return True
        if self._pending:
            self._settle(seq)
        if self.first_seq is None:
            self._advance(seq, row.members["prev_hash"], row.members["hash"], row)
        else:
            self._place(row, seq)
        return True

    def finish(self, end: int | None = None) -> None:
        """Report the gaps that no later row has filled; ``end`` is the signed last number."""
        self._settle(None if end is None or self.last_seq < end else self.last_seq + 1)
        for low, high in self._gaps:
            which = f"record {low} is" if low == high else f"records {low} to {high} are"
            self.findings.add(Damage.DELETED, f"{which} missing", low)
        self._gaps = []

    def _settle(self, following: int | None) -> None:
        """Judge unsound rows by the room that the next sound number leaves for them."""
        rows, self._pending = self._pending, []
        if self.first_seq is None and rows:
            # The start itself is unsound: count back from the first number to be trusted.
            start = following - len(rows) if following is not None else _as_int(rows[0], "seq")
            self.last_seq = (start or 1) - 1
        for row in rows:
            if following is not None and self.last_seq + 1 == following:
                self.findings.add(Damage.INSERTED, "no such record is in the chain", None, row)
                continue
            seq = self.last_seq + 1
            message = "its content does not match its hash"
            if row.members is None:
                message = "it is no readable record any more"
            self.findings.add(Damage.EDITED, message, seq, row)
            self._advance(seq, "", None, row)

    def _place(self, row: Row, seq: int) -> None:
        assert row.members is not None
        if seq > self.last_seq:
            if seq > self.last_seq + 1:
                self._gaps.append((self.last_seq + 1, seq - 1))
            elif self.last_hash is not None and row.members["prev_hash"] != self.last_hash:
                self.findings.add(
                    Damage.EDITED,
                    f"it was changed and hashed anew: record {seq} names another predecessor",
                    self.last_seq,
                    self._last_row,
                )
            self._advance(seq, row.members["prev_hash"], row.members["hash"], row)
        elif self._fill(seq) or (self.first_seq is not None and seq < self.first_seq):
            self.findings.add(Damage.REORDERED, "it stands behind later records", seq, row)
        else:
            self.findings.add(Damage.INSERTED, "its number occurs twice", seq, row)
            if seq == self.last_seq:
                self.last_hash = None  # which of the two is genuine is not known

    def _advance(self, seq: int, prev_hash: str, current: str | None, row: Row) -> None:
        if self.first_seq is None:
            self.first_seq, self.first_prev_hash = seq, prev_hash
        self.last_seq, self.last_hash, self._last_row = seq, current, row
        if current is not None:
            self.frontier.append(bytes.fromhex(current))

    def _fill(self, seq: int) -> bool:
        index = bisect_right(self._gaps, (seq, seq)) - 1
        for position in (index, index + 1):
            if 0 <= position < len(self._gaps):
                low, high = self._gaps[position]
                if low <= seq <= high:
                    parts = [(low, seq - 1), (seq + 1, high)]
                    self._gaps[position : position + 1] = [(a, b) for a, b in parts if a <= b]
                    return True
        return False

    def _is_sound(self, row: Row) -> bool:
        members = row.members
        if members is None or not row.exact:
            return False
        texts = (members.get(name) for name in ("tenant", "request_id", "prev_hash", "hash"))
        if type(members.get("seq")) is not int or not all(type(text) is str for text in texts):
            return False
        try:
            body = {name: value for name, value in members.items() if name not in CHAIN_MEMBERS}
            spelled = bytes.fromhex(members["prev_hash"]).hex() == members["prev_hash"]
            current = link_hash(members["prev_hash"], encode_canonical(body))
            return spelled and current == members["hash"]
        except (ValueError, InvalidRecord):
            return False  # prev_hash is no hex, or the body cannot be encoded


def _as_int(row: Row, name: str) -> int | None:
    value = row.members.get(name) if row.members else None
    return value if type(value) is int else None
