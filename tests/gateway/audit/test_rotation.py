"""A new signing key: verifiers follow, gateways follow, strangers are refused."""

import io
import os
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from core.clock import ManualClock
from core.database import Database
from gateway.audit import AuditChain, Entry, KeyFile, SigningKey, SigningKeyUnusable
from gateway.audit.export import export
from gateway.audit.keys import KEY_FILE, PUBLIC_KEY_FILE, create_key, load_public_key
from gateway.audit.models import AuditRecord, AuditSuccession
from gateway.audit.proofs import prove
from gateway.audit.rotation import Rotation, rotate_key
from gateway.audit.succession import Succession, Trust
from gateway.audit.verify import verify_database, verify_file


def entry(number: int) -> Entry:
    return Entry("acme", f"req_{number}", "request", {"upstream": None})


async def rotate(
    database: Database, clock: ManualClock, data_dir: Path, new_file: Path | None = None
) -> Rotation:
    clock.advance(timedelta(days=90))
    return await rotate_key(
        database, clock, None, data_dir, new_file=new_file, reason="every quarter"
    )


async def test_whoever_pinned_any_key_of_the_deployment_goes_on_verifying(
    audit_database: Database, clock: ManualClock, tmp_path: Path
) -> None:
    data = tmp_path / "data"
    running = KeyFile(None, data)
    chain, keys, files = AuditChain(clock, running), [running.current().public_key], []
    for number in range(3):
        async with audit_database.transaction() as session:
            await chain.append(session, [entry(number)])
            assert await chain.checkpoint(session, "acme") is not None
        files.append(tmp_path / f"{number}.jsonl")
        async with audit_database.session() as session:
            out = io.BytesIO()
            await export(session, "acme", None, None, "jsonl", out, key=running, clock=clock)
        files[-1].write_bytes(out.getvalue())
        if number < 2:
            await rotate(audit_database, clock, data)
            keys.append(running.current().public_key)
    assert len(set(keys)) == 3
    assert load_public_key(data / PUBLIC_KEY_FILE) == keys[-1]
    stranger = SigningKey.load_or_create(None, tmp_path / "stranger").public_key
    async with audit_database.session() as session:
        for pinned in keys:
            assert all(report.ok for report in await verify_database(session, None, [pinned]))
        (report,) = await verify_database(session, ["acme"], [stranger])
        proof = await prove(session, "req_0")
    assert report.findings_total == 3
    assert {str(finding.damage) for finding in report.findings} == {"forged"}
    assert len(proof["successions"]) == 2
    # A file goes back and forth as far as it knew when it was written.
    for number, file in enumerate(files):
        for known, pinned in enumerate(keys):
            assert verify_file(file, pinned).ok == (known <= number)
        assert not verify_file(file, stranger).ok


async def test_a_rotation_is_recorded(
    audit_database: Database, clock: ManualClock, tmp_path: Path
) -> None:
    SigningKey.load_or_create(None, tmp_path)
    done = await rotate(audit_database, clock, tmp_path)
    async with audit_database.session() as session:
        body = await session.scalar(select(AuditRecord.body))
    assert body is not None
    assert '"action":"audit.rotate_key"' in body
    assert f'"target":"{done.new_key_id}"' in body
    assert '"reason":"every quarter"' in body
    assert (tmp_path / KEY_FILE).stat().st_mode & 0o777 == 0o600
    assert f"{KEY_FILE}.next" not in os.listdir(tmp_path)


async def test_a_crash_before_the_file_is_replaced_is_made_good_by_another_try(
    audit_database: Database, clock: ManualClock, tmp_path: Path
) -> None:
    old = SigningKey.load_or_create(None, tmp_path)
    before = (tmp_path / KEY_FILE).read_bytes()
    done = await rotate(audit_database, clock, tmp_path)
    # What a crash after the commit leaves: the statement, the old file, the new one beside it.
    (tmp_path / KEY_FILE).rename(tmp_path / f"{KEY_FILE}.next")
    (tmp_path / KEY_FILE).write_bytes(before)
    (tmp_path / KEY_FILE).chmod(0o600)
    assert KeyFile(None, tmp_path).current().key_id == old.key_id
    assert await rotate(audit_database, clock, tmp_path) == done
    assert KeyFile(None, tmp_path).current().key_id == done.new_key_id
    async with audit_database.session() as session:
        assert len((await session.scalars(select(AuditSuccession))).all()) == 1
        assert len((await session.scalars(select(AuditRecord))).all()) == 1


async def test_a_mounted_key_names_a_successor_that_is_put_there_later(
    audit_database: Database, clock: ManualClock, tmp_path: Path
) -> None:
    mounted, new = tmp_path / "secret" / "key.pem", tmp_path / "new.pem"
    create_key(mounted)
    create_key(new)
    old = KeyFile(mounted, tmp_path)
    named = old.current().key_id
    done = await rotate_key(audit_database, clock, mounted, tmp_path, new_file=new)
    assert done == Rotation(named, SigningKey.load(new).key_id, None)
    assert old.current().key_id == named, "nothing was installed"
    again = await rotate_key(audit_database, clock, mounted, tmp_path, new_file=new)
    assert again == done
    another = tmp_path / "another.pem"
    create_key(another)
    with pytest.raises(SigningKeyUnusable, match="another successor"):
        await rotate_key(audit_database, clock, mounted, tmp_path, new_file=another)
    with pytest.raises(SigningKeyUnusable, match="the present one"):
        await rotate_key(audit_database, clock, mounted, tmp_path, new_file=mounted)
    new.replace(mounted)
    assert old.current().key_id == done.new_key_id


async def test_where_nothing_can_be_written_it_says_what_to_do(
    audit_database: Database, clock: ManualClock, tmp_path: Path
) -> None:
    SigningKey.load_or_create(None, tmp_path)
    descriptor = os.open(tmp_path / KEY_FILE, os.O_RDONLY)
    try:
        mounted = Path(f"/proc/self/fd/{descriptor}")  # a folder that nobody can write in
        with pytest.raises(SigningKeyUnusable, match="--new-key"):
            await rotate_key(audit_database, clock, mounted, tmp_path)
    finally:
        os.close(descriptor)


def test_a_running_gateway_keeps_its_key_while_the_file_is_unreadable(tmp_path: Path) -> None:
    running = KeyFile(None, tmp_path)
    key = running.current()
    (tmp_path / KEY_FILE).write_text("half a key")
    assert running.current() is key
    (tmp_path / KEY_FILE).unlink()
    assert running.current() is key
    create_key(tmp_path / KEY_FILE)
    assert running.current().public_key != key.public_key


def keys(tmp_path: Path, count: int) -> list[SigningKey]:
    return [SigningKey.load_or_create(None, tmp_path / str(number)) for number in range(count)]


def test_trust_goes_along_valid_statements_only(tmp_path: Path, clock: ManualClock) -> None:
    a, b, c, stranger = keys(tmp_path, 4)
    first, second = Succession.sign(a, b, clock.now()), Succession.sign(b, c, clock.now())
    for pinned in (a, b, c):
        trust = Trust([pinned.public_key], [second, first])
        assert trust.keys == {a.public_key, b.public_key, c.public_key}
        assert not trust.accepts(stranger.public_key)
    assert Trust([]).accepts(stranger.public_key), "nothing is pinned"
    assert Trust([a.public_key], [second]).keys == {a.public_key}, "a link is missing"
    forged = Succession.from_dict(first.to_dict() | {"successor": stranger.public_key})
    assert Trust([a.public_key], [forged]).keys == {a.public_key}
    alone = Succession.sign(stranger, b, clock.now())
    one_sided = Succession.from_dict(alone.to_dict() | {"public_key": a.public_key})
    assert Trust([a.public_key], [one_sided]).keys == {a.public_key}


def test_of_two_successors_neither_is_trusted(tmp_path: Path, clock: ManualClock) -> None:
    a, b, thief = keys(tmp_path, 3)
    both = [Succession.sign(a, b, clock.now()), Succession.sign(a, thief, clock.now())]
    assert Trust([a.public_key], both).keys == {a.public_key}
