"""What not even the holder of the signing key can do unseen, with each kind of anchor.

The attack: all records from some point on are made anew, hashed, and signed with the
deployment's own key, in the database, with heads, checkpoints, tiles and stored evidence
to match. Without an anchor nothing can tell; with one, everything before it is pinned.
"""

import base64
import io
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, select

from core.clock import ManualClock, isoformat
from core.database import Database
from gateway.audit import AuditChain, Entry, SigningKey
from gateway.audit.anchoring import (
    Anchorer,
    AnchorTarget,
    FileAnchor,
    TimestampAnchor,
    WitnessAnchor,
)
from gateway.audit.anchors import AnchorBook, Judges, file_line, read_anchor, read_anchors
from gateway.audit.encoding import decode, encode_canonical
from gateway.audit.errors import AnchorFailed
from gateway.audit.export import export
from gateway.audit.keys import create_key
from gateway.audit.models import (
    AuditAnchor,
    AuditCheckpoint,
    AuditHead,
    AuditRecord,
    AuditTile,
)
from gateway.audit.proofs import prove
from gateway.audit.signing import read_checkpoint
from gateway.audit.verify import VerifyReport, verify_database, verify_file
from gateway.audit.witness import Witness, append_line
from support.processes import accepts, answers, free_port, running
from support.timestamp_authority import make_authority

TESTS = Path(__file__).resolve().parents[2]
NEVER = timedelta(0)


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """URL and folder of a running time-stamping authority."""
    folder = tmp_path_factory.mktemp("authority") / "tsa"
    make_authority(folder)
    port = free_port()
    url = f"http://127.0.0.1:{port}/"
    command = [sys.executable, "-m", "support.timestamp_authority", str(port), folder]
    with running(
        command,
        ready=answers(url),
        log=folder.parent / "tsa.log",
        env={"PYTHONPATH": str(TESTS)},
    ):
        yield url, folder


@pytest.fixture
def witness_key(tmp_path: Path) -> SigningKey:
    create_key(tmp_path / "witness.pem")
    return SigningKey.load(tmp_path / "witness.pem")


@pytest.fixture
def witness(tmp_path: Path, witness_key: SigningKey) -> Iterator[str]:
    """URL of a second party, which runs the command as its own process."""
    port = free_port()
    command = [
        *(Path(sys.executable).with_name("sovgate"), "audit", "witness"),
        *("--key", tmp_path / "witness.pem", "--memory", tmp_path / "witness.jsonl"),
        *("--listen", f"127.0.0.1:{port}"),
    ]
    with running(command, ready=accepts(port), log=tmp_path / "witness.log"):
        yield f"http://127.0.0.1:{port}/"


def entries(first: int, count: int, mark: str = "") -> list[Entry]:
    fields = {"upstream": "pool", "mark": mark}
    return [Entry("acme", f"req_{n}", "request", fields) for n in range(first, first + count)]


async def grow(database: Database, chain: AuditChain, first: int, count: int) -> None:
    async with database.transaction() as session:
        await chain.append(session, entries(first, count))
        await chain.checkpoint(session, "acme")


@pytest.fixture
async def filled(audit_database: Database, chain: AuditChain) -> Database:
    """Ten records of acme, signed."""
    await grow(audit_database, chain, 1, 10)
    return audit_database


async def recompute(database: Database, chain: AuditChain, count: int, changed: int = 4) -> None:
    """The attack: another record ``changed``, and a flawless chain around it."""
    made = entries(1, count)
    made[changed - 1] = entries(changed, 1, "forged")[0]
    async with database.transaction() as session:
        for table in (AuditRecord, AuditHead, AuditCheckpoint, AuditTile):
            await session.execute(delete(table))
        await chain.append(session, made)
        await chain.checkpoint(session, "acme")


async def reports(
    database: Database, path: Path, public_key: str, book: AnchorBook | None = None
) -> list[VerifyReport]:
    """Of the database and of an export of it."""
    async with database.session() as session:
        (of_database,) = await verify_database(session, None, [public_key], book)
    return [of_database, verify_file(path, public_key, book)]


async def exported(database: Database, key: SigningKey, path: Path) -> Path:
    out = io.BytesIO()
    async with database.session() as session:
        await export(session, "acme", None, None, "jsonl", out, key=key)
    write(path, out.getvalue())
    return path


def write(path: Path, content: bytes) -> None:
    path.write_bytes(content)


@pytest.fixture(params=["file", "rfc3161", "witness"])
def kind(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def target(
    kind: str, request: pytest.FixtureRequest, clock: ManualClock, tmp_path: Path
) -> AnchorTarget:
    if kind == "file":
        return FileAnchor("worm", tmp_path / "worm.jsonl", clock, NEVER)
    if kind == "rfc3161":
        url, folder = request.getfixturevalue("authority")
        return TimestampAnchor("tsa", url, folder / "ca.pem", 10, NEVER)
    key = request.getfixturevalue("witness_key")
    url = request.getfixturevalue("witness")
    return WitnessAnchor("second", url, key.public_key, 10, NEVER)


@pytest.fixture
def judges(kind: str, request: pytest.FixtureRequest) -> Judges:
    if kind == "rfc3161":
        return Judges(tsa_roots=request.getfixturevalue("authority")[1] / "ca.pem")
    if kind == "witness":
        return Judges(witnesses=[request.getfixturevalue("witness_key").public_key])
    return Judges()


async def evidence(database: Database, path: Path) -> Path:
    """What an auditor fetches (`audit anchors`)."""
    async with database.session() as session:
        lines = list(await session.scalars(select(AuditAnchor.evidence)))
    write(path, "".join(lines).encode())
    return path


async def test_a_chain_recomputed_with_the_signing_key_is_found(
    filled: Database,
    chain: AuditChain,
    key: SigningKey,
    clock: ManualClock,
    tmp_path: Path,
    target: AnchorTarget,
    judges: Judges,
) -> None:
    anchorer = Anchorer(filled, [target], clock=clock, interval_s=60)
    await anchorer.run_once()
    assert list(anchorer.errors.values()) == [None]
    await grow(filled, chain, 11, 5)  # what no anchor has seen yet
    lines = await evidence(filled, tmp_path / "lines.jsonl")
    book = read_anchors(lines, judges)
    assert (book.forged, book.unreadable) == ([], 0)
    path = await exported(filled, key, tmp_path / "export.jsonl")
    for report in await reports(filled, path, key.public_key, book):
        assert (report.ok, report.records, report.anchors) == (True, 15, 1), report
        assert "1 anchors agree" in report.summary()

    await recompute(filled, chain, 15)
    path = await exported(filled, key, tmp_path / "export.jsonl")
    for report in await reports(filled, path, key.public_key):
        assert report.ok, "without the anchors nobody could tell"
    for report in await reports(filled, path, key.public_key, book):
        assert [(str(f.damage), f.seq) for f in report.findings] == [("forged", 10)]
        assert "recomputed" in report.summary()


async def test_a_tail_cut_with_its_checkpoints_is_found_by_anchors_only(
    filled: Database, chain: AuditChain, key: SigningKey, clock: ManualClock, tmp_path: Path
) -> None:
    worm = tmp_path / "worm.jsonl"
    anchorer = Anchorer(filled, [FileAnchor("worm", worm, clock, NEVER)], clock=clock, interval_s=1)
    async with filled.session() as session:
        head = (await session.scalars(select(AuditHead))).one()
        before = {"seq": head.seq, "hash": head.hash}
    await grow(filled, chain, 11, 5)
    await anchorer.run_once()
    book = read_anchors(worm, Judges())
    async with filled.transaction() as session:
        for table in (AuditRecord, AuditCheckpoint, AuditAnchor):
            await session.execute(delete(table).where(table.seq > 10))
        head = (await session.scalars(select(AuditHead))).one()
        head.seq, head.hash, head.checkpoint_seq = before["seq"], before["hash"], 10
    async with filled.session() as session:
        (blind,) = await verify_database(session, None, [key.public_key])
        (seeing,) = await verify_database(session, None, [key.public_key], book)
    assert blind.ok, "nothing in the database tells"
    assert [(str(f.damage), f.seq) for f in seeing.findings] == [("truncated", 10)]
    async with filled.transaction() as session:
        for table in (AuditRecord, AuditHead, AuditCheckpoint):
            await session.execute(delete(table))
        assert await verify_database(session, None, [key.public_key]) == []
        (gone,) = await verify_database(session, None, [key.public_key], book)
    assert (gone.tenant, gone.ok) == ("acme", False)
    assert "only 0 are left" in gone.summary()


async def test_a_proof_from_a_recomputed_chain_is_found(
    filled: Database, chain: AuditChain, key: SigningKey, clock: ManualClock, tmp_path: Path
) -> None:
    worm, proof = tmp_path / "worm.jsonl", tmp_path / "proof.json"
    anchorer = Anchorer(filled, [FileAnchor("worm", worm, clock, NEVER)], clock=clock, interval_s=1)
    await anchorer.run_once()
    book = read_anchors(worm, Judges())
    for forged in (False, True):
        if forged:
            await recompute(filled, chain, 10)
        async with filled.session() as session:
            write(proof, encode_canonical(await prove(session, "req_4")))
        assert verify_file(proof, key.public_key).ok
        assert verify_file(proof, key.public_key, book).ok != forged


async def test_anchors_that_speak_of_other_records_prove_nothing(
    filled: Database, chain: AuditChain, key: SigningKey, tmp_path: Path
) -> None:
    path = await exported(filled, key, tmp_path / "export.jsonl")
    report = verify_file(path, key.public_key, AnchorBook())
    assert [str(finding.damage) for finding in report.findings] == ["unproven"]
    async with filled.session() as session:
        (report,) = await verify_database(session, None, [key.public_key], AnchorBook())
    assert report.ok, "a new tenant's chain has no anchor yet"
    assert "no anchor speaks of them" in report.summary()


async def test_an_anchor_that_fails_is_tried_again_and_holds_up_nothing(
    filled: Database, chain: AuditChain, clock: ManualClock, tmp_path: Path, authority: Any
) -> None:
    url, folder = authority
    failed: list[str] = []
    targets = [
        TimestampAnchor("tsa", url, folder / "ca.pem", 10, NEVER),
        TimestampAnchor("nobody", "http://127.0.0.1:9/", folder / "ca.pem", 10, NEVER),
        TimestampAnchor("another", url, Path(__file__), 10, NEVER),
        FileAnchor("worm", tmp_path / "worm.jsonl", clock, NEVER),
        FileAnchor("nowhere", tmp_path / "no" / "such" / "folder", clock, NEVER),
    ]
    anchorer = Anchorer(filled, targets, clock=clock, interval_s=60, on_failure=failed.append)
    (folder / "refuse").touch()
    await anchorer.run_once()
    (folder / "refuse").unlink()
    assert sorted(failed) == ["another", "nobody", "nowhere", "tsa"]
    assert anchorer.errors["worm"] is None
    assert anchorer.errors["tsa"] == "The anchor answers 503."
    await anchorer.run_once()
    assert anchorer.errors["tsa"] is None
    async with filled.session() as session:
        names = list(await session.scalars(select(AuditAnchor.anchor)))
    assert sorted(names) == ["tsa", "worm"], "each once, although it ran twice"


async def test_time_between_anchors_is_kept(
    filled: Database, chain: AuditChain, clock: ManualClock, tmp_path: Path
) -> None:
    worm = tmp_path / "worm.jsonl"
    hourly = FileAnchor("worm", worm, clock, timedelta(hours=1))
    anchorer = Anchorer(filled, [hourly], clock=clock, interval_s=60)
    await anchorer.run_once()
    await grow(filled, chain, 11, 1)
    clock.advance(timedelta(minutes=59))
    await anchorer.run_once()
    assert sorted(read_anchors(worm, Judges()).anchors["acme"]) == [10]
    clock.advance(timedelta(minutes=1))
    await anchorer.run_once()
    assert sorted(read_anchors(worm, Judges()).anchors["acme"]) == [10, 11]


@pytest.fixture
async def line(filled: Database, clock: ManualClock, target: AnchorTarget) -> bytes:
    anchorer = Anchorer(filled, [target], clock=clock, interval_s=60)
    await anchorer.run_once()
    async with filled.session() as session:
        return ((await session.scalars(select(AuditAnchor.evidence))).one()).encode()


async def test_evidence_cannot_be_changed(
    line: bytes,
    kind: str,
    key: SigningKey,
    clock: ManualClock,
    judges: Judges,
    tmp_path: Path,
) -> None:
    anchor = read_anchor(line, judges)
    assert (anchor.kind, anchor.checkpoint.last_seq) == (kind, 10)
    members = decode(line)
    stranger = SigningKey.load_or_create(None, tmp_path / "stranger")
    cases = [members | {"checkpoint": members["checkpoint"] | {"last_seq": 9}}]
    if kind != "file":  # its time is as good as the place where the file lies
        cases.append(members | {"time": isoformat(clock.now() + timedelta(days=9))})
    if kind == "rfc3161":
        token = bytearray(base64.b64decode(members["token"]))
        token[-5] ^= 1
        cases += [members | {"token": base64.b64encode(token).decode()}, members | {"token": "??"}]
    if kind == "witness":
        cases += [members | {"signature": "00" * 64}, members | {"public_key": key.public_key}]
    path = tmp_path / "anchors.jsonl"
    write(path, b"".join(encode_canonical(case) + b"\n" for case in cases))
    book = read_anchors(path, judges)
    assert [number for number, _ in book.forged] == list(range(1, len(cases) + 1))
    assert book.anchors == {}
    if kind != "file":
        with pytest.raises(AnchorFailed, match=r"--tsa-ca|--witness-key"):
            read_anchor(line, Judges())
    if kind == "witness":
        with pytest.raises(AnchorFailed, match="not the witness's"):
            read_anchor(line, Judges(witnesses=[stranger.public_key]))


async def test_forged_evidence_fails_a_verification(
    filled: Database, key: SigningKey, tmp_path: Path
) -> None:
    path = await exported(filled, key, tmp_path / "export.jsonl")
    book = AnchorBook(forged=[(3, "The time-stamp does not hold.")])
    first, last = await _both(filled, path, key, book)
    assert not last.ok
    assert "line 3 of the anchors" in last.findings[0].message
    assert not first[-1].ok
    assert first[0].ok


async def _both(
    database: Database, path: Path, key: SigningKey, book: AnchorBook
) -> tuple[list[VerifyReport], VerifyReport]:
    async with database.session() as session:
        of_database = await verify_database(session, None, [key.public_key], book)
    return of_database, verify_file(path, key.public_key, book)


def test_a_line_torn_by_a_crash_spoils_no_other(tmp_path: Path) -> None:
    path = tmp_path / "worm.jsonl"
    append_line(path, b'{"type":"sov')
    append_line(path, b"whole\n")
    append_line(path, b"next\n")
    assert path.read_bytes() == b'{"type":"sov\nwhole\nnext\n'
    assert read_anchors(path, Judges()).unreadable == 3


async def test_a_witness_refuses_what_contradicts_its_memory(
    filled: Database,
    chain: AuditChain,
    key: SigningKey,
    witness_key: SigningKey,
    clock: ManualClock,
    tmp_path: Path,
) -> None:
    memory = tmp_path / "memory.jsonl"

    def witness() -> Witness:
        return Witness("second", witness_key, memory, clock, frozenset({key.public_key}))

    async with filled.transaction() as session:
        await chain.append(session, entries(11, 2))
        longer = await chain.checkpoint(session, "acme")
    assert longer is not None
    witness().countersign(longer)
    witness().countersign(longer)
    await recompute(filled, chain, 12)
    async with filled.session() as session:
        stored = (await session.scalars(select(AuditCheckpoint))).one()
    with pytest.raises(AnchorFailed, match="recomputed"):
        witness().countersign(read_checkpoint(stored))
    await recompute(filled, chain, 9)
    async with filled.session() as session:
        stored = (await session.scalars(select(AuditCheckpoint))).one()
    with pytest.raises(AnchorFailed, match="had 12 records before, and has 9 now"):
        witness().countersign(read_checkpoint(stored))
    stranger = SigningKey.load_or_create(None, tmp_path / "stranger")
    foreign = AuditChain(clock, stranger)
    await recompute(filled, foreign, 14)
    async with filled.session() as session:
        stored = (await session.scalars(select(AuditCheckpoint))).one()
    with pytest.raises(AnchorFailed, match="another key"):
        witness().countersign(read_checkpoint(stored))
    write(memory, file_line("x", longer, isoformat(clock.now())).replace(b"acme", b"acne"))
    with pytest.raises(AnchorFailed, match="line 1"):
        witness()
