"""The files that a batch leaves: a line for each request, in OpenAI's shape."""

from typing import Any

import msgspec

from gateway.batches.asking import Answer
from gateway.batches.models import Batch, BatchLine

RESULT = "result"  # the part under which a line's result is sealed
EXPIRED = ("batch_expired", "The completion window was over before this request was sent.")
CANCELLED = ("batch_cancelled", "The batch was cancelled before this request was sent.")
# Of requests that were not sent, by how their batch ended.
UNASKED = {"expired": EXPIRED, "cancelled": CANCELLED}
INTERRUPTED = (
    "batch_line_interrupted",
    "This request broke off twice before its answer came; look at its audit records.",
)


def answered(batch: Batch, line: BatchLine, custom_id: str, answer: Answer) -> bytes:
    """The line of a request that the gateway answered, whatever the status."""
    response = {
        "status_code": answer.status,
        "request_id": answer.request_id,
        "body": _body(answer.body),
    }
    return _line(batch, line, custom_id, response, None)


def failed(batch: Batch, line: BatchLine, custom_id: str, problem: tuple[str, str]) -> bytes:
    """The line of a request that got no answer."""
    code, message = problem
    return _line(batch, line, custom_id, None, {"code": code, "message": message})


def unasked_lines(status: str, count: int) -> list[dict[str, Any]] | None:
    """What a batch that ended so keeps about requests that were not sent."""
    return [{"code": UNASKED.get(status, EXPIRED)[0], "count": count}] if count else None


def _line(batch: Batch, line: BatchLine, custom_id: str, response: Any, error: Any) -> bytes:
    return msgspec.json.encode(
        {
            "id": f"batch_req_{batch.id.removeprefix('batch_')}_{line.number}",
            "custom_id": custom_id,
            "response": response,
            "error": error,
        }
    )


def _body(content: bytes) -> Any:
    """As it came where it fits on a line, so that no number changes its form."""
    try:
        decoded = msgspec.json.decode(content)
    except ValueError:
        return content.decode("utf-8", "replace")
    return decoded if b"\n" in content or b"\r" in content else msgspec.Raw(content)
