"""Random tamperings, each with the verdicts that would be sensible; see test_tampering.py.

A tampering of an export takes its records and gives others; one of the database changes
rows. None of them has the signing key.
"""

import random
from collections.abc import Awaitable, Callable
from typing import Any

from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.audit import Entry
from gateway.audit.chain import link_hash, make_body
from gateway.audit.encoding import decode, encode_canonical
from gateway.audit.merkle import root_of
from gateway.audit.models import (
    AuditCheckpoint,
    AuditHead,
    AuditRecord,
    AuditSuccession,
)

Records = list[dict[str, Any]]
ANY = frozenset({"edited", "deleted", "inserted", "reordered", "truncated", "forged"})
CHAIN = ("prev_hash", "hash", "checkpoint")


def flip(source: random.Random, value: Any) -> Any:
    """Another value of the same kind."""
    if isinstance(value, bool) or value is None:
        return "changed"
    if isinstance(value, int):
        return value + source.choice((-1, 1, 1000))
    if isinstance(value, str) and value:
        at = source.randrange(len(value))
        return value[:at] + ("0" if value[at] != "0" else "1") + value[at + 1 :]
    return ["changed"]


def rehash(records: Records, first: int, last: int) -> None:
    """New hashes for records ``first`` to ``last``, each naming the one before."""
    for at in range(first, last + 1):
        if at:
            records[at]["prev_hash"] = records[at - 1]["hash"]
        body = {name: value for name, value in records[at].items() if name not in CHAIN}
        records[at]["hash"] = link_hash(records[at]["prev_hash"], encode_canonical(body))


# Of an export: (source, records, other export's records) -> changed in place.


def edit(source: random.Random, records: Records, _: Records) -> frozenset[str]:
    record = source.choice(records)
    name = source.choice([name for name in record if name != "checkpoint"])
    record[name] = flip(source, record[name])
    return ANY


def edit_deeply(source: random.Random, records: Records, _: Records) -> frozenset[str]:
    source.choice(records)["tokens"]["input"] += 1
    return frozenset({"edited"})


def add_or_remove_member(source: random.Random, records: Records, _: Records) -> frozenset[str]:
    record = source.choice(records)
    if source.random() < 0.5:
        record[source.choice(("note", "schema2", "zone"))] = "x"
    else:
        del record[source.choice(("cost", "tokens", "upstream", "kind", "time", "tenant", "seq"))]
    return ANY


def remove(source: random.Random, records: Records, _: Records) -> frozenset[str]:
    del records[source.randrange(len(records))]
    return frozenset({"deleted", "truncated"})


def remove_several(source: random.Random, records: Records, _: Records) -> frozenset[str]:
    low = source.randrange(len(records))
    del records[low : low + source.randint(1, 4)]
    return frozenset({"deleted", "truncated"})


def copy_record(source: random.Random, records: Records, _: Records) -> frozenset[str]:
    copied = {k: v for k, v in source.choice(records).items() if k != "checkpoint"}
    records.insert(source.randrange(len(records) + 1), copied)
    return frozenset({"inserted", "reordered", "edited"})


def invent(source: random.Random, records: Records, _: Records) -> frozenset[str]:
    """A record with a hash of its own that fits the one before."""
    at = source.randrange(1, len(records)) if len(records) > 1 else 0
    made = {k: v for k, v in records[at].items() if k != "checkpoint"}
    made |= {"request_id": "req_invented", "cost": "9"}
    records.insert(at, made)
    rehash(records, at, at)
    return ANY


def foreign_record(source: random.Random, records: Records, other: Records) -> frozenset[str]:
    taken = {k: v for k, v in source.choice(other).items() if k != "checkpoint"}
    records.insert(source.randrange(1, len(records) + 1), taken)
    return frozenset({"inserted"})


def swap(source: random.Random, records: Records, _: Records) -> frozenset[str]:
    if len(records) < 2:
        return frozenset()
    low, high = sorted(source.sample(range(len(records)), 2))
    records[low], records[high] = records[high], records[low]
    return ANY


def swap_contents(source: random.Random, records: Records, _: Records) -> frozenset[str]:
    """Two records exchange what they say, and keep their places."""
    if len(records) < 2:
        return frozenset()
    one, two = source.sample(records, 2)
    one["tokens"], two["tokens"] = two["tokens"], one["tokens"]
    return frozenset({"edited"})


def cut_start(source: random.Random, records: Records, _: Records) -> frozenset[str]:
    del records[: source.randint(1, max(len(records) - 1, 1))]
    return frozenset({"truncated"})


def cut_end(source: random.Random, records: Records, _: Records) -> frozenset[str]:
    """With or without the signed end."""
    signed = records[-1]["checkpoint"]
    del records[-source.randint(1, max(len(records) - 1, 1)) :]
    if records and source.random() < 0.5:
        records[-1]["checkpoint"] = signed
    return frozenset({"truncated"})


def rehash_all(source: random.Random, records: Records, _: Records) -> frozenset[str]:
    """An edit, and every hash from there on made anew."""
    at = source.randrange(len(records))
    records[at]["cost"] = "0.01"
    rehash(records, at, len(records) - 1)
    if source.random() < 0.5:
        hashes = [bytes.fromhex(record["hash"]) for record in records]
        signed = dict(records[-1]["checkpoint"])
        records[-1]["checkpoint"] = signed
        signed |= {"last_hash": records[-1]["hash"], "root": root_of(hashes).hex()}
    return frozenset({"forged"})


def rehash_part(source: random.Random, records: Records, _: Records) -> frozenset[str]:
    at = source.randrange(len(records))
    records[at]["cost"] = "0.01"
    rehash(records, at, source.randint(at, len(records) - 1))
    return frozenset({"edited", "forged"})


def remove_checkpoint(source: random.Random, records: Records, _: Records) -> frozenset[str]:
    del records[-1]["checkpoint"]
    return frozenset({"truncated"})


def edit_checkpoint(source: random.Random, records: Records, _: Records) -> frozenset[str]:
    signed = dict(records[-1]["checkpoint"])
    name = source.choice(list(signed))
    if source.random() < 0.3:
        del signed[name]
    else:
        signed[name] = flip(source, signed[name])
    records[-1]["checkpoint"] = signed
    return ANY


def foreign_checkpoint(source: random.Random, records: Records, other: Records) -> frozenset[str]:
    records[-1]["checkpoint"] = other[-1]["checkpoint"]
    return ANY


def drop_successions(source: random.Random, records: Records, _: Records) -> frozenset[str]:
    signed = dict(records[-1]["checkpoint"])
    records[-1]["checkpoint"] = signed
    if "successions" not in signed:
        signed["successions"] = ["x"]
    else:
        del signed["successions"]
    return frozenset({"forged"})


OF_EXPORTS: list[Callable[[random.Random, Records, Records], frozenset[str]]] = [
    edit,
    edit_deeply,
    add_or_remove_member,
    remove,
    remove_several,
    copy_record,
    invent,
    foreign_record,
    swap,
    swap_contents,
    cut_start,
    cut_end,
    rehash_all,
    rehash_part,
    remove_checkpoint,
    edit_checkpoint,
    foreign_checkpoint,
    drop_successions,
]


# Of the database. The chain of acme has ``COUNT`` records, all signed.

COUNT = 24
ACME = AuditRecord.tenant == "acme"


def _row(source: random.Random) -> Any:
    return (AuditRecord.tenant == "acme") & (AuditRecord.seq == source.randint(1, COUNT))


async def _rehash_from(session: AsyncSession, seq: int) -> None:
    """Every hash from ``seq`` on, and the head, as the chain itself would have made them."""
    rows = await session.execute(
        select(AuditRecord.seq, AuditRecord.prev_hash, AuditRecord.body)
        .where(ACME, AuditRecord.seq >= seq)
        .order_by(AuditRecord.seq)
    )
    previous = None
    for number, prev_hash, body in rows.all():
        previous = previous or prev_hash
        current = link_hash(previous, body.encode())
        values = {"prev_hash": previous, "hash": current}
        await session.execute(
            update(AuditRecord).where(ACME, AuditRecord.seq == number).values(values)
        )
        previous = current
    await session.execute(update(AuditHead).where(AuditHead.tenant == "acme").values(hash=previous))


async def edit_body(source: random.Random, session: AsyncSession) -> frozenset[str]:
    changed = func.replace(AuditRecord.body, '"cost":"0.25"', '"cost":"0.01"')
    await session.execute(update(AuditRecord).where(_row(source)).values(body=changed))
    return frozenset({"edited"})


async def break_body(source: random.Random, session: AsyncSession) -> frozenset[str]:
    body = source.choice(("", "{}", "null", "[1]", "{", '{"seq":1.5}', "\u00e9"))
    await session.execute(update(AuditRecord).where(_row(source)).values(body=body))
    return frozenset({"edited"})


async def respell_body(source: random.Random, session: AsyncSession) -> frozenset[str]:
    """The same JSON in other bytes."""
    changed = func.replace(AuditRecord.body, '"cost":', '"cost": ')
    await session.execute(update(AuditRecord).where(_row(source)).values(body=changed))
    return frozenset({"edited"})


async def edit_column(source: random.Random, session: AsyncSession) -> frozenset[str]:
    """One that only mirrors what the body says, or a hash."""
    row = _row(source)
    stored = (await session.execute(select(*AuditRecord.__table__.columns).where(row))).one()
    name = source.choice(("request_id", "kind", "time", "prev_hash", "hash"))
    old = getattr(stored, name)
    new = flip(source, old) if isinstance(old, str) else old.replace(year=old.year - 1)
    await session.execute(update(AuditRecord).where(row).values({name: new}))
    return frozenset({"edited"})


async def move_to_tenant(source: random.Random, session: AsyncSession) -> frozenset[str]:
    seq = source.randint(9, COUNT)  # globex has eight
    await session.execute(
        update(AuditRecord).where(ACME, AuditRecord.seq == seq).values(tenant="globex")
    )
    return frozenset({"deleted", "truncated"})


async def edit_and_rehash(source: random.Random, session: AsyncSession) -> frozenset[str]:
    seq = source.randint(1, COUNT)
    changed = func.replace(AuditRecord.body, '"cost":"0.25"', '"cost":"0.01"')
    await session.execute(
        update(AuditRecord).where(ACME, AuditRecord.seq == seq).values(body=changed)
    )
    await _rehash_from(session, seq)
    return frozenset({"forged"})


async def delete_record(source: random.Random, session: AsyncSession) -> frozenset[str]:
    await session.execute(delete(AuditRecord).where(_row(source)))
    return frozenset({"deleted", "truncated"})


async def delete_start(source: random.Random, session: AsyncSession) -> frozenset[str]:
    await session.execute(
        delete(AuditRecord).where(ACME, AuditRecord.seq <= source.randint(1, COUNT - 1))
    )
    return frozenset({"truncated"})


async def delete_end(source: random.Random, session: AsyncSession) -> frozenset[str]:
    """With the head set back, or gone, or as it was."""
    seq = source.randint(1, COUNT - 1)
    await session.execute(delete(AuditRecord).where(ACME, AuditRecord.seq > seq))
    head = AuditHead.tenant == "acme"
    kind = source.randrange(3)
    if kind == 0:
        await session.execute(delete(AuditHead).where(head))
    elif kind == 1:
        row = select(AuditRecord.hash, AuditRecord.time).where(ACME, AuditRecord.seq == seq)
        current, time = (await session.execute(row)).one()
        values = {"seq": seq, "hash": current, "time": time, "checkpoint_seq": seq}
        await session.execute(update(AuditHead).where(head).values(values))
    return frozenset({"truncated"})


async def swap_rows(source: random.Random, session: AsyncSession) -> frozenset[str]:
    one, two = source.sample(range(1, COUNT + 1), 2)
    for old, new in ((one, 1000), (two, one), (1000, two)):
        await session.execute(
            update(AuditRecord).where(ACME, AuditRecord.seq == old).values(seq=new)
        )
    return frozenset({"edited"})


async def insert_behind(source: random.Random, session: AsyncSession) -> frozenset[str]:
    """A record that fits, behind the head."""
    row = (
        await session.execute(
            select(*AuditRecord.__table__.columns).where(ACME, AuditRecord.seq == COUNT)
        )
    ).one()
    entry = Entry("acme", "req_invented", "request", {"upstream": None})
    body = make_body(entry, COUNT + 1, row.time)
    values = {
        "tenant": "acme",
        "seq": COUNT + 1,
        "request_id": "req_invented",
        "kind": "request",
        "time": row.time,
        "body": body.decode(),
        "prev_hash": row.hash,
        "hash": link_hash(row.hash, body),
    }
    await session.execute(insert(AuditRecord).values(values))
    return frozenset({"inserted"})


async def insert_between(source: random.Random, session: AsyncSession) -> frozenset[str]:
    """A record in the middle, all others moved up and hashed anew."""
    seq = source.randint(1, COUNT)
    rows = (
        await session.execute(
            select(*AuditRecord.__table__.columns)
            .where(ACME, AuditRecord.seq >= seq)
            .order_by(AuditRecord.seq)
        )
    ).all()
    for row in reversed(rows):
        body = encode_canonical({**decode(row.body), "seq": row.seq + 1}).decode()
        await session.execute(
            update(AuditRecord)
            .where(ACME, AuditRecord.seq == row.seq)
            .values(seq=row.seq + 1, body=body)
        )
    entry = Entry("acme", "req_invented", "request", {"upstream": None})
    values = {
        "tenant": "acme",
        "seq": seq,
        "request_id": "req_invented",
        "kind": "request",
        "time": rows[0].time,
        "body": make_body(entry, seq, rows[0].time).decode(),
        "prev_hash": rows[0].prev_hash,
        "hash": "",
    }
    await session.execute(insert(AuditRecord).values(values))
    await _rehash_from(session, seq)
    head = AuditHead.tenant == "acme"
    await session.execute(update(AuditHead).where(head).values(seq=COUNT + 1))
    return frozenset({"forged"})


async def edit_head(source: random.Random, session: AsyncSession) -> frozenset[str]:
    head = (await session.scalars(select(AuditHead).where(AuditHead.tenant == "acme"))).one()
    name = source.choice(("seq", "hash", "time", "checkpoint_seq"))
    old = getattr(head, name)
    new = flip(source, old) if isinstance(old, int | str) else old.replace(year=old.year - 1)
    await session.execute(update(AuditHead).where(AuditHead.tenant == "acme").values({name: new}))
    return frozenset({"truncated", "inserted", "forged"})


async def edit_checkpoint_row(source: random.Random, session: AsyncSession) -> frozenset[str]:
    seq = source.choice((8, 16, COUNT))
    row = (AuditCheckpoint.tenant == "acme") & (AuditCheckpoint.seq == seq)
    stored = (await session.scalars(select(AuditCheckpoint).where(row))).one()
    names = ("count", "hash", "time", "key_id", "public_key", "signature", "root", "previous_seq")
    name = source.choice((*names, "seq", "peaks"))
    old = getattr(stored, name)
    if isinstance(old, bytes):
        new: Any = bytes([old[0] ^ 1]) + old[1:] if source.random() < 0.5 else None
    elif isinstance(old, int | str):
        new = flip(source, old)
    else:
        new = old.replace(year=old.year - 1)
    await session.execute(update(AuditCheckpoint).where(row).values({name: new}))
    return frozenset({"forged", "truncated"})


async def delete_checkpoint(source: random.Random, session: AsyncSession) -> frozenset[str]:
    seq = source.choice((8, 16, COUNT))
    row = (AuditCheckpoint.tenant == "acme") & (AuditCheckpoint.seq == seq)
    await session.execute(delete(AuditCheckpoint).where(row))
    return frozenset({"truncated"})


async def strip_checkpoint(source: random.Random, session: AsyncSession) -> frozenset[str]:
    """As if it had been made before there were Merkle trees."""
    seq = source.choice((8, 16, COUNT))
    row = (AuditCheckpoint.tenant == "acme") & (AuditCheckpoint.seq == seq)
    values = {"root": None, "peaks": None, "previous_seq": None}
    await session.execute(update(AuditCheckpoint).where(row).values(values))
    return frozenset({"forged"})


async def foreign_checkpoint_row(source: random.Random, session: AsyncSession) -> frozenset[str]:
    seq = source.choice((3, 5))
    row = (AuditCheckpoint.tenant == "globex") & (AuditCheckpoint.seq == seq)
    await session.execute(update(AuditCheckpoint).where(row).values(tenant="acme"))
    return frozenset({"forged"})


async def tamper_successions(source: random.Random, session: AsyncSession) -> frozenset[str]:
    if source.random() < 0.5:
        await session.execute(delete(AuditSuccession))
    else:
        stored = (await session.scalars(select(AuditSuccession))).one()
        name = source.choice(("successor", "signature", "successor_signature", "public_key"))
        new = flip(source, getattr(stored, name))
        await session.execute(update(AuditSuccession).values({name: new}))
    return frozenset({"forged"})


OF_DATABASES: list[Callable[[random.Random, AsyncSession], Awaitable[frozenset[str]]]] = [
    edit_body,
    break_body,
    respell_body,
    edit_column,
    move_to_tenant,
    edit_and_rehash,
    delete_record,
    delete_start,
    delete_end,
    swap_rows,
    insert_behind,
    insert_between,
    edit_head,
    edit_checkpoint_row,
    delete_checkpoint,
    strip_checkpoint,
    foreign_checkpoint_row,
    tamper_successions,
]
