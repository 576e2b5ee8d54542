"""Errors have the shape of the API that their path belongs to."""

import json

import anthropic
import httpx2
import pytest

from gateway.http.errors import STATUS, HttpError, status_of
from gateway.http.shapes import error_body


def _error(status: int) -> HttpError:
    return HttpError(status, "server_error", "some_code", "Do this.", "model", [], "req_1")


@pytest.mark.parametrize("path", ["/v1/messages", "/v1/messages/count_tokens", "/v1/messages/x"])
def test_anthropics(path: str) -> None:
    body = json.loads(error_body(_error(404), path))
    assert body == {
        "type": "error",
        "error": {
            "type": "not_found_error", "message": "Do this.", "code": "some_code", "param": "model",
        },
        "request_id": "req_1",
    }  # fmt: skip


@pytest.mark.parametrize("path", ["/v1/models", "/v1/messagesx", "/v1/chat/completions", ""])
def test_openais(path: str) -> None:
    assert error_body(_error(404), path) == _error(404).body()


@pytest.mark.parametrize("status", sorted({status_of(kind)[0] for kind in STATUS}))
def test_every_status_has_a_type_that_the_sdk_knows(status: int) -> None:
    """The SDK reads the type where it finds it; it must be one of its own."""
    body = json.loads(error_body(_error(status), "/v1/messages"))
    request = httpx2.Request("POST", "http://127.0.0.1/v1/messages")
    response = httpx2.Response(status, json=body, request=request)
    client = anthropic.Anthropic(api_key="k", base_url="http://127.0.0.1")
    error = client._make_status_error_from_response(response)
    assert error.status_code == status
    assert error.type == body["error"]["type"]
    assert isinstance(error, anthropic.InternalServerError if status >= 500 else Exception)
