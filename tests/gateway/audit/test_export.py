import csv
import io
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow.parquet
import pytest
from sqlalchemy import update

from core.clock import ManualClock
from core.database import Database
from gateway.audit import AuditChain, Entry, SigningKey
from gateway.audit.chain import link_hash
from gateway.audit.checkpoint import Checkpoint
from gateway.audit.encoding import decode, encode_canonical
from gateway.audit.export import ExportResult, export
from gateway.audit.formats import COLUMNS, Format
from gateway.audit.models import AuditRecord
from gateway.audit.verify import verify_file

FORMATS: list[Format] = ["jsonl", "csv", "parquet"]


@pytest.fixture
async def filled(audit_database: Database, chain: AuditChain, clock: ManualClock) -> Database:
    """40 records of acme, four a minute, and some of another tenant between them."""
    for number in range(0, 40, 4):
        fields = {"upstream": "pööl" if number % 3 else None, "note": 'a "quoted", text\n\x00'}
        entries = [Entry("acme", f"req_{number + n}", "request", fields) for n in range(4)]
        async with audit_database.transaction() as session:
            await chain.append(
                session, [*entries, Entry("globex", f"req_{number}", "request", fields)]
            )
        clock.advance(timedelta(minutes=1))
    return audit_database


async def export_to(
    database: Database,
    key: SigningKey,
    path: Path,
    kind: Format = "jsonl",
    *,
    tenant: str = "acme",
    start: datetime | None = None,
    end: datetime | None = None,
) -> ExportResult:
    async with database.session() as session:
        with path.open("wb") as out:
            return await export(session, tenant, start, end, kind, out, key=key)


def read_records(path: Path, kind: Format) -> list[dict[str, Any]]:
    if kind == "jsonl":
        return [json.loads(line) for line in path.read_text().splitlines()]
    if kind == "csv":
        return [json.loads(row["record"]) for row in csv.DictReader(io.StringIO(path.read_text()))]
    table = pyarrow.parquet.read_table(path)
    assert tuple(table.column_names) == COLUMNS
    return [json.loads(text) for text in table["record"].to_pylist()]


@pytest.mark.parametrize("kind", FORMATS)
async def test_every_row_is_a_record_and_the_last_carries_the_signed_end(
    filled: Database, key: SigningKey, tmp_path: Path, kind: Format
) -> None:
    path = tmp_path / f"export.{kind}"
    result = await export_to(filled, key, path, kind)
    assert (result.records, result.first_seq, result.last_seq) == (40, 1, 40)
    rows = read_records(path, kind)
    assert [row["request_id"] for row in rows] == [f"req_{number}" for number in range(40)]
    for row in rows:
        assert row["tenant"] == "acme"
        assert {"upstream", "seq", "prev_hash", "hash"} <= row.keys()
        body = {k: v for k, v in row.items() if k not in ("prev_hash", "hash", "checkpoint")}
        assert link_hash(row["prev_hash"], encode_canonical(body)) == row["hash"]
    assert ["checkpoint" in row for row in rows] == [False] * 39 + [True]
    signed = Checkpoint.from_dict(rows[-1]["checkpoint"])
    assert signed == result.checkpoint
    assert signed.holds()
    report = verify_file(path)
    assert report.ok, report
    assert report.key_source == "embedded"
    assert verify_file(path, key.public_key).key_source == "pinned"


@pytest.mark.parametrize("kind", FORMATS)
async def test_a_range_of_time_is_an_unbroken_run(
    filled: Database, key: SigningKey, tmp_path: Path, kind: Format
) -> None:
    path = tmp_path / f"export.{kind}"
    noon = datetime(2026, 11, 21, 12, tzinfo=UTC)
    result = await export_to(
        filled,
        key,
        path,
        kind,
        start=noon + timedelta(minutes=2),
        end=noon + timedelta(minutes=5),
    )
    assert (result.records, result.first_seq, result.last_seq) == (12, 9, 20)
    report = verify_file(path)
    assert (report.ok, report.first_seq, report.last_seq) == (True, 9, 20)


@pytest.mark.parametrize("kind", FORMATS)
async def test_a_range_without_records_is_exported_but_proves_nothing(
    filled: Database, key: SigningKey, tmp_path: Path, kind: Format
) -> None:
    path = tmp_path / f"export.{kind}"
    result = await export_to(filled, key, path, kind, tenant="nobody")
    assert (result.records, result.checkpoint) == (0, None)
    report = verify_file(path)
    assert not report.ok
    assert "no record" in report.summary()


async def test_more_records_than_a_page(
    audit_database: Database, chain: AuditChain, key: SigningKey, tmp_path: Path
) -> None:
    entries = [Entry("acme", f"req_{n}", "request", {"upstream": None}) for n in range(2001)]
    async with audit_database.transaction() as session:
        await chain.append(session, entries)
    for kind in FORMATS:
        await export_to(audit_database, key, tmp_path / "export", kind)
        report = verify_file(tmp_path / "export")
        assert (report.ok, report.records) == (True, 2001)


async def test_a_tampered_database_is_exported_unsigned(
    filled: Database, key: SigningKey, tmp_path: Path
) -> None:
    async with filled.transaction() as session:
        body = (await session.get_one(AuditRecord, ("acme", 7))).body
        await session.execute(
            update(AuditRecord)
            .where(AuditRecord.tenant == "acme", AuditRecord.seq == 7)
            .values(body=body.replace("req_6", "req_X"))
        )
    result = await export_to(filled, key, tmp_path / "export.jsonl")
    assert result.checkpoint is None
    assert (result.findings[0].damage, result.findings[0].seq) == ("edited", 7)
    report = verify_file(tmp_path / "export.jsonl")
    assert (report.findings[0].damage, report.findings[0].seq) == ("edited", 7)


async def test_a_chain_hashed_anew_behind_a_checkpoint_is_not_signed_again(
    filled: Database, chain: AuditChain, key: SigningKey, tmp_path: Path
) -> None:
    async with filled.transaction() as session:
        await chain.checkpoint(session, "acme")
    await rehash(filled, 30)
    result = await export_to(filled, key, tmp_path / "export.jsonl")
    assert result.checkpoint is None
    assert result.findings[0].damage == "forged"


async def rehash(database: Database, seq: int) -> None:
    """What an administrator of the database can do: edit a record and hash all anew."""
    async with database.transaction() as session:
        previous = (await session.get_one(AuditRecord, ("acme", seq - 1))).hash
        for number in range(seq, 41):
            row = await session.get_one(AuditRecord, ("acme", number))
            body = decode(row.body)
            if number == seq:
                body["upstream"] = "elsewhere"
            text = encode_canonical(body)
            row.body, row.prev_hash = text.decode(), previous
            row.hash = previous = link_hash(previous, text)
