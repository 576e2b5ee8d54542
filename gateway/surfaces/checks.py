"""Checks that several surfaces make of a body."""

from typing import Any

import msgspec

from gateway.content.walk import MAX_DEPTH, is_deep
from gateway.errors import InvalidRequest, MalformedJson


def decode_object(raw: bytes) -> dict[str, Any]:
    """A JSON object that is not nested too deep.

    Raises:
        MalformedJson: it is none.
        InvalidRequest: it is nested too deep.
    """
    try:
        body = msgspec.json.decode(raw)
    except (ValueError, RecursionError):  # bytes that are no UTF-8 are no DecodeError
        raise MalformedJson(
            "The request body is not valid JSON; check quotes and commas."
        ) from None
    if not isinstance(body, dict):
        raise MalformedJson("The request body must be a JSON object.")
    if raw.count(b"{") + raw.count(b"[") > MAX_DEPTH and is_deep(body):
        raise InvalidRequest(f"The body is nested more than {MAX_DEPTH} levels deep; flatten it.")
    return body


def check_model(body: dict[str, Any]) -> None:
    if not isinstance(body.get("model"), str) or not body["model"]:
        raise InvalidRequest("`model` must be a text, such as 'auto'.", param="model")


def check_stream(body: dict[str, Any]) -> None:
    if not isinstance(body.get("stream"), bool | None):
        raise InvalidRequest("`stream` must be true or false.", param="stream")
    if not isinstance(body.get("stream_options"), dict | None):
        raise InvalidRequest("`stream_options` must be an object.", param="stream_options")


def integer(body: dict[str, Any], name: str, least: int) -> int | None:
    """A whole number from ``least`` up, or nothing."""
    value = body.get(name)
    if value is None:
        return None
    if type(value) is not int or value < least:
        raise InvalidRequest(f"`{name}` must be a whole number from {least} up.", param=name)
    return value


def refuse_stream(body: dict[str, Any]) -> None:
    """For APIs without a streamed form."""
    if body.get("stream") not in (None, False):
        raise InvalidRequest("This API does not stream; leave `stream` out.", param="stream")
