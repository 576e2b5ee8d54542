"""Anthropic's Message Batches by the official SDK: governed, billed and kept apart."""

import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from decimal import Decimal
from functools import partial
from typing import Any

import anthropic
import httpx
import pytest
from anthropic import Anthropic
from anthropic.types.messages import MessageBatch, MessageBatchIndividualResponse
from openai import OpenAI

from support.canaries import fields_of, groups_of, make_canaries
from support.canary_places import files_under
from support.canary_scan import CanaryScanner
from support.deployment import KEYS, Capture, Deployment, gateway, settings
from support.outcomes import soon

_wait = partial(soon, within_s=60)


@pytest.fixture(scope="module")
def site(
    tmp_path_factory: pytest.TempPathFactory, _capture_process: Capture
) -> Iterator[Deployment]:
    """A gateway that runs jobs itself, with half prices for batches."""
    directory = tmp_path_factory.mktemp("message-batches")
    content = settings(directory, _capture_process.url)
    content["prices"] = [price | {"batch": "0.5"} for price in content["prices"]]
    with gateway(directory, content) as deployment:
        yield deployment


def _sdk(deployment: Deployment, tenant: str) -> Anthropic:
    return Anthropic(base_url=deployment.url, api_key=KEYS[tenant], max_retries=0)


@pytest.fixture
def claude(site: Deployment) -> Iterator[Anthropic]:
    with _sdk(site, "acme") as client:
        yield client


@pytest.fixture
def stranger(site: Deployment) -> Iterator[Anthropic]:
    """Another tenant."""
    with _sdk(site, "globex") as client:
        yield client


def _request(name: str, text: str = "Say hello.", **params: Any) -> Any:
    messages = [{"role": "user", "content": text}]
    return {
        "custom_id": name,
        "params": {"model": "sov-flash", "max_tokens": 50, "messages": messages, **params},
    }


def _ended(client: Anthropic, batch: MessageBatch) -> MessageBatch:
    def look() -> MessageBatch | None:
        found = client.messages.batches.retrieve(batch.id)
        return found if found.processing_status == "ended" else None

    return _wait(look)


def _results(client: Anthropic, batch_id: str) -> dict[str, MessageBatchIndividualResponse]:
    return {line.custom_id: line for line in client.messages.batches.results(batch_id)}


def _rows(site: Deployment, query: str, *values: Any) -> list[Any]:
    with closing(sqlite3.connect(site.directory / "data" / "sovgate.db")) as database:
        return database.execute(query, values).fetchall()


def _stored(site: Deployment) -> list[int]:
    """How many files, batches and keys of either."""
    keys = "vault_data_keys WHERE owner LIKE 'file:%' OR owner LIKE 'batch:%'"
    tables = ("files", "batches", keys)
    return [_rows(site, f"SELECT count(*) FROM {table}")[0][0] for table in tables]


def test_a_batch_from_its_making_to_its_end(
    site: Deployment, claude: Anthropic, stranger: Anthropic, capture: Capture
) -> None:
    canaries = make_canaries(16, seed=12)
    groups = groups_of(canaries, 4)
    requests = [_request(f"r-{n}", f"Note: {fields_of(group)}") for n, group in enumerate(groups)]
    requests.append(_request("wrong", model="no-such-model"))
    stored = _stored(site)
    capture.script(delay_s=60)
    batch = claude.messages.batches.create(requests=requests)
    assert (batch.type, batch.processing_status) == ("message_batch", "in_progress")
    assert (batch.request_counts.processing, batch.results_url) == (5, None)
    assert (batch.expires_at - batch.created_at).total_seconds() == 24 * 3600
    for call in (claude.messages.batches.delete, _raw_results(site)):
        _refused(lambda call=call: call(batch.id), 409, "batch_state_conflict")
    _wait(lambda: len(capture.ids()) == len(groups))
    capture.answer_now()
    done = _ended(claude, batch)
    counts = done.request_counts
    assert (counts.succeeded, counts.errored, counts.processing) == (4, 1, 0)
    assert counts.canceled == counts.expired == 0
    assert done.ended_at is not None
    lines = _results(claude, batch.id)
    assert set(lines) == {"r-0", "r-1", "r-2", "r-3", "wrong"}
    for number, group in enumerate(groups):
        result = lines[f"r-{number}"].result
        assert result.type == "succeeded"
        (block,) = result.message.content
        assert block.type == "text"
        assert block.text == f"You said: Note: {fields_of(group)}"
    error = lines["wrong"].result
    assert error.type == "errored"
    assert error.error.error.type == "not_found_error"
    asked = capture.seen()
    assert len(asked) == 4
    assert not any(canary.needle in json.dumps(asked) for canary in canaries)
    _settled_once_at_half(site, capture.ids())
    _nobody_else_finds_it(site, claude, stranger, batch.id)
    scanner = CanaryScanner(canaries)
    log = (site.directory / "gateway.log").read_bytes()
    places = [*files_under(site.directory / "data"), ("log", log)]
    assert [hit for name, content in places for hit in scanner.scan(name, content)] == []
    _deleted(site, claude, batch.id)
    assert _stored(site) == stored


def _settled_once_at_half(site: Deployment, ids: list[str]) -> None:
    """11 prompt and 7 answer tokens at (0.15, 0.60) a million, halved; all on record."""
    query = "SELECT request_id, cost FROM usage_records"
    _wait(lambda: {row[0] for row in _rows(site, query)} >= set(ids))
    costs = [Decimal(row[1]) for row in _rows(site, query) if row[0] in ids]
    assert costs == [Decimal("0.000002925")] * len(ids)
    told = _rows(site, "SELECT request_id FROM audit_records WHERE kind = 'request'")
    assert sorted(row[0] for row in told if row[0] in ids) == sorted(ids)


def _nobody_else_finds_it(
    site: Deployment, claude: Anthropic, stranger: Anthropic, batch_id: str
) -> None:
    batches = stranger.messages.batches
    for call in (batches.retrieve, batches.cancel, batches.delete, batches.results):
        _refused(lambda call=call: call(batch_id), 404, "batch_not_found")
    _refused(lambda: stranger.messages.batches.list(after_id=batch_id), 404, "batch_not_found")
    assert not list(stranger.messages.batches.list())
    assert batch_id in {each.id for each in claude.messages.batches.list()}
    with OpenAI(base_url=site.base_url, api_key=KEYS["acme"], max_retries=0) as client:
        assert batch_id not in {each.id for each in client.batches.list()}


def _deleted(site: Deployment, claude: Anthropic, batch_id: str) -> None:
    gone = claude.messages.batches.delete(batch_id)
    assert (gone.id, gone.type) == (batch_id, "message_batch_deleted")
    _refused(lambda: claude.messages.batches.retrieve(batch_id), 404, "batch_not_found")
    query = "SELECT count(*) FROM vault_data_keys WHERE owner = ?"
    assert _rows(site, query, f"batch:{batch_id}") == [(0,)]
    bodies = _rows(site, "SELECT body FROM audit_records WHERE kind = 'admin' ORDER BY seq")
    told = [record for row in bodies if (record := json.loads(row[0]))["method"] == "key"]
    done = [record["action"] for record in told]
    assert done[:2] == ["file.create", "batch.create"]
    assert done[-4:] == ["file.delete", "file.delete", "file.delete", "batch.delete"]


def _raw_results(site: Deployment) -> Callable[[str], None]:
    """The SDK does not ask for results of a batch that has not ended."""

    def ask(batch_id: str) -> None:
        with _sdk(site, "acme") as client:
            client.get(f"/v1/messages/batches/{batch_id}/results", cast_to=httpx.Response)

    return ask


def _refused(call: Callable[[], Any], status: int, code: str) -> None:
    with pytest.raises(anthropic.APIStatusError) as caught:
        call()
    body: Any = caught.value.body
    assert (caught.value.status_code, body["type"]) == (status, "error")
    assert body["error"]["code"] == code


def test_a_batch_that_is_cancelled(claude: Anthropic, capture: Capture) -> None:
    capture.script(delay_s=60)
    batch = claude.messages.batches.create(requests=[_request(f"r{n}") for n in range(60)])
    _wait(lambda: len(capture.ids()) >= 8)
    stopped = claude.messages.batches.cancel(batch.id)
    assert stopped.processing_status == "canceling"
    assert stopped.cancel_initiated_at is not None
    capture.script(delay_s=1.0)  # what is asked before the cancellation is noticed
    capture.answer_now()
    done = _ended(claude, batch)
    counts = done.request_counts
    assert counts.succeeded == len(capture.ids())
    assert counts.succeeded + counts.canceled == 60
    kinds = [line.result.type for line in _results(claude, batch.id).values()]
    assert kinds.count("succeeded") == counts.succeeded
    assert kinds.count("canceled") == counts.canceled > 0
    _refused(lambda: claude.messages.batches.cancel(batch.id), 409, "batch_state_conflict")


def test_lists_and_the_same_request_again(claude: Anthropic) -> None:
    def make(key: str) -> MessageBatch:
        headers = {"Idempotency-Key": key}
        return claude.messages.batches.create(requests=[_request("r")], extra_headers=headers)

    made = [make(f"again-{number}") for number in range(3)]
    assert make("again-0").id == made[0].id
    newest_first = [batch.id for batch in reversed(made)]
    pages = claude.messages.batches.list(limit=1)  # the SDK asks for every page
    assert [batch.id for batch in pages][:3] == newest_first
    before = claude.messages.batches.list(before_id=made[0].id, limit=1)
    assert [batch.id for batch in before.data] == [made[1].id]
    assert before.has_more
    assert [batch.id for batch in before] == [made[1].id, made[2].id]
    for batch in made:
        assert _ended(claude, batch).request_counts.succeeded == 1
        claude.messages.batches.delete(batch.id)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"{", "malformed_json"),
        ({}, "invalid_batch"),
        ({"requests": []}, "invalid_batch"),
        ({"requests": [{"custom_id": "a"}]}, "invalid_batch"),
        ({"requests": [{"custom_id": "a", "params": []}]}, "invalid_batch"),
        ({"requests": [_request("with space")]}, "invalid_batch"),
        ({"requests": [_request("a"), _request("a")]}, "invalid_batch"),
        ({"requests": [_request("a", stream=True)]}, "invalid_batch"),
    ],
)
def test_what_is_wrong_with_a_body_is_told_at_once(site: Deployment, body: Any, code: str) -> None:
    before = _stored(site)
    answer = httpx.post(
        f"{site.base_url}/messages/batches",
        content=body if isinstance(body, bytes) else json.dumps(body),
        headers={"x-api-key": KEYS["acme"]},
    )
    told = answer.json()
    assert (answer.status_code, told["type"]) == (400, "error")
    assert told["error"]["type"] == "invalid_request_error"
    assert told["error"]["code"] == code
    assert _stored(site) == before
