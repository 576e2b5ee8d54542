"""Proofs of inclusion: made from a few hashes, verified with the public key alone."""

import copy
import random
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, insert, select, update

from core.clock import ManualClock
from core.database import Database
from gateway.audit import AuditChain, Entry, SigningKey
from gateway.audit.encoding import encode_canonical
from gateway.audit.errors import NoProof
from gateway.audit.merkle import TILE, Tree
from gateway.audit.models import AuditCheckpoint, AuditHead, AuditRecord, AuditTile
from gateway.audit.proofs import inclusion, prove
from gateway.audit.verify import verify_file


def entries(first: int, count: int, tenant: str = "acme") -> list[Entry]:
    fields = {"upstream": "pool"}
    return [Entry(tenant, f"req_{n}", "request", fields) for n in range(first, first + count)]


@pytest.fixture
async def grown(audit_database: Database, chain: AuditChain) -> Database:
    """40 records of acme under checkpoints at 3, 17 and 40, and one that is not signed."""
    for first, count in ((1, 3), (4, 14), (18, 23)):
        async with audit_database.transaction() as session:
            await chain.append(session, entries(first, count))
            await chain.checkpoint(session, "acme")
    async with audit_database.transaction() as session:
        await chain.append(session, entries(41, 1))
    return audit_database


async def written(database: Database, path: Path, request_id: str) -> dict[str, Any]:
    async with database.session() as session:
        proof = await prove(session, request_id)
    write(path, proof)
    return proof


def write(path: Path, proof: dict[str, Any]) -> None:
    path.write_bytes(encode_canonical(proof) + b"\n")


async def test_every_signed_record_can_be_proven(
    grown: Database, key: SigningKey, tmp_path: Path
) -> None:
    path = tmp_path / "proof.json"
    for seq in range(1, 41):
        proof = await written(grown, path, f"req_{seq}")
        assert proof["checkpoint"]["last_seq"] == next(n for n in (3, 17, 40) if n >= seq)
        report = verify_file(path, key.public_key)
        assert (report.ok, report.records, report.first_seq) == (True, 1, seq), report
        assert report.key_source == "pinned"


async def test_what_cannot_be_proven_says_why(grown: Database, chain: AuditChain) -> None:
    async with grown.transaction() as session:
        await chain.append(session, entries(2, 1, "globex"))
        with pytest.raises(NoProof, match="no record req_99"):
            await prove(session, "req_99")
        with pytest.raises(NoProof, match="No checkpoint signs record 41"):
            await prove(session, "req_41")
        with pytest.raises(NoProof, match="Several tenants"):
            await prove(session, "req_2")
        with pytest.raises(NoProof, match="No checkpoint"):
            await prove(session, "req_2", "globex")
        assert (await prove(session, "req_2", "acme"))["record"]["tenant"] == "acme"


async def test_of_a_damaged_chain_nothing_false_is_proven(grown: Database) -> None:
    async with grown.transaction() as session:
        row = AuditRecord.seq == 5
        await session.execute(update(AuditRecord).where(row).values(hash="ab" * 32))
        with pytest.raises(NoProof, match="audit verify"):
            await prove(session, "req_5")
        with pytest.raises(NoProof, match="audit verify"):
            await prove(session, "req_6")
        await session.execute(delete(AuditRecord).where(row))
        with pytest.raises(NoProof, match="not all there"):
            await prove(session, "req_6")


async def test_any_change_of_a_proof_is_found(
    grown: Database, key: SigningKey, tmp_path: Path
) -> None:
    path = tmp_path / "proof.json"
    proof = await written(grown, path, "req_23")
    for case in _changes(proof):
        write(path, case)
        report = verify_file(path, key.public_key)
        assert not report.ok, case
    path.write_bytes(encode_canonical(proof)[:-30])
    assert not verify_file(path, key.public_key).ok


def _changes(proof: dict[str, Any]) -> list[dict[str, Any]]:
    changed = []
    for part in ("record", "checkpoint"):
        for name, old in proof[part].items():
            case = copy.deepcopy(proof)
            flipped = f"{old}"[:-1] + ("0" if f"{old}"[-1:] != "0" else "1")
            case[part][name] = old + 1 if isinstance(old, int) else flipped
            changed.append(case)
            case = copy.deepcopy(proof)
            del case[part][name]
            changed.append(case)
    for at in range(len(proof["path"])):
        case = copy.deepcopy(proof)
        del case["path"][at]
        changed.append(case)
        case = copy.deepcopy(proof)
        case["path"][at] = "ab" * 32
        changed.append(case)
    broken = ({"path": None}, {"path": ["zz"]}, {"path": [7]}, {"path": ["AB" * 32]})
    more = ({"path": ["ab"]}, {"record": None}, {"checkpoint": 7}, {"successions": [7]}, {"x": 1})
    return changed + [{**proof, **members} for members in (*broken, *more)]


async def test_a_proof_by_another_key_is_refused(
    grown: Database, tmp_path: Path, key: SigningKey
) -> None:
    path = tmp_path / "proof.json"
    await written(grown, path, "req_7")
    stranger = SigningKey.load_or_create(None, tmp_path / "stranger")
    report = verify_file(path, stranger.public_key)
    assert [str(finding.damage) for finding in report.findings] == ["forged"]
    assert key.key_id in report.summary()


async def test_long_chains_are_proven_from_tiles(
    audit_database: Database, chain: AuditChain, clock: ManualClock
) -> None:
    """The hashes are made up, since only the tree counts here."""
    source, count = random.Random(11), 3 * TILE + 77
    hashes = [source.randbytes(32) for _ in range(count)]
    rows = [
        {
            "tenant": "acme",
            "seq": seq,
            "request_id": f"req_{seq}",
            "kind": "request",
            "time": clock.now(),
            "body": "{}",
            "prev_hash": hashes[seq - 2].hex() if seq > 1 else "0" * 64,
            "hash": hashes[seq - 1].hex(),
        }
        for seq in range(1, count + 1)
    ]
    tree = Tree(hashes)
    async with audit_database.transaction() as session:
        await chain.append(session, entries(1, 1))
        await session.execute(delete(AuditRecord))
        await session.execute(insert(AuditRecord), rows)
        await session.execute(update(AuditHead).values(seq=count, hash=hashes[-1].hex()))
        signed = await chain.checkpoint(session, "acme")
    assert signed is not None
    assert signed.root == tree.root.hex()
    async with audit_database.session() as session:
        assert len((await session.scalars(select(AuditTile))).all()) == 3
        for seq in (1, TILE, TILE + 1, 2 * TILE + 5, 3 * TILE, 3 * TILE + 1, count):
            assert await inclusion(session, "acme", seq, count) == tree.path(seq - 1)


async def test_checkpoints_without_a_tree_are_not_proven_from(grown: Database) -> None:
    async with grown.transaction() as session:
        await session.execute(
            update(AuditCheckpoint).where(AuditCheckpoint.seq < 40).values(root=None)
        )
        assert (await prove(session, "req_1"))["checkpoint"]["last_seq"] == 40
