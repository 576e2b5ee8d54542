"""Tampering of every kind, found in files and in the database, and named."""

import io
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from core.database import Database
from gateway.audit import AuditChain, Entry, SigningKey
from gateway.audit.chain import link_hash, make_body
from gateway.audit.checkpoint import GENESIS, Checkpoint
from gateway.audit.encoding import decode, encode_canonical
from gateway.audit.formats import open_writer
from gateway.audit.merkle import root_of
from gateway.audit.models import AuditCheckpoint, AuditHead, AuditRecord
from gateway.audit.verify import VerifyReport, verify_database, verify_file

COUNT = 20
NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


def make_records(
    key: SigningKey, *, first: int = 1, count: int = COUNT, tenant: str = "acme", mark: str = ""
) -> list[dict[str, Any]]:
    """An export's records, as the exporter makes them."""
    previous, records = GENESIS if first == 1 else "ab" * 32, []
    start = previous
    for seq in range(first, first + count):
        fields = {"upstream": "pööl", "cost": "0.25", "tokens": {"input": seq}, "mark": mark}
        body = make_body(Entry(tenant, f"req_{seq}", "request", fields), seq, NOON)
        current = link_hash(previous, body)
        records.append({**decode(body), "prev_hash": previous, "hash": current})
        previous = current
    signed = Checkpoint.sign(
        key,
        tenant=tenant,
        first_seq=first,
        last_seq=first + count - 1,
        first_prev_hash=start,
        last_hash=previous,
        root=root_of([bytes.fromhex(record["hash"]) for record in records]).hex(),
        time=NOON,
    )
    records[-1]["checkpoint"] = signed.to_dict()
    return records


def rehashed(records: list[dict[str, Any]], index: int, *, to_end: bool) -> list[dict[str, Any]]:
    """Record ``index`` edited, and its hash (or all from there on) made anew."""
    changed = [dict(record) for record in records]
    changed[index]["cost"] = "0.01"
    for position in range(index, len(changed) if to_end else index + 1):
        record = changed[position]
        if position > index:
            record["prev_hash"] = changed[position - 1]["hash"]
        body = {k: v for k, v in record.items() if k not in ("prev_hash", "hash", "checkpoint")}
        record["hash"] = link_hash(record["prev_hash"], encode_canonical(body))
    return changed


def verify_records(
    records: list[dict[str, Any]], path: Path, public_key: str | None = None
) -> VerifyReport:
    """The verdict, the same in all three formats."""
    reports = []
    for kind in ("jsonl", "csv", "parquet"):
        file = path.with_suffix(f".{kind}")
        with file.open("wb") as out:
            writer = open_writer(kind, out)
            for record in records:
                writer.write(record)
            writer.close()
        reports.append(verify_file(file, public_key))
    assert reports[0] == reports[1] == reports[2]
    return reports[0]


def finding(report: VerifyReport) -> tuple[str, int | None, str | None]:
    assert not report.ok
    assert report.summary().startswith("FAILED")
    first = report.findings[0]
    return str(first.damage), first.seq, first.request_id


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "export"


@pytest.fixture
def records(key: SigningKey) -> list[dict[str, Any]]:
    return make_records(key)


def test_clean_exports_pass(key: SigningKey, path: Path) -> None:
    for first, count in ((1, 1), (1, 20), (7, 1), (7, 13)):
        report = verify_records(make_records(key, first=first, count=count), path, key.public_key)
        assert (report.ok, report.records, report.first_seq) == (True, count, first)
        assert (report.last_seq, report.key_source) == (first + count - 1, "pinned")


def test_1000_clean_exports_give_no_false_alarm(key: SigningKey, path: Path) -> None:
    source = random.Random(3)
    for _ in range(1000):
        records = make_records(key, first=source.randint(1, 50), count=source.randint(1, 4))
        path.write_bytes(b"".join(encode_canonical(record) + b"\n" for record in records))
        report = verify_file(path, key.public_key)
        assert report.ok, report


@pytest.mark.parametrize("index", [0, 1, 10, 18, 19])
def test_edited(records: list[dict[str, Any]], path: Path, index: int) -> None:
    records[index] = {**records[index], "cost": "0.01"}
    assert finding(verify_records(records, path)) == ("edited", index + 1, f"req_{index + 1}")


@pytest.mark.parametrize("name", ["seq", "prev_hash", "hash", "request_id", "tenant", "time"])
@pytest.mark.parametrize("index", [0, 10, 19])
def test_edited_chain_fields(
    records: list[dict[str, Any]], path: Path, index: int, name: str
) -> None:
    old = records[index][name]
    records[index] = {**records[index], name: old + 5 if isinstance(old, int) else "7" + old[1:]}
    report = verify_records(records, path)
    assert finding(report)[0] == "edited"
    assert report.findings[0].line == index + 1
    assert report.findings_total == 1


@pytest.mark.parametrize("index", [1, 10, 18])
def test_edited_and_hashed_anew(records: list[dict[str, Any]], path: Path, index: int) -> None:
    changed = rehashed(records, index, to_end=False)
    assert finding(verify_records(changed, path)) == ("edited", index + 1, f"req_{index + 1}")


@pytest.mark.parametrize("index", [0, 10, 19])
def test_all_hashed_anew_without_the_key(
    records: list[dict[str, Any]], path: Path, index: int
) -> None:
    report = verify_records(rehashed(records, index, to_end=True), path)
    assert finding(report)[:2] == ("forged", 20)


def test_all_made_anew_with_another_key(
    records: list[dict[str, Any]], key: SigningKey, path: Path, tmp_path: Path
) -> None:
    other = SigningKey.load_or_create(None, tmp_path / "other")
    forged = make_records(other, mark="forged")
    report = verify_records(forged, path, key.public_key)
    assert finding(report)[0] == "forged"
    assert key.key_id in report.summary()
    assert other.key_id in report.summary()
    trusting = verify_records(forged, path)
    assert trusting.ok
    assert "as the data itself says" in trusting.summary(), "whose key it is must be asked"
    # A foreign key's signature over the genuine key's name does not hold either.
    end = {**forged[-1]["checkpoint"], "public_key": key.public_key, "key_id": key.key_id}
    forged[-1] = {**forged[-1], "checkpoint": end}
    assert finding(verify_records(forged, path, key.public_key))[0] == "forged"


@pytest.mark.parametrize("index", [1, 10, 18])
def test_deleted(records: list[dict[str, Any]], path: Path, index: int) -> None:
    del records[index]
    report = verify_records(records, path)
    assert finding(report)[:2] == ("deleted", index + 1)
    assert report.findings_total == 1


def test_several_deleted_are_named_as_a_range(records: list[dict[str, Any]], path: Path) -> None:
    report = verify_records(records[:5] + records[9:], path)
    assert finding(report)[:2] == ("deleted", 6)
    assert "records 6 to 9 are missing" in report.summary()


@pytest.mark.parametrize(("low", "high"), [(0, 1), (5, 6), (3, 15), (0, 19), (18, 19)])
def test_reordered(records: list[dict[str, Any]], path: Path, low: int, high: int) -> None:
    records[low], records[high] = records[high], records[low]
    assert finding(verify_records(records, path))[0] == "reordered"


@pytest.mark.parametrize("index", [0, 1, 10, 19])
def test_a_copied_record_is_inserted(records: list[dict[str, Any]], path: Path, index: int) -> None:
    copy = {k: v for k, v in records[4].items() if k != "checkpoint"}
    records.insert(index, copy)
    damage, _, _ = finding(verify_records(records, path))
    assert damage in ("inserted", "reordered")
    if index > 4:
        assert finding(verify_records(records, path)) == ("inserted", 5, "req_5")


@pytest.mark.parametrize("index", [1, 10, 19])
def test_an_invented_record_is_inserted(
    records: list[dict[str, Any]], path: Path, index: int
) -> None:
    records.insert(index, {**records[4], "request_id": "req_invented"})
    report = verify_records(records, path)
    assert finding(report) == ("inserted", None, "req_invented")
    assert report.findings[0].line == index + 1


def test_an_invented_record_that_links_is_inserted(
    records: list[dict[str, Any]], path: Path
) -> None:
    body = make_body(Entry("acme", "req_x", "request", {"upstream": None}), 11, NOON)
    previous = records[9]["hash"]
    invented = {**decode(body), "prev_hash": previous, "hash": link_hash(previous, body)}
    report = verify_records([*records[:10], invented, *records[10:]], path)
    assert finding(report)[:2] == ("inserted", 11)
    report = verify_records([*records, {**invented, "seq": 21}], path)
    assert finding(report)[0] == "inserted"


def test_a_record_of_another_tenant_is_inserted(
    records: list[dict[str, Any]], key: SigningKey, path: Path
) -> None:
    foreign = make_records(key, tenant="globex")
    report = verify_records([*records[:10], foreign[10], *records[10:]], path)
    assert finding(report) == ("inserted", 11, "req_11")


@pytest.mark.parametrize("kept", [1, 10, 19])
def test_truncated_at_the_end(records: list[dict[str, Any]], path: Path, kept: int) -> None:
    assert finding(verify_records(records[:kept], path))[:2] == ("truncated", kept)
    moved = [*records[: kept - 1], {**records[kept - 1], "checkpoint": records[-1]["checkpoint"]}]
    report = verify_records(moved, path)
    assert finding(report)[0] == "truncated", "the end cannot be moved to an earlier record"


@pytest.mark.parametrize("cut", [1, 10, 19])
def test_truncated_at_the_start(records: list[dict[str, Any]], path: Path, cut: int) -> None:
    report = verify_records(records[cut:], path)
    assert finding(report)[:2] == ("truncated", 1)
    assert f"1 to {cut} were cut from the start" in report.summary()


def test_a_file_cut_within_a_line_is_truncated(records: list[dict[str, Any]], path: Path) -> None:
    whole = b"".join(encode_canonical(record) + b"\n" for record in records)
    for cut in random.Random(1).sample(range(len(whole)), 200):
        path.write_bytes(whole[:cut])
        assert finding(verify_file(path))[0] in ("truncated", "edited")


def test_an_empty_file_proves_nothing(path: Path) -> None:
    path.write_bytes(b"")
    assert finding(verify_file(path))[0] == "truncated"


def test_1000_random_changes_of_bytes_are_found_and_named(
    records: list[dict[str, Any]], path: Path
) -> None:
    lines = [encode_canonical(record) + b"\n" for record in records]
    whole = b"".join(lines)
    source = random.Random(20261121)
    for _ in range(1000):
        position = source.randrange(len(whole))
        damaged = bytearray(whole)
        damaged[position] ^= source.randrange(1, 256)
        path.write_bytes(damaged)
        report = verify_file(path)
        assert not report.ok, position
        if report.findings[0].line is not None:
            line = whole.count(b"\n", 0, position) + 1
            assert report.findings[0].line in (line, line + 1), position


def test_white_space_that_leaves_the_json_equal_is_found(
    records: list[dict[str, Any]], path: Path
) -> None:
    whole = b"".join(encode_canonical(record) + b"\n" for record in records)
    for damaged in (
        whole.replace(b":", b": ", 1),
        whole.replace(b"\n", b"\r\n", 1),
        whole[:-1],
        whole + b"\n",
        b"\xef\xbb\xbf" + whole,
        whole.replace("ö".encode(), b"\\u00f6", 1),
    ):
        path.write_bytes(damaged)
        assert not verify_file(path).ok


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_random_changes_of_other_formats_are_found(
    records: list[dict[str, Any]], tmp_path: Path, kind: Any
) -> None:
    out = io.BytesIO()
    writer = open_writer(kind, out)
    for record in records:
        writer.write(record)
    writer.close()
    path = tmp_path / f"export.{kind}"
    source = random.Random(5)
    missed = 0
    for _ in range(300):
        damaged = bytearray(out.getvalue())
        damaged[source.randrange(len(damaged))] ^= source.randrange(1, 256)
        path.write_bytes(damaged)
        missed += verify_file(path).ok
    # A Parquet file has bytes that carry no value (statistics, metadata, padding): a change
    # there leaves every record as it was. Every change of a csv shows.
    assert missed == 0 if kind == "csv" else missed < 150


def test_what_is_no_export_at_all_fails_without_an_error(tmp_path: Path) -> None:
    for name, content in (
        ("a.jsonl", b"hello\n"),
        ("b.parquet", b"PAR1 nothing"),
        ("c.csv", b"a,b\n1,2\n"),
        ("d", b"[" * 100_000 + b"\n"),
        ("e", b"\x00" * 50 + b"\n"),
        ("f", b"1" * 5000 + b"\n"),
        ("g", b'{"a":{}}\nnull\n'),
    ):
        (tmp_path / name).write_bytes(content)
        assert not verify_file(tmp_path / name).ok, name


# -- the database ---------------------------------------------------------------------


@pytest.fixture
async def filled(audit_database: Database, chain: AuditChain) -> Database:
    """20 records; a checkpoint signs the first 15."""
    entries = [Entry("acme", f"req_{seq}", "request", {"upstream": None}) for seq in range(1, 21)]
    async with audit_database.transaction() as session:
        await chain.append(session, entries[:15])
    async with audit_database.transaction() as session:
        await chain.checkpoint(session, "acme")
    async with audit_database.transaction() as session:
        await chain.append(session, entries[15:])
    return audit_database


@asynccontextmanager
async def tampering(database: Database) -> AsyncIterator[AsyncSession]:
    """A transaction whose changes are seen inside it only."""
    async with database.transaction() as session:
        yield session
        await session.rollback()


async def verdict(database: Database, *keys: str) -> VerifyReport:
    async with database.session() as session:
        (report,) = await verify_database(session, public_keys=keys)
    return report


async def test_a_clean_database_passes(filled: Database, key: SigningKey) -> None:
    report = await verdict(filled, key.public_key)
    assert (report.ok, report.records, report.key_source) == (True, 20, "pinned")


async def test_database_edited(filled: Database) -> None:
    for column, value in (("body", "{}"), ("request_id", "req_x"), ("hash", "0" * 64)):
        async with tampering(filled) as session:
            chosen = (AuditRecord.tenant == "acme") & (AuditRecord.seq == 8)
            await session.execute(update(AuditRecord).where(chosen).values({column: value}))
            (report,) = await verify_database(session)
        assert finding(report)[:2] == ("edited", 8), column


async def test_database_deleted_and_truncated(filled: Database) -> None:
    async with tampering(filled) as session:
        await session.execute(delete(AuditRecord).where(AuditRecord.seq == 8))
        (report,) = await verify_database(session)
        assert finding(report)[:2] == ("deleted", 8)
    async with tampering(filled) as session:
        await session.execute(delete(AuditRecord).where(AuditRecord.seq == 20))
        (report,) = await verify_database(session)
        assert finding(report)[:2] == ("truncated", 20)
    async with tampering(filled) as session:
        await session.execute(delete(AuditRecord).where(AuditRecord.seq <= 3))
        (report,) = await verify_database(session)
        assert finding(report)[:2] == ("truncated", 4)


async def test_database_cut_with_its_head_is_found_by_the_checkpoint(filled: Database) -> None:
    async with tampering(filled) as session:
        await session.execute(delete(AuditRecord).where(AuditRecord.seq > 10))
        last = await session.get_one(AuditRecord, ("acme", 10))
        await session.execute(update(AuditHead).values(seq=10, hash=last.hash))
        (report,) = await verify_database(session)
    assert finding(report)[:2] == ("truncated", 10)


async def test_database_hashed_anew_is_found_by_the_checkpoint(filled: Database) -> None:
    async with tampering(filled) as session:
        previous = GENESIS
        for row in await session.scalars(select(AuditRecord).order_by(AuditRecord.seq)):
            body = encode_canonical({**decode(row.body), "upstream": "elsewhere"})
            row.body, row.prev_hash = body.decode(), previous
            row.hash = previous = link_hash(previous, body)
        await session.execute(update(AuditHead).values(hash=previous))
        await session.flush()
        (report,) = await verify_database(session)
    assert finding(report)[:2] == ("forged", 15)


async def test_database_checkpoint_forged(filled: Database, tmp_path: Path) -> None:
    other = SigningKey.load_or_create(None, tmp_path / "other")
    assert finding(await verdict(filled, other.public_key))[0] == "forged"
    async with tampering(filled) as session:
        await session.execute(update(AuditCheckpoint).values(signature="0" * 128))
        (report,) = await verify_database(session)
    assert finding(report)[0] == "forged"


async def test_database_inserted(filled: Database) -> None:
    async with tampering(filled) as session:
        last = await session.get_one(AuditRecord, ("acme", 20))
        body = make_body(Entry("acme", "req_x", "request", {}), 21, last.time)
        session.add(
            AuditRecord(
                tenant="acme",
                seq=21,
                request_id="req_x",
                kind="request",
                time=last.time,
                body=body.decode(),
                prev_hash=last.hash,
                hash=link_hash(last.hash, body),
            )
        )
        await session.flush()
        (report,) = await verify_database(session)
    assert finding(report)[:2] == ("inserted", 21)
