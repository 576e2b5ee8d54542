"""No corner of a request is left unread: fields, numbers, split values, long texts, media."""

import json
import threading
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from support.deployment import KEYS, Capture, Deployment, gateway, settings
from support.outcomes import assert_error, record_of

CARD = "4111 1111 1111 1111"
IMAGE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}}


@pytest.fixture(scope="module")
def watched(
    tmp_path_factory: pytest.TempPathFactory, _capture_process: Capture
) -> Iterator[Deployment]:
    """Tenant acme's policy lets images pass, tenant globex's does not."""
    directory = tmp_path_factory.mktemp("watched")
    content = settings(
        directory,
        _capture_process.url,
        policies={"default": {}, "strict": {"pii": {"media": {"images": "block"}}}},
    )
    content["bootstrap"]["tenants"][1]["policy"] = "strict"
    with gateway(directory, content) as deployment:
        yield deployment


def post(
    deployment: Deployment, messages: list[Any], tenant: str = "acme", **fields: Any
) -> httpx.Response:
    return httpx.post(
        f"{deployment.base_url}/chat/completions",
        json={"model": "flash", "messages": messages, **fields},
        headers={"authorization": f"Bearer {KEYS[tenant]}"},
        timeout=120,
    )


def sent(capture: Capture) -> str:
    seen = capture.seen()
    assert len(seen) == 1
    return json.dumps(seen[0]["body"], ensure_ascii=False)


def user(content: Any, **fields: Any) -> dict[str, Any]:
    return {"role": "user", "content": content, **fields}


def call(arguments: str) -> dict[str, Any]:
    function = {"name": "pay", "arguments": arguments}
    return {
        "role": "assistant",
        "content": None,
        "tool_calls": [{"id": "c1", "type": "function", "function": function}],
    }


@pytest.mark.parametrize(
    ("request_fields", "secret"),
    [
        ({"messages": [user("ok"), call('{"card": 4111111111111111}')]}, "4111111111111111"),
        ({"messages": [user("ok"), call('{"password": "Tulpenweg!7"}')]}, "Tulpenweg!7"),
        (
            {
                "messages": [
                    user("ok"),
                    call("{}"),
                    {
                        "role": "tool",
                        "tool_call_id": "c1",
                        "content": '{"iban":"DE89 3704 0044 0532 0130 00"}',
                    },
                ]
            },
            "0532 0130",
        ),
        ({"messages": [user("ok")], "metadata": {"mail": "greta@example.com"}}, "greta@"),
        ({"messages": [user("ok", name="greta@example.com")]}, "greta@"),
        (
            {"messages": [user([{"type": "file", "file": {"filename": "greta@example.com.pdf"}}])]},
            "greta@",
        ),
        (
            {
                "messages": [
                    user(
                        [
                            {"type": "text", "text": "4111 1111 "},
                            {"type": "text", "text": "1111 1111"},
                        ]
                    )
                ]
            },
            "1111",
        ),
        (
            {
                "messages": [user("ok")],
                "tools": [
                    {
                        "type": "function",
                        "function": {
                            "name": "f",
                            "parameters": {
                                "type": "object",
                                "properties": {
                                    "to": {"type": "string", "default": "greta@example.com"}
                                },
                            },
                        },
                    }
                ],
            },
            "greta@",
        ),
    ],
)
def test_found_wherever_it_stands(
    watched: Deployment, capture: Capture, request_fields: dict[str, Any], secret: str
) -> None:
    messages = request_fields.pop("messages")
    answer = post(watched, messages, **request_fields)
    assert answer.status_code == 200, answer.text
    assert secret not in sent(capture)
    assert answer.headers["x-sovgate-masked"]


def test_text_beside_an_image_is_masked_and_the_image_is_said_to_be_unread(
    watched: Deployment, capture: Capture
) -> None:
    parts = [{"type": "text", "text": f"my card {CARD}"}, IMAGE]
    answer = post(watched, [user(parts)])
    assert answer.status_code == 200
    assert CARD not in sent(capture)
    assert IMAGE["image_url"]["url"] in sent(capture)
    record = record_of(watched, answer.headers["x-sovgate-request-id"])
    (media,) = [item for item in record["detectors"] if item["name"] == "media"]
    assert (media["verdict"], media["category"]) == ("not_inspected", "images")


def test_an_image_is_blocked_where_the_policy_says_so(
    watched: Deployment, capture: Capture
) -> None:
    answer = post(watched, [user([{"type": "text", "text": "look"}, IMAGE])], tenant="globex")
    assert_error(answer, 400, "media_blocked")
    assert capture.seen() == []


def test_a_megabyte_is_read_to_its_end_while_others_are_served(
    watched: Deployment, capture: Capture
) -> None:
    words = " ".join(f"line {index} of the minutes of a long meeting" for index in range(25_000))
    long = f"{words} and write to greta.vogel@example.com"
    answers: list[httpx.Response] = []
    reader = threading.Thread(target=lambda: answers.append(post(watched, [user(long)])))
    reader.start()
    beside = [post(watched, [user(f"note {index}")]).status_code for index in range(5)]
    reader.join()
    assert beside == [200] * 5
    assert answers[0].status_code == 200
    assert "greta.vogel@example.com" not in json.dumps(capture.seen())
    assert answers[0].json()["choices"][0]["message"]["content"].endswith("greta.vogel@example.com")
