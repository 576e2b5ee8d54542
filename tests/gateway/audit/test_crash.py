"""kill -9 at random moments: every call that an upstream saw is recorded and settled once."""

import asyncio
import sys
from collections import Counter
from pathlib import Path
from typing import Any

from sqlalchemy import select

from core.database import Database
from gateway.audit.encoding import decode
from gateway.audit.keys import PUBLIC_KEY_FILE, load_public_key
from gateway.audit.models import AuditRecord
from gateway.audit.verify import verify_database

ROOT = Path(__file__).resolve().parents[3]
RIG = Path(__file__).with_name("crash_rig.py")
ROUNDS = 16  # on each kind of database


async def test_killed_processes_lose_and_repeat_nothing(
    audit_database: Database, database_url: str, sink: Any, tmp_path: Path
) -> None:
    directory = tmp_path / "rig"
    directory.mkdir()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, str(RIG), str(directory), database_url, str(ROUNDS), "7"),
        cwd=ROOT,
        env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"},
        stderr=asyncio.subprocess.PIPE,
    )
    _, errors = await process.communicate()
    assert process.returncode == 0, errors.decode()

    called = (directory / "evidence").read_text().split()
    async with audit_database.session() as session:
        bodies = [decode(body) for body in await session.scalars(select(AuditRecord.body))]
        reports = await verify_database(
            session, public_keys=[load_public_key(directory / "keys" / PUBLIC_KEY_FILE)]
        )
    recorded = {body["request_id"]: body for body in bodies}
    outcomes = Counter(body["outcome"] for body in bodies)
    settled = await sink.booked(audit_database)

    assert len(called) > ROUNDS
    assert outcomes["interrupted"] > ROUNDS, "the kills have hit running requests"
    assert outcomes["completed"] > ROUNDS
    assert len(recorded) == len(bodies), "no request is recorded twice"
    assert {name for name in called if recorded[name]["upstream"] == "capture"} == set(called)
    assert len(settled) == len(set(settled)), "no request is settled twice"
    assert set(called) <= set(settled)
    assert set(settled) == {name for name, body in recorded.items() if body["upstream"]}
    assert [report.ok for report in reports] == [True, True], reports
    assert [path.name for path in (directory / "journal").iterdir()] == ["lock"]
