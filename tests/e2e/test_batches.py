"""Files and batches by the official SDK: on one machine, and by a Celery worker that is killed."""

import asyncio
import json
import signal
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
from celery import Celery
from openai import APIStatusError, OpenAI
from openai.types import Batch
from sqlalchemy import func, select, update

from billing.jobs.app import RUN
from billing.models import Job, UsageRecord
from core.clock import SystemClock
from core.database import Database
from gateway.audit.models import AuditRecord
from support.canaries import fields_of, groups_of, make_canaries
from support.canary_places import files_under
from support.canary_scan import CanaryScanner
from support.deployment import KEYS, SECRETS, Capture, Deployment, gateway, settings
from support.outcomes import soon
from support.processes import running

_wait = partial(soon, within_s=60)

URL = "/v1/chat/completions"
_ENDED = {"completed", "failed", "expired", "cancelled"}


def _content(directory: Path, capture: Capture, **sections: Any) -> dict[str, Any]:
    content = settings(directory, capture.url, **sections)
    content["prices"] = [price | {"batch": "0.5"} for price in content["prices"]]
    return content


@pytest.fixture(scope="module")
def site(
    tmp_path_factory: pytest.TempPathFactory, _capture_process: Capture
) -> Iterator[Deployment]:
    """A gateway that runs jobs itself, with half prices for batches."""
    directory = tmp_path_factory.mktemp("batches")
    with gateway(directory, _content(directory, _capture_process)) as deployment:
        yield deployment


def _sdk(deployment: Deployment, tenant: str = "acme") -> OpenAI:
    return OpenAI(base_url=deployment.base_url, api_key=KEYS[tenant], max_retries=0)


@pytest.fixture
def client(site: Deployment) -> Iterator[OpenAI]:
    with _sdk(site) as client:
        yield client


@pytest.fixture
def stranger(site: Deployment) -> Iterator[OpenAI]:
    """Another tenant."""
    with _sdk(site, "globex") as client:
        yield client


def _line(number: int, text: str = "Say hello.", model: str = "flash") -> dict[str, Any]:
    body = {"model": model, "messages": [{"role": "user", "content": text}]}
    return {"custom_id": f"line-{number}", "method": "POST", "url": URL, "body": body}


def _start(client: OpenAI, lines: list[Any], **options: Any) -> Batch:
    text = "\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines)
    file = client.files.create(file=("in.jsonl", text.encode()), purpose="batch")
    return client.batches.create(
        input_file_id=file.id, endpoint=URL, completion_window="24h", **options
    )


def _ended(client: OpenAI, batch: Batch) -> Batch:
    def look() -> Batch | None:
        found = client.batches.retrieve(batch.id)
        return found if found.status in _ENDED else None

    return _wait(look)


def _results(client: OpenAI, file_id: str | None) -> list[dict[str, Any]]:
    assert file_id is not None
    return [json.loads(line) for line in client.files.content(file_id).text.splitlines()]


def _rows(deployment: Deployment, query: str, *values: Any) -> list[Any]:
    with closing(sqlite3.connect(deployment.directory / "data" / "sovgate.db")) as database:
        return database.execute(query, values).fetchall()


def test_files_are_kept_as_they_came_and_of_one_project(
    site: Deployment, client: OpenAI, stranger: OpenAI, capture: Capture
) -> None:
    content = bytes(range(256)) * 3000  # three chunks
    file = client.files.create(
        file=("notes.bin", content),
        purpose="user_data",
        expires_after={"anchor": "created_at", "seconds": 3600},
    )
    assert (file.bytes, file.filename, file.purpose) == (len(content), "notes.bin", "user_data")
    assert file.expires_at == file.created_at + 3600
    assert client.files.content(file.id).read() == content
    assert client.files.retrieve(file.id) == file
    other = client.files.create(file=("b.txt", b"x"), purpose="user_data")
    listed = client.files.list(purpose="user_data", limit=1)
    assert [each.id for each in listed] == [other.id, file.id]  # the SDK asks for every page
    assert [each.id for each in client.files.list(purpose="user_data", order="asc")] == [
        file.id,
        other.id,
    ]
    for call in (stranger.files.retrieve, stranger.files.content, stranger.files.delete):
        with pytest.raises(APIStatusError) as caught:
            call(file.id)
        assert (caught.value.status_code, caught.value.code) == (404, "file_not_found")
    assert file.id not in {each.id for each in stranger.files.list()}
    assert client.files.delete(file.id).deleted
    with pytest.raises(APIStatusError, match="no such file"):
        client.files.retrieve(file.id)
    actions = _rows(site, "SELECT body FROM audit_records WHERE kind = 'admin'")
    told = [json.loads(row[0]) for row in actions if file.id in row[0]]
    assert [record["action"] for record in told] == ["file.create", "file.delete"]
    assert {record["method"] for record in told} == {"key"}
    assert capture.seen() == []


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"purpose": "party"}, "invalid_file"),
        ({}, "invalid_file"),
        ({"purpose": "batch", "expires_after[anchor]": "now"}, "invalid_file"),
        (
            {
                "purpose": "batch",
                "expires_after[anchor]": "created_at",
                "expires_after[seconds]": "1",
            },
            "invalid_file",
        ),
    ],
)
def test_an_upload_that_is_wrong_leaves_nothing(
    site: Deployment, fields: dict[str, str], code: str
) -> None:
    headers = {"authorization": f"Bearer {KEYS['acme']}"}
    before = _rows(site, "SELECT count(*) FROM files")
    answer = httpx.post(
        f"{site.base_url}/files", headers=headers, data=fields, files={"file": ("a", b"content")}
    )
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, code)
    none = httpx.post(f"{site.base_url}/files", headers=headers, json=fields)
    assert none.json()["error"]["code"] == "invalid_form"
    assert _rows(site, "SELECT count(*) FROM files") == before


def test_a_batch_is_governed_line_by_line_and_costs_half(
    site: Deployment, client: OpenAI, stranger: OpenAI, capture: Capture
) -> None:
    canaries = make_canaries(40, seed=11)
    groups = groups_of(canaries, 4)
    lines = [_line(n, f"Note: {fields_of(group)}") for n, group in enumerate(groups)]
    lines[1]["custom_id"] = canaries[0].needle
    lines.append(_line(98, model="no-such-model"))
    batch = _start(client, lines, metadata={"owner": canaries[1].needle})
    assert batch.status == "validating"
    with pytest.raises(APIStatusError) as caught:
        client.files.delete(batch.input_file_id)
    assert caught.value.code == "file_in_use"
    done = _ended(client, batch)
    assert (done.status, done.metadata) == ("completed", {"owner": canaries[1].needle})
    counts = done.request_counts
    assert counts is not None
    assert (counts.total, counts.completed, counts.failed) == (11, 10, 1)
    results = _results(client, done.output_file_id)
    assert [line["custom_id"] for line in results] == [line["custom_id"] for line in lines[:10]]
    answer = results[0]["response"]["body"]["choices"][0]["message"]["content"]
    assert answer == f"You said: Note: {fields_of(groups[0])}"
    (failed,) = _results(client, done.error_file_id)
    assert failed["response"]["status_code"] == 404
    assert failed["response"]["body"]["error"]["code"] == "model_not_found"
    seen = capture.seen()
    assert len(seen) == 10
    assert not any(canaries[0].needle in json.dumps(each["body"]) for each in seen)
    ids = [line["response"]["request_id"] for line in results]
    _settled_once_at_half(site, ids)
    asked = _rows(site, "SELECT request_id FROM audit_records WHERE kind = 'request'")
    assert sorted(row[0] for row in asked if row[0] in ids) == sorted(ids)
    assert next(iter(client.batches.list())).id == batch.id
    with pytest.raises(APIStatusError) as caught:
        stranger.batches.retrieve(batch.id)
    assert (caught.value.status_code, caught.value.code) == (404, "batch_not_found")
    assert not list(stranger.batches.list())
    scanner = CanaryScanner(canaries)
    places = [*files_under(site.directory / "data"), ("log", _log(site))]
    assert [hit for name, content in places for hit in scanner.scan(name, content)] == []


def _settled_once_at_half(site: Deployment, ids: list[str]) -> None:
    """11 prompt and 7 answer tokens at (0.15, 0.60) a million, halved."""
    query = "SELECT request_id, cost FROM usage_records"
    _wait(lambda: {row[0] for row in _rows(site, query)} >= set(ids))
    costs = [Decimal(row[1]) for row in _rows(site, query) if row[0] in ids]
    assert costs == [Decimal("0.000002925")] * len(ids)


def _log(site: Deployment) -> bytes:
    return (site.directory / "gateway.log").read_bytes()


def test_wrong_lines_are_told_by_number_and_nothing_is_asked(
    client: OpenAI, capture: Capture
) -> None:
    lines = [_line(1), "{nonsense", _line(1), {**_line(4), "url": "/v1/embeddings"}]
    done = _ended(client, _start(client, lines))
    assert done.status == "failed"
    assert done.errors is not None
    assert [(problem.line, problem.code) for problem in done.errors.data or []] == [
        (2, "invalid_json_line"),
        (3, "duplicate_custom_id"),
        (4, "mismatched_url"),
    ]
    assert capture.seen() == []


def test_a_cancelled_batch_keeps_the_answers_that_came(client: OpenAI, capture: Capture) -> None:
    capture.script(delay_s=1.0)
    batch = _start(client, [_line(number) for number in range(80)])
    _wait(lambda: len(capture.ids()) >= 8)
    capture.answer_now()
    _wait(lambda: _counts(client, batch)[1] >= 8)
    assert client.batches.cancel(batch.id).status == "cancelling"
    done = _ended(client, batch)
    total, completed, failed = _counts(client, batch)
    assert (done.status, total, completed + failed) == ("cancelled", 80, 80)
    assert len(_results(client, done.output_file_id)) == completed == len(capture.ids())
    left = _results(client, done.error_file_id)
    assert {line["error"]["code"] for line in left} == {"batch_cancelled"}
    with pytest.raises(APIStatusError) as caught:
        client.batches.cancel(batch.id)
    assert (caught.value.status_code, caught.value.code) == (409, "batch_state_conflict")


def _counts(client: OpenAI, batch: Batch) -> tuple[int, int, int]:
    counts = client.batches.retrieve(batch.id).request_counts
    assert counts is not None
    return counts.total, counts.completed, counts.failed


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_a_killed_worker_is_followed_by_another_that_asks_nothing_twice(
    tmp_path: Path, capture: Capture, database_url: str, valkey_url: str
) -> None:
    content = _content(tmp_path, capture, database={"url": database_url}, redis={"url": valkey_url})
    capture.script(delay_s=0.25)
    with gateway(tmp_path, content) as deployment, _sdk(deployment) as client:
        with _worker(deployment, "first") as worker:
            batch = _start(client, [_line(number) for number in range(60)])
            _wait(lambda: _counts(client, batch)[1] >= 10)
            worker.process.send_signal(signal.SIGKILL)
            worker.process.wait()
        # As it is a minute after the last sign of life.
        job_id = asyncio.run(_age_heartbeat(database_url))
        with _worker(deployment, "second"):
            with Celery(broker=valkey_url, set_as_current=False) as bell:  # instead of the poll
                bell.send_task(RUN, (job_id,), queue="sovgate")
            done = _ended(client, batch)
        assert (done.status, _counts(client, batch)) == ("completed", (60, 60, 0))
        results = _results(client, done.output_file_id)
        assert [line["custom_id"] for line in results] == [f"line-{n}" for n in range(60)]
        ids = [line["response"]["request_id"] for line in results]
        # The gateway finished what was under way, and gave the answers to the second worker.
        assert len(capture.ids()) == len(set(ids)) == 60
        _wait(lambda: asyncio.run(_written(database_url)) == (60, 60))


def _worker(deployment: Deployment, name: str) -> Any:
    log = deployment.directory / f"{name}.log"
    command = [sys.executable, "-m", "celery", "-A", "gateway.celery_app", "worker"]
    return running(
        [*command, "--queues", "sovgate", "--pool", "solo", "--loglevel", "INFO"],
        ready=lambda: log.exists() and " ready." in log.read_text(),
        log=log,
        env={**SECRETS, "SOVGATE_CONFIG": str(deployment.config)},
    )


async def _age_heartbeat(url: str) -> str:
    """The id of the batch's job."""
    database = Database(url)
    async with database.transaction() as session:
        past = SystemClock().now() - timedelta(minutes=5)
        aged = update(Job).where(Job.kind == "batch").values(heartbeat_at=past)
        job_id = await session.scalar(aged.returning(Job.id))
    await database.dispose()
    assert job_id is not None
    return job_id


async def _written(url: str) -> tuple[int, int]:
    """Requests that were settled, and records of them."""
    database = Database(url)
    async with database.session() as session:
        used = await session.scalar(select(func.count()).select_from(UsageRecord))
        query = select(func.count()).select_from(AuditRecord).where(AuditRecord.kind == "request")
        told = await session.scalar(query)
    await database.dispose()
    return used or 0, told or 0
