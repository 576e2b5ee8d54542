"""A batch whose window passes, and what is removed of it when its time has come."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from typing import Any

import pytest
from openai import APIStatusError, OpenAI

from support.books import assert_books
from support.deployment import KEYS, Capture, Deployment, gateway, settings
from support.outcomes import soon
from support.wall_clock import WallClock

_wait = partial(soon, within_s=60)

DAY_S = 86_400
SERVED = 6  # requests a minute
LINES = 20
BODY = {"model": "flash", "messages": [{"role": "user", "content": "Say hello."}]}


@pytest.fixture(scope="module")
def clock(tmp_path_factory: pytest.TempPathFactory) -> WallClock:
    clock = WallClock(tmp_path_factory.mktemp("clock") / "offset")
    clock.off_by(0)
    return clock


@pytest.fixture(scope="module")
def site(
    tmp_path_factory: pytest.TempPathFactory, _capture_process: Capture, clock: WallClock
) -> Iterator[Deployment]:
    """A gateway whose first tenant may ask six times a minute, so that a batch of its has to
    wait."""
    directory = tmp_path_factory.mktemp("expiry")
    content = settings(directory, _capture_process.url)
    content["bootstrap"]["tenants"][0]["limits"] = {"rpm": SERVED}
    with gateway(
        directory, content, module="support.clocked_gateway", env=clock.environment
    ) as deployment:
        yield deployment


def _upload(client: OpenAI, lines: int) -> str:
    rows = [
        {"custom_id": str(n), "method": "POST", "url": "/v1/chat/completions", "body": BODY}
        for n in range(lines)
    ]
    text = "\n".join(json.dumps(row) for row in rows)
    return client.files.create(file=("in.jsonl", text.encode()), purpose="batch").id


def _start(client: OpenAI, lines: int) -> str:
    return client.batches.create(
        input_file_id=_upload(client, lines),
        endpoint="/v1/chat/completions",
        completion_window="24h",
    ).id


def _lines(client: OpenAI, file_id: str | None) -> list[dict[str, Any]]:
    assert file_id is not None
    return [json.loads(line) for line in client.files.content(file_id).text.splitlines()]


def _count(site: Deployment, query: str, *values: Any) -> int:
    with closing(sqlite3.connect(site.directory / "data" / "sovgate.db")) as database:
        return database.execute(f"SELECT count(*) FROM {query}", values).fetchone()[0]


def _limited(site: Deployment) -> int:
    """Requests that the rate limit has refused."""
    return _count(site, "audit_records WHERE body LIKE '%requests_per_minute_exceeded%'")


def test_a_window_that_passes_leaves_partial_results_and_then_nothing(
    site: Deployment, clock: WallClock, capture: Capture
) -> None:
    with OpenAI(base_url=site.base_url, api_key=KEYS["acme"], max_retries=0) as client:
        batch_id = _start(client, LINES)
        # Those under way wait for the limit; none goes out meanwhile.
        _wait(lambda: len(capture.ids()) >= SERVED and _limited(site) >= 8)
        clock.off_by(DAY_S + 60)
        _wait(lambda: client.batches.retrieve(batch_id).status == "expired")
        batch = client.batches.retrieve(batch_id)
        counts = batch.request_counts
        served = len(capture.ids())
        assert counts is not None
        assert (counts.total, counts.completed, counts.failed) == (LINES, served, LINES - served)
        assert (batch.expired_at or 0) >= (batch.expires_at or 0) > 0
        done = _lines(client, batch.output_file_id)
        left = _lines(client, batch.error_file_id)
        told = [line["response"]["request_id"] for line in done]
        assert sorted(told) == sorted(capture.ids())
        assert {line["error"]["code"] for line in left} == {"batch_expired"}
        ids = [int(line["custom_id"]) for line in (*done, *left)]
        assert sorted(ids) == list(range(LINES))
        # Each line that was asked is on record and settled once, and nothing is set aside.
        assert_books(site, capture, told)
        assert _count(site, "files") == 3
        _removed_when_it_is_due(site, clock, client, batch_id)


def _removed_when_it_is_due(
    site: Deployment, clock: WallClock, client: OpenAI, batch_id: str
) -> None:
    clock.off_by(33 * DAY_S)
    assert [file.id for file in client.files.list()] == []  # at once, for its owner
    with OpenAI(base_url=site.base_url, api_key=KEYS["globex"], max_retries=0) as other:
        kept = _upload(other, 1)  # of now, so it stays
        other.batches.create(
            input_file_id=kept, endpoint="/v1/chat/completions", completion_window="24h"
        )
        _wait(lambda: not _count(site, "batches WHERE id = ?", batch_id))
        assert other.files.retrieve(kept).id == kept
    with pytest.raises(APIStatusError) as caught:
        client.batches.retrieve(batch_id)
    assert caught.value.status_code == 404
    left = "WHERE tenant = 'acme'"
    assert _count(site, f"files {left}") == _count(site, f"file_chunks {left}") == 0
    assert _count(site, f"batch_lines {left}") == 0
    owners = "(owner LIKE 'file:%' OR owner LIKE 'batch:%')"
    assert _count(site, f"vault_data_keys {left} AND {owners}") == 0
