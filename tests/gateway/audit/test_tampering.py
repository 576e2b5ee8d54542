"""1,000 random tamperings of exports and databases, all found; 1,000 clean exports, none accused.

``SOVGATE_TAMPERINGS`` asks for more of them, ``SOVGATE_SEED`` for others.
What fails prints its seed.
"""

import asyncio
import copy
import hashlib
import os
import random
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from core.clock import ManualClock
from core.database import Database
from gateway.audit import AuditChain, Entry, SigningKey
from gateway.audit.chain import link_hash, make_body
from gateway.audit.checkpoint import GENESIS, Checkpoint
from gateway.audit.encoding import decode, encode_canonical
from gateway.audit.formats import Format, open_writer
from gateway.audit.merkle import root_of
from gateway.audit.rotation import rotate_key
from gateway.audit.succession import Succession
from gateway.audit.verify import verify_database, verify_file
from support.tampering import COUNT, OF_DATABASES, OF_EXPORTS, Records

ROUNDS = int(os.environ.get("SOVGATE_TAMPERINGS", "1000"))
SEED = int(os.environ.get("SOVGATE_SEED", "20261128"))
FORMATS: tuple[Format, ...] = ("jsonl", "csv", "parquet")
TENANTS = ("acme", "globex", "_system")


class Deployment:
    """Three tenants' chains of 40 records, and a signing key that was rotated once."""

    def __init__(self, folder: Path, clock: ManualClock) -> None:
        self.keys = [SigningKey.load_or_create(None, folder / name) for name in ("old", "new")]
        self.stranger = SigningKey.load_or_create(None, folder / "stranger")
        old, new = self.keys
        self.succession = Succession.sign(old, new, clock.now())
        self.chains = {tenant: self._chain(tenant, clock) for tenant in TENANTS}
        self._clock = clock

    def _chain(self, tenant: str, clock: ManualClock) -> Records:
        records, previous = [], GENESIS
        for seq in range(1, 41):
            fields = {
                "upstream": (None, "pool", "p\u00f6\u00f6l", 'a "b", c')[seq % 4],
                "cost": "0.25" if seq % 5 else f"0.{seq}",
                "tokens": {"input": seq, "hash": "ab" * 32, "prev_hash": "cd" * 32},
                "note": ("", "line\nbreak", '"hash":"x",', "\u4e2d\u6587")[seq % 4],
            }
            entry = Entry(tenant, f"req_{tenant}_{seq}", ("request", "admin")[seq % 2], fields)
            body = make_body(entry, seq, clock.now() + timedelta(seconds=seq))
            current = link_hash(previous, body)
            records.append({**decode(body), "prev_hash": previous, "hash": current})
            previous = current
        return records

    def export(self, source: random.Random, tenant: str, least: int = 1) -> tuple[Records, str]:
        """A clean one of some range, and the key that a verifier has pinned."""
        count = source.randint(least, source.choice((3, 10, 40)))
        low = source.randint(0, 40 - count)
        records = copy.deepcopy(self.chains[tenant][low : low + count])
        signer, pinned = source.choice(((0, 0), (1, 0), (1, 1)))
        records[-1]["checkpoint"] = Checkpoint.sign(
            self.keys[signer],
            tenant=tenant,
            first_seq=low + 1,
            last_seq=low + count,
            first_prev_hash=records[0]["prev_hash"],
            last_hash=records[-1]["hash"],
            root=root_of([bytes.fromhex(record["hash"]) for record in records]).hex(),
            time=self._clock.now(),
            successions=[self.succession] if signer else [],
        ).to_dict()
        return records, self.keys[pinned].public_key


@pytest.fixture
def deployment(tmp_path: Path, clock: ManualClock) -> Deployment:
    return Deployment(tmp_path, clock)


def write(folder: Path, kind: Format, records: Records) -> Path:
    path = folder / f"export.{kind}"
    with path.open("wb") as out:
        writer = open_writer(kind, out)
        for record in records:
            writer.write(record)
        writer.close()
    return path


def test_clean_exports_give_no_false_alarm(deployment: Deployment, tmp_path: Path) -> None:
    for number in range(ROUNDS):
        seed = SEED + number
        source = random.Random(seed)
        records, pinned = deployment.export(source, source.choice(TENANTS))
        kind = source.choice(FORMATS)
        report = verify_file(write(tmp_path, kind, records), pinned)
        assert (report.ok, report.records) == (True, len(records)), (seed, kind, report)
        stranger = verify_file(tmp_path / f"export.{kind}", deployment.stranger.public_key)
        assert not stranger.ok, (seed, kind)


def test_tampered_exports_are_found(deployment: Deployment, tmp_path: Path) -> None:
    seen: set[str] = set()
    for number in range(ROUNDS * 6 // 10):
        seed = SEED + number
        source = random.Random(seed)
        records, pinned = deployment.export(source, "acme", least=2)
        other, _ = deployment.export(source, source.choice(TENANTS[1:]))
        before = copy.deepcopy(records)
        tamper = OF_EXPORTS[number % len(OF_EXPORTS)]
        verdicts = tamper(source, records, other)
        assert records != before, (seed, tamper.__name__)
        kind = FORMATS[number % 3]
        report = verify_file(write(tmp_path, kind, records), pinned)
        found = {str(finding.damage) for finding in report.findings}
        assert not report.ok, (seed, tamper.__name__, kind)
        assert found & verdicts, (seed, tamper.__name__, kind, report)
        seen |= found
    assert seen == {"edited", "deleted", "inserted", "reordered", "truncated", "forged"}


@pytest.mark.parametrize("kind", ["jsonl", "csv"])
def test_a_changed_byte_anywhere_is_found(
    deployment: Deployment, tmp_path: Path, kind: Format
) -> None:
    for number in range(ROUNDS // 10):
        seed = SEED + number
        source = random.Random(seed)
        records, pinned = deployment.export(source, "acme", least=2)
        path = write(tmp_path, kind, records)
        clean = path.read_bytes()
        at = source.randrange(len(clean))
        flipped = bytes([clean[at] ^ (1 << source.randrange(8))])
        ways = (
            clean[:at] + flipped + clean[at + 1 :],
            clean[:at] + clean[at + 1 :],
            clean[:at] + bytes([source.randrange(256)]) + clean[at:],
            clean[:at],
            clean + source.choice((b"\n", b" ", b"{}\n", b"x")),
        )
        path.write_bytes(source.choice(ways))
        assert not verify_file(path, pinned).ok, (seed, kind)


def test_hashes_at_another_place_of_the_same_json_are_found(
    deployment: Deployment, tmp_path: Path
) -> None:
    """What the quick way cuts out must stand where canonical JSON has it."""
    records, pinned = deployment.export(random.Random(SEED), "acme", least=8)
    lines = [encode_canonical(record) for record in records]
    for name in ("hash", "prev_hash"):
        for at in range(1, 6):
            moved = {k: v for k, v in records[0].items() if k != name}
            items = sorted(moved.items())
            items.insert(at, (name, records[0][name]))
            line = b"{" + b",".join(encode_canonical({k: v})[1:-1] for k, v in items) + b"}"
            expected = line == lines[0]
            path = tmp_path / "export.jsonl"
            path.write_bytes(b"\n".join([line, *lines[1:], b""]))
            assert verify_file(path, pinned).ok == expected, line


@pytest.fixture
async def filled(
    audit_database: Database, clock: ManualClock, tmp_path: Path
) -> tuple[Database, str]:
    """24 records of acme and 8 of globex under three checkpoints each, and a rotation."""
    key = SigningKey.load_or_create(None, tmp_path)
    for part in range(3):
        chain = AuditChain(clock, SigningKey.load_or_create(None, tmp_path))
        entries = [
            *(_entry("acme", number) for number in range(part * 8, part * 8 + 8)),
            *(_entry("globex", number) for number in ((0, 1, 2), (3, 4), (5, 6, 7))[part]),
        ]
        async with audit_database.transaction() as session:
            await chain.append(session, entries)
            for tenant in ("acme", "globex"):
                await chain.checkpoint(session, tenant)
        clock.advance(timedelta(minutes=1))
        if part == 1:
            await rotate_key(audit_database, clock, None, tmp_path)
    return audit_database, key.public_key


def _entry(tenant: str, number: int) -> Entry:
    fields = {"upstream": "pool", "cost": "0.25", "tokens": {"input": number}}
    name = hashlib.sha256(f"{tenant} {number}".encode()).hexdigest()[:20]
    return Entry(tenant, f"req_{name}", "request", fields)


async def test_a_tampered_database_is_found(filled: tuple[Database, str]) -> None:
    database, pinned = filled
    async with database.session() as session:
        clean = await verify_database(session, None, [pinned])
    assert [(report.tenant, report.ok) for report in clean] == [
        ("_system", True),
        ("acme", True),
        ("globex", True),
    ]
    assert clean[1].records == COUNT
    seen: set[str] = set()
    for number in range(ROUNDS // 5):  # of each kind of database
        seed = SEED + number
        tamper = OF_DATABASES[number % len(OF_DATABASES)]
        found, verdicts = await _tampered(database, pinned, tamper, seed)
        assert found & verdicts, (seed, tamper.__name__, found, verdicts)
        seen |= found
        await asyncio.sleep(0)
    assert seen == {"edited", "deleted", "inserted", "truncated", "forged"}


async def _tampered(
    database: Database, pinned: str, tamper: Any, seed: int
) -> tuple[set[str], frozenset[str]]:
    """What is found in a transaction that is rolled back."""
    async with database.transaction() as session:
        verdicts = await tamper(random.Random(seed), session)
        await session.flush()
        session.expire_all()
        reports = await verify_database(session, None, [pinned])
        await session.rollback()
    findings = [finding for report in reports for finding in report.findings]
    return {str(finding.damage) for finding in findings}, verdicts
