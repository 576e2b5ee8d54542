"""Filtered exports: each record with its proof, whatever the size of the tree."""

import json
import random
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update

from core.clock import ManualClock
from core.database import Database
from gateway.audit import AuditChain, Entry, SigningKey
from gateway.audit.chain import link_hash
from gateway.audit.diagnosis import Damage
from gateway.audit.encoding import encode_canonical
from gateway.audit.errors import NoProof
from gateway.audit.filters import RecordFilter
from gateway.audit.formats import Format
from gateway.audit.merkle import TILE, Tree
from gateway.audit.models import AuditCheckpoint, AuditRecord
from gateway.audit.pruning import prune
from gateway.audit.query import oldest_first
from gateway.audit.selection import ChainTree, SelectionResult, export_selection
from gateway.audit.verify import verify_file

EU = RecordFilter(zone="eu")


async def _fill(database: Database, chain: AuditChain, tenant: str, first: int, end: int) -> None:
    entries = [
        Entry(tenant, f"req_{n}", "request", {"zone": "eu" if n % 3 == 0 else "us", "n": n})
        for n in range(first, end)
    ]
    async with database.transaction() as session:
        await chain.append(session, entries)


async def _sign(database: Database, chain: AuditChain, tenant: str = "acme") -> None:
    async with database.transaction() as session:
        while await chain.checkpoint(session, tenant):
            pass


async def _export(
    database: Database, file: Path, wanted: RecordFilter = EU, kind: Format = "jsonl"
) -> SelectionResult:
    with file.open("wb") as out:
        async with database.session() as session:
            return await export_selection(session, "acme", wanted, kind, out)


@pytest.mark.parametrize("size", [1, 2, 1023, 1024, 1025, 2048, 2049, 3500])
async def test_paths_are_those_of_the_whole_tree(
    database: Database, chain: AuditChain, size: int
) -> None:
    await _fill(database, chain, "acme", 0, size)
    await _sign(database, chain)
    async with database.session() as session:
        rows = [row async for row in oldest_first(session, "acme", RecordFilter())]
        whole = Tree([bytes.fromhex(row.hash) for row in rows])
        tree = ChainTree(session, "acme", size)
        await tree.open()
        for seq in {1, min(2, size), size // 2 + 1, max(size - 1, 1), size, min(TILE, size)}:
            assert await tree.path(seq) == whole.path(seq - 1)


@pytest.mark.parametrize("kind", ["jsonl", "csv", "parquet"])
async def test_a_filtered_export_verifies_and_says_what_it_proves(
    database: Database, chain: AuditChain, key: SigningKey, tmp_path: Path, kind: Format
) -> None:
    await _fill(database, chain, "acme", 0, 1500)
    await _sign(database, chain)
    await _fill(database, chain, "acme", 1500, 1600)  # not signed yet: left out
    file = tmp_path / f"eu.{kind}"
    result = await _export(database, file, kind=kind)
    assert (result.records, result.covered) == (500, 1500)
    report = verify_file(file, key.public_key)
    assert report.ok, report.findings
    assert (report.tenant, report.records, report.key_source) == ("acme", 500, "pinned")
    assert "each of these 500 records (1 to 1498) is in the chain" in report.summary()
    assert "does not prove that none is missing" in report.summary()
    assert "as the data itself says" in verify_file(file).summary()
    other = SigningKey.load_or_create(None, tmp_path / "other")
    assert not verify_file(file, other.public_key).ok


async def test_one_record_and_none(database: Database, chain: AuditChain, tmp_path: Path) -> None:
    await _fill(database, chain, "acme", 0, 1)
    file = tmp_path / "x.jsonl"
    with pytest.raises(NoProof, match="No checkpoint"):
        await _export(database, file)
    await _sign(database, chain)
    assert (await _export(database, file)).records == 1
    assert verify_file(file).ok
    assert (await _export(database, file, RecordFilter(zone="mars"))).records == 0
    assert file.read_bytes() == b""
    assert not verify_file(file).ok


def _rewrite(file: Path, lines: list[dict[str, Any]]) -> None:
    file.write_bytes(b"".join(encode_canonical(line) + b"\n" for line in lines))


async def test_every_tampering_is_found(
    database: Database, chain: AuditChain, tmp_path: Path
) -> None:
    """But for leaving records out, which the verdict says that it cannot see."""
    await _fill(database, chain, "acme", 0, 200)
    await _fill(database, chain, "globex", 0, 30)
    await _sign(database, chain)
    await _sign(database, chain, "globex")
    file = tmp_path / "x.jsonl"
    await _export(database, file)
    clean = [json.loads(line) for line in file.read_bytes().splitlines()]
    foreign = tmp_path / "globex.jsonl"
    with foreign.open("wb") as out:
        async with database.session() as session:
            await export_selection(session, "globex", EU, "jsonl", out)
    stranger = json.loads(foreign.read_bytes().splitlines()[1])
    rng = random.Random(3)
    _rewrite(file, clean)
    assert verify_file(file).ok
    for number in range(150):
        lines = [dict(line) for line in clean]
        at = rng.randrange(1, len(lines))
        match number % 10:
            case 0:
                lines[at]["n"] += 1
                wanted = {Damage.EDITED}
            case 1:
                lines.insert(at, dict(lines[at]))
                wanted = {Damage.INSERTED}
            case 2:
                lines[at], lines[at - 1] = lines[at - 1], lines[at]
                wanted = {Damage.REORDERED} if at > 1 else None
            case 3:
                lines[at]["path"] = lines[at - 1]["path"][::-1]
                wanted = {Damage.FORGED}
            case 4:  # hashed anew without the key
                body = {
                    k: v for k, v in lines[at].items() if k not in ("hash", "prev_hash", "path")
                }
                body["n"] = 10_000
                prev = lines[at]["prev_hash"]
                hashed = {"prev_hash": prev, "hash": link_hash(prev, encode_canonical(body))}
                lines[at] = body | hashed | {"path": lines[at]["path"]}
                wanted = {Damage.FORGED}
            case 5:
                lines[0]["checkpoint"] = lines[0]["checkpoint"] | {"count": 201}
                wanted = {Damage.FORGED}
            case 6:
                lines.insert(at, stranger)
                wanted = {Damage.INSERTED}
            case 7:
                del lines[at]["path"]
                wanted = {Damage.EDITED}
            case 8:
                lines[at]["selection"] = {}
                wanted = {Damage.EDITED}
            case _:
                lines[0].pop(rng.choice(["checkpoint", "successions"]))
                wanted = {Damage.FORGED}
        _rewrite(file, lines)
        report = verify_file(file)
        assert not report.ok, number
        if wanted is not None:
            assert wanted <= {finding.damage for finding in report.findings}, number
    for _ in range(20):  # fewer records verify, and nothing else is claimed
        kept = [clean[0], *rng.sample(clean[1:], 10)]
        _rewrite(file, sorted(kept, key=lambda line: line["seq"]))
        assert verify_file(file).ok


async def test_a_changed_database_makes_no_proof(
    database: Database, chain: AuditChain, tmp_path: Path
) -> None:
    await _fill(database, chain, "acme", 0, 30)
    await _sign(database, chain)
    async with database.transaction() as session:
        body = '{"zone":"eu"}'
        await session.execute(update(AuditRecord).where(AuditRecord.seq == 7).values(body=body))
    with pytest.raises(NoProof, match="audit verify"):
        await _export(database, tmp_path / "x.jsonl")


async def test_what_retention_has_left_is_proven(
    database: Database, chain: AuditChain, key: SigningKey, clock: ManualClock, tmp_path: Path
) -> None:
    """Also the records of a tile whose beginning was removed."""
    await _fill(database, chain, "acme", 0, 1300)
    await _sign(database, chain)
    async with database.transaction() as session:
        checkpoint = await session.scalar(select(AuditCheckpoint))
        assert checkpoint is not None
        await prune(session, "acme", checkpoint, key, clock.now(), "retention")
    await _fill(database, chain, "acme", 1300, 1320)
    await _sign(database, chain)
    file = tmp_path / "x.jsonl"
    assert (await _export(database, file)).records == 6
    assert verify_file(file, key.public_key).ok
    await _fill(database, chain, "acme", 1320, 2100)
    await _sign(database, chain)
    assert (await _export(database, file)).records == 266
    assert verify_file(file, key.public_key).ok
