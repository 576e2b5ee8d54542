"""Anthropic's Message Batches as lines of an input file, and result lines in Anthropic's shape."""

import re
from collections.abc import Iterator
from typing import Any

import msgspec

from gateway.batches.errors import InvalidBatch
from gateway.batches.reading import LineProblem, parse_line
from gateway.batches.results import CANCELLED, EXPIRED
from gateway.errors import MalformedJson

ENDPOINT = "/v1/messages"
_ID = re.compile(r"[a-zA-Z0-9_-]{1,64}")
_UNSENT = {CANCELLED[0]: b'{"type":"canceled"}', EXPIRED[0]: b'{"type":"expired"}'}
# Between the parts of JSON; within a text they would have to be escaped.
_ENDS_OF_LINES = bytes.maketrans(b"\r\n", b"  ")


class _Request(msgspec.Struct):
    custom_id: str
    params: msgspec.Raw


class _Requests(msgspec.Struct):
    requests: list[_Request]


class _Problem(msgspec.Struct):
    code: str
    message: str


class _Response(msgspec.Struct):
    status_code: int
    request_id: str
    body: msgspec.Raw


class _Result(msgspec.Struct):
    custom_id: str
    response: _Response | None
    error: _Problem | None


def input_lines(raw: bytes, most: int) -> list[bytes]:
    """The body of ``POST /v1/messages/batches`` as lines of an input file.

    Raises:
        MalformedJson, InvalidBatch: it has no requests, more than ``most``, or wrong ones.
    """
    requests = _decoded(raw)
    if not 1 <= len(requests) <= most:
        raise InvalidBatch(f"`requests` takes 1 to {most} requests.", param="requests")
    seen: set[str] = set()
    lines: list[bytes] = []
    for number, request in enumerate(requests):
        if not _ID.fullmatch(request.custom_id):
            message = "must be 1 to 64 letters, digits, hyphens and underscores"
            raise _wrong(number, f"`custom_id` {message}.", "custom_id")
        if request.custom_id in seen:
            raise _wrong(number, "Another request has the same `custom_id`.", "custom_id")
        seen.add(request.custom_id)
        lines.append(_line(number, request))
    return lines


def result_line(raw: bytes) -> bytes:
    """A line of a batch's output or error file as a line of a Message Batch's results."""
    result = msgspec.json.decode(raw, type=_Result)
    told = msgspec.Raw(_told(result))
    return msgspec.json.encode({"custom_id": result.custom_id, "result": told})


def _decoded(raw: bytes) -> list[_Request]:
    try:
        return msgspec.json.decode(raw, type=_Requests).requests
    except msgspec.ValidationError:
        raise InvalidBatch(
            "`requests` must be a list of objects with a text `custom_id` and `params`.",
            param="requests",
        ) from None
    except (ValueError, RecursionError):
        raise MalformedJson(
            "The request body is not valid JSON; check quotes and commas."
        ) from None


def _line(number: int, request: _Request) -> bytes:
    head = {"custom_id": request.custom_id, "method": "POST", "url": ENDPOINT}
    params = bytes(request.params).translate(_ENDS_OF_LINES)
    line = msgspec.json.encode({**head, "body": msgspec.Raw(params)})
    try:
        parse_line(line, ENDPOINT)
    except LineProblem as problem:
        param = (problem.param or "params").replace("body", "params")
        raise _wrong(number, problem.message.replace("`body`", "`params`"), param) from None
    return line


def _wrong(number: int, message: str, param: str) -> InvalidBatch:
    return InvalidBatch(f"Request {number}: {message}", param=f"requests.{number}.{param}")


def _told(result: _Result) -> bytes:
    response = result.response
    if response is not None and response.status_code < 400:
        return msgspec.json.encode({"type": "succeeded", "message": response.body})
    if response is not None:
        return msgspec.json.encode({"type": "errored", "error": _error(response)})
    problem = result.error or _Problem("internal_error", "The request failed.")
    if problem.code in _UNSENT:
        return _UNSENT[problem.code]
    words = {"type": "api_error", "message": problem.message, "code": problem.code}
    error = {"type": "error", "error": words, "request_id": None}
    return msgspec.json.encode({"type": "errored", "error": error})


def _error(response: _Response) -> Any:
    """The gateway's own answer, or what stands for one that is no error of the Messages API."""
    body: Any = msgspec.json.decode(response.body)
    if isinstance(body, dict) and body.get("type") == "error":
        return response.body
    message = f"The request was answered with status {response.status_code}."
    words = {"type": "api_error", "message": message}
    return {"type": "error", "error": words, "request_id": response.request_id}


def joined(lines: list[bytes], at_once: int) -> Iterator[bytes]:
    """The lines with their ends, in pieces of about so many bytes."""
    piece = bytearray()
    for line in lines:
        piece += line + b"\n"
        if len(piece) >= at_once:
            yield bytes(piece)
            piece.clear()
    if piece:
        yield bytes(piece)
