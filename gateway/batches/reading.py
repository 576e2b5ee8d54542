"""The input file of a batch: each line checked before any of it is asked."""

from dataclasses import dataclass
from typing import Any

import msgspec

from gateway.content.walk import MAX_DEPTH, is_deep
from gateway.files import FileReader

MOST_PROBLEMS = 50
_MOST_ID = 512


@dataclass(frozen=True, slots=True)
class Line:
    """One request: ``body`` is what the endpoint gets."""

    custom_id: str
    body: dict[str, Any]


class LineProblem(Exception):
    """What is wrong with a line; no part of the line stands in it."""

    def __init__(self, code: str, message: str, param: str | None = None) -> None:
        super().__init__(code)
        self.code = code
        self.message = message
        self.param = param

    def at(self, line: int | None) -> dict[str, Any]:
        return {"code": self.code, "message": self.message, "param": self.param, "line": line}


def parse_line(raw: bytes, endpoint: str) -> Line:
    """Raises ``LineProblem``."""
    try:
        content = msgspec.json.decode(raw)
    except (ValueError, RecursionError):
        raise LineProblem("invalid_json_line", "The line is not valid JSON.") from None
    if not isinstance(content, dict):
        raise LineProblem("invalid_json_line", "The line must be a JSON object.")
    if raw.count(b"{") + raw.count(b"[") > MAX_DEPTH and is_deep(content):
        raise LineProblem("invalid_json_line", f"Nested more than {MAX_DEPTH} levels deep.")
    custom_id, body = content.get("custom_id"), content.get("body")
    if not isinstance(custom_id, str) or not 1 <= len(custom_id) <= _MOST_ID:
        message = f"`custom_id` must be a text of 1 to {_MOST_ID} characters."
        raise LineProblem("invalid_custom_id", message, "custom_id")
    if content.get("method") != "POST":
        raise LineProblem("invalid_method", "`method` must be POST.", "method")
    if content.get("url") != endpoint:
        raise LineProblem("mismatched_url", f"`url` must be {endpoint}.", "url")
    if not isinstance(body, dict):
        raise LineProblem("invalid_request", "`body` must be an object.", "body")
    if body.get("stream"):
        raise LineProblem("stream_not_supported", "A line cannot be streamed.", "body.stream")
    return Line(custom_id, body)


async def read_lines(
    reader: FileReader, endpoint: str, *, most_lines: int, most_bytes: int
) -> tuple[list[dict[str, int]], list[dict[str, Any]]]:
    """Where each line stands (``number`` from 1, ``start``, ``length``), and what is wrong."""
    rows: list[dict[str, int]] = []
    problems: list[dict[str, Any]] = []
    seen: set[str] = set()
    number = 0
    async for start, raw in reader.lines():
        number += 1
        if not raw.strip():
            continue
        try:
            _check(raw, endpoint, seen, most_bytes)
        except LineProblem as problem:
            problems.append(problem.at(number))
        rows.append({"number": number, "start": start, "length": len(raw)})
        if len(rows) > most_lines:
            problems.append(
                LineProblem("too_many_lines", f"A batch has at most {most_lines} lines.").at(None)
            )
        if len(problems) >= MOST_PROBLEMS or len(rows) > most_lines:
            break
    if not rows:
        problems.append(LineProblem("empty_file", "The input file has no lines.").at(None))
    return rows, problems


def _check(raw: bytes, endpoint: str, seen: set[str], most_bytes: int) -> None:
    if len(raw) > most_bytes:
        raise LineProblem("line_too_long", f"A line has at most {most_bytes} bytes.")
    line = parse_line(raw, endpoint)
    if line.custom_id in seen:
        message = "Another line has the same `custom_id`."
        raise LineProblem("duplicate_custom_id", message, "custom_id")
    seen.add(line.custom_id)
