"""The books of a deployment: what its upstreams saw, what is on record, what was settled.

Read from the database itself, beside whatever runs on it, so that it works while the
gateway is down as well as while it serves.
"""

import asyncio
import json
import time
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import yaml
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from typer.testing import CliRunner

from billing.models import LedgerEntry
from billing.reading import snapshot
from core.database import Database
from gateway.audit.models import AuditRecord
from gateway.cli.main import app
from support.deployment import Capture, Deployment

# How a request can be on record as called although no upstream saw it: its process died, its
# client hung up, or no connection came about or lasted, all between the note and the call.
_UNSEEN_OUTCOMES = frozenset({"interrupted", "disconnected"})
_UNSEEN_CODES = frozenset(
    {
        "upstream_unreachable",
        "upstream_connect_timeout",
        "upstream_error",
        "upstream_timeout",
        "upstream_first_token_timeout",
        "shutting_down",
    }
)


class Movement(NamedTuple):
    """A ledger entry of a request: ``reserve``, ``settle`` or ``release``."""

    kind: str
    amount: Decimal


@dataclass(frozen=True)
class Books:
    """Audit trail and ledger.

    Args:
        records: the audit records of requests, by request id, each tenant's in the order of
            its chain.
        movements: the ledger's entries of each request, by request id.
        twice: request ids with more than one record.
    """

    records: Mapping[str, dict[str, Any]]
    movements: Mapping[str, list[Movement]]
    twice: list[str]

    @property
    def called(self) -> dict[str, dict[str, Any]]:
        """The records of requests for which an upstream was called."""
        return {id_: one for id_, one in self.records.items() if one["upstream"] is not None}

    def cost(self, request_id: str) -> Decimal:
        """What the ledger has settled for the request; zero where it was released."""
        moved = self.movements[request_id]
        return sum((m.amount for m in moved if m.kind == "settle"), Decimal())


def read_books(deployment: Deployment) -> Books:
    """The books as they are now. Not to be called from within an event loop."""
    return asyncio.run(_with_database(deployment))


def settled_books(
    deployment: Deployment, expected: Collection[str], *, timeout_s: float = 30.0
) -> Books:
    """The books once they hold every request of ``expected``; the drain lags a little behind."""
    deadline = time.monotonic() + timeout_s
    while True:
        books = read_books(deployment)
        missing = set(expected) - books.records.keys()
        if not missing:
            return books
        assert time.monotonic() < deadline, f"no audit record of {sorted(missing)[:5]}"
        time.sleep(0.1)


def assert_books(
    deployment: Deployment,
    capture: Capture,
    answered: Collection[str] = (),
    *,
    proofs: bool = True,
) -> Books:
    """Requests that the upstream saw = audit records = settlements, none twice.

    Args:
        answered: ids of further requests that must be on record, such as refused ones.
        proofs: ``sovgate audit verify`` and ``sovgate billing check`` must find nothing, and
            each tenant's export must verify.
    """
    books = settled_books(deployment, {*capture.ids(), *answered})
    assert books.twice == []
    # Looked at after the records were read, so that what came meanwhile counts as seen.
    for request_id in books.called.keys() - set(capture.ids()):
        record = books.called[request_id]
        assert record["outcome"] in _UNSEEN_OUTCOMES or record["error_code"] in _UNSEEN_CODES, (
            f"{request_id} is on record as called, but no upstream saw it"
        )
    for request_id, record in books.records.items():
        _assert_closed(request_id, record, books.movements.get(request_id, []))
    assert books.movements.keys() <= books.records.keys(), "entries without an audit record"
    if proofs:
        _assert_proofs(deployment, {record["tenant"] for record in books.records.values()})
    return books


def _assert_closed(
    request_id: str, record: Mapping[str, Any], movements: Collection[Movement]
) -> None:
    """One reservation and one end of it, at the cost on record; none where nothing was held."""
    kinds = Counter(movement.kind for movement in movements)
    closing = [m for m in movements if m.kind != "reserve"]
    held = record["upstream"] is not None or bool(movements)
    assert kinds["reserve"] == len(closing) == int(held), f"{request_id}: {dict(kinds)}"
    if record["cost"] is not None:
        assert closing == [Movement("settle", Decimal(record["cost"]))], request_id
    elif held:
        assert closing[0].kind == "release", request_id


def _assert_proofs(deployment: Deployment, tenants: Collection[str]) -> None:
    assert json.loads(_command(deployment, "billing", "check", "--json"))["problems"] == []
    _command(deployment, "audit", "verify")
    with TemporaryDirectory() as folder:
        for tenant in sorted(tenants):
            file = Path(folder) / f"{tenant}.jsonl"
            _command(deployment, "audit", "export", "--tenant", tenant, "--out", str(file))
            verified = CliRunner().invoke(app, ["audit", "verify", str(file)])
            assert verified.exit_code == 0, verified.output


def _command(deployment: Deployment, *arguments: str) -> str:
    """Run a ``sovgate`` command in this process, where nothing has to be imported again."""
    result = CliRunner().invoke(app, [*arguments, "--config", str(deployment.config)])
    assert result.exit_code == 0, result.output
    return result.stdout


async def _with_database(deployment: Deployment) -> Books:
    database = Database(yaml.safe_load(deployment.config.read_text())["database"]["url"])
    try:
        async with snapshot(database) as session:
            return await _read(session)
    finally:
        await database.dispose()


async def _read(session: AsyncSession) -> Books:
    movements: dict[str, list[Movement]] = {}
    query = select(LedgerEntry.request_id, LedgerEntry.kind, LedgerEntry.amount)
    kinds = LedgerEntry.kind.in_(("reserve", "settle", "release"))
    for request_id, kind, amount in await session.execute(query.where(kinds)):
        movements.setdefault(request_id, []).append(Movement(kind, amount))
    trail = select(AuditRecord.request_id, AuditRecord.body).where(AuditRecord.kind == "request")
    rows = (await session.execute(trail.order_by(AuditRecord.tenant, AuditRecord.seq))).all()
    counts = Counter(request_id for request_id, _ in rows)
    return Books(
        records={request_id: json.loads(body) for request_id, body in rows},
        movements=movements,
        twice=[request_id for request_id, count in counts.items() if count > 1],
    )
