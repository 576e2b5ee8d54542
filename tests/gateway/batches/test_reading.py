"""Lines of input files: what is wrong with one is told without quoting it."""

import json
from typing import Any

import pytest

from gateway.batches.reading import LineProblem, parse_line

URL = "/v1/embeddings"
GOOD: dict[str, Any] = {"custom_id": "a", "method": "POST", "url": URL, "body": {"model": "m"}}
DEEP = "[" * 200 + "]" * 200


def test_a_line() -> None:
    line = parse_line(json.dumps(GOOD).encode(), URL)
    assert (line.custom_id, line.body) == ("a", {"model": "m"})


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("{", "invalid_json_line"),
        ("\udcff", "invalid_json_line"),
        ("[]", "invalid_json_line"),
        (json.dumps(GOOD)[:-1] + f', "x": {DEEP}}}', "invalid_json_line"),
        ({"custom_id": None}, "invalid_custom_id"),
        ({"custom_id": ""}, "invalid_custom_id"),
        ({"custom_id": "x" * 513}, "invalid_custom_id"),
        ({"method": "GET"}, "invalid_method"),
        ({"url": "/v1/responses"}, "mismatched_url"),
        ({"body": []}, "invalid_request"),
        ({"body": {"stream": True}}, "stream_not_supported"),
    ],
)
def test_what_is_wrong(line: str | dict[str, Any], code: str) -> None:
    text = line if isinstance(line, str) else json.dumps(GOOD | line)
    with pytest.raises(LineProblem) as caught:
        parse_line(text.encode("utf-8", "surrogateescape"), URL)
    assert caught.value.code == code
    told = caught.value.at(7)
    assert told["line"] == 7
    assert "xxx" not in told["message"]
