"""Message Batches: what becomes of a body and of result lines, and how pages are cut."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from core.database import Database
from gateway.batches.errors import InvalidBatch
from gateway.batches.message_lines import input_lines, joined, result_line
from gateway.batches.messages import view
from gateway.batches.models import Batch
from gateway.batches.reading import parse_line
from gateway.batches.repository import BatchRepository
from gateway.batches.results import unasked_lines
from gateway.errors import MalformedJson

NOW = datetime(2026, 11, 29, tzinfo=UTC)
ERROR = {"type": "error", "error": {"type": "not_found_error", "message": "No."}, "request_id": "r"}


def body(*requests: Any) -> bytes:
    return json.dumps({"requests": list(requests)}, indent=2).encode()


def test_requests_become_lines_of_a_file() -> None:
    params = {"model": "m", "messages": [{"role": "user", "content": "a\nb"}]}
    given = [{"custom_id": name, "params": params} for name in ("a", "b")]
    lines = input_lines(body(*given), 2)
    assert not any(b"\n" in line for line in lines)
    assert [parse_line(line, "/v1/messages").custom_id for line in lines] == ["a", "b"]
    assert parse_line(lines[0], "/v1/messages").body == params
    whole = b"\n".join(lines) + b"\n"
    assert b"".join(joined(lines, 1)) == b"".join(joined(lines, 10**6)) == whole
    assert len(list(joined(lines, 1))) == 2


@pytest.mark.parametrize(
    ("request_", "param"),
    [
        ({"custom_id": "", "params": {}}, "requests.1.custom_id"),
        ({"custom_id": "x" * 65, "params": {}}, "requests.1.custom_id"),
        ({"custom_id": "a", "params": {}}, "requests.1.custom_id"),
        ({"custom_id": "b", "params": "secret"}, "requests.1.params"),
        ({"custom_id": "b", "params": {"stream": True}}, "requests.1.params.stream"),
    ],
)
def test_what_is_wrong_with_a_request_is_told_by_its_place(request_: Any, param: str) -> None:
    with pytest.raises(InvalidBatch) as caught:
        input_lines(body({"custom_id": "a", "params": {}}, request_), 9)
    assert caught.value.param == param
    assert "secret" not in caught.value.message


def test_what_is_wrong_with_a_body() -> None:
    one = {"custom_id": "a", "params": {}}
    deep = b'{"requests":[{"custom_id":"a","params":' + b"[" * 500 + b"]" * 500 + b"}]}"
    for raw in (b"{}", b"[]", body(), body(one, {**one, "custom_id": "b"}), deep):
        with pytest.raises(InvalidBatch):
            input_lines(raw, 1)
    with pytest.raises(MalformedJson):
        input_lines(b'{"requests":', 1)


@pytest.mark.parametrize(
    ("response", "error", "result"),
    [
        ((200, {"id": "msg_1"}), None, {"type": "succeeded", "message": {"id": "msg_1"}}),
        ((404, ERROR), None, {"type": "errored", "error": ERROR}),
        (None, "batch_cancelled", {"type": "canceled"}),
        (None, "batch_expired", {"type": "expired"}),
    ],
)
def test_results(response: Any, error: str | None, result: Any) -> None:
    assert told(response, error) == result


@pytest.mark.parametrize(
    ("response", "error"), [((502, "<html>"), None), (None, "batch_line_interrupted")]
)
def test_errors_that_are_none_of_the_api(response: Any, error: str | None) -> None:
    result = told(response, error)
    assert result["type"] == "errored"
    assert (result["error"]["type"], result["error"]["error"]["type"]) == ("error", "api_error")


def told(response: Any, error: str | None) -> Any:
    """The result that a line becomes."""
    line = {"id": "batch_req_1", "custom_id": "a", "response": None, "error": None}
    if response is not None:
        status, content = response
        line["response"] = {"status_code": status, "request_id": "req_1", "body": content}
    if error is not None:
        line["error"] = {"code": error, "message": "It was not sent."}
    made = json.loads(result_line(json.dumps(line).encode()))
    assert made["custom_id"] == "a"
    return made["result"]


def batch(name: str, status: str = "completed", **columns: Any) -> dict[str, Any]:
    return {
        "id": name,
        "project_id": "prj_1",
        "key_id": "key_1",
        "data_key": f"ok_{name}",
        "endpoint": "/v1/messages",
        "completion_window": "24h",
        "status": status,
        "input_file_id": "file_1",
        "total": 9,
        "completed": 0,
        "failed": 0,
        "created_at": NOW,
        "expires_at": NOW + timedelta(days=1),
    } | columns


@pytest.mark.parametrize(
    ("columns", "status", "counts"),
    [
        ({"status": "validating"}, "in_progress", {"processing": 9}),
        ({"status": "finalizing", "completed": 9}, "in_progress", {"processing": 9}),
        ({"status": "cancelling"}, "canceling", {"processing": 9}),
        ({"status": "failed"}, "ended", {"errored": 9}),
        ({"completed": 7, "failed": 2}, "ended", {"succeeded": 7, "errored": 2}),
        (
            {"status": "expired", "completed": 4, "failed": 5, "problems": ("expired", 3)},
            "ended",
            {"succeeded": 4, "errored": 2, "expired": 3},
        ),
        (
            {"status": "cancelled", "failed": 9, "problems": ("cancelled", 9)},
            "ended",
            {"canceled": 9},
        ),
    ],
)
def test_a_batch_as_its_owner_sees_it(
    columns: dict[str, Any], status: str, counts: dict[str, int]
) -> None:
    if "problems" in columns:
        columns = {**columns, "problems": unasked_lines(*columns["problems"])}
    seen = view(Batch(tenant="acme", **batch("msgbatch_1", **columns)))
    assert seen["processing_status"] == status
    assert {kind: count for kind, count in seen["request_counts"].items() if count} == counts
    assert (seen["results_url"] is not None) == (status == "ended")


async def test_pages_are_of_one_api_and_go_both_ways(database: Database) -> None:
    names = [f"msgbatch_{number}" for number in range(5)]
    async with database.transaction() as session:
        repository = BatchRepository(session, "acme")
        for name in (*names, "batch_9", "msgbatchx9"):
            await repository.add(batch(name), b"wrapped")
        found = {each: await repository.get(each) for each in names}

        async def page(limit: int, **ends: Batch | None) -> list[str]:
            return [each.id for each in await repository.page("prj_1", "msgbatch", limit, **ends)]

        assert await page(9) == names[::-1]
        assert await page(2, after=found["msgbatch_3"]) == names[2::-1]
        assert await page(2, before=found["msgbatch_1"]) == names[4:1:-1]
        assert await page(9, before=found["msgbatch_4"]) == []
        assert await repository.page("prj_2", "msgbatch", 9) == []
        assert await BatchRepository(session, "globex").page("prj_1", "msgbatch", 9) == []
        gone = found["msgbatch_2"]
        assert gone is not None
        await repository.delete(gone)
        assert await page(9) == [name for name in names[::-1] if name != gone.id]
