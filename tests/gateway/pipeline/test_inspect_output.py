"""Events that came together leave in one write, and none is lost where a later one fails."""

import pytest
from starlette.types import Message

from gateway.http.connection import Connection
from gateway.pipeline.inspect_output import _send, _sent


def connection(sent: list[bytes]) -> Connection:
    async def receive() -> Message:
        raise AssertionError("nothing is read")

    async def send(message: Message) -> None:
        sent.append(message["body"])

    return Connection({"type": "http", "headers": []}, receive, send)


async def test_what_is_held_is_one_write() -> None:
    sent: list[bytes] = []
    held: list[bytes] = []
    client = connection(sent)
    async with _sent(client, held):
        held += [b"one ", b"two"]
        await _send(client, held)
        held.append(b"three")
    assert sent == [b"one two", b"three"]


async def test_what_is_held_goes_before_the_error() -> None:
    sent: list[bytes] = []
    with pytest.raises(LookupError):
        async with _sent(connection(sent), [b"one ", b"two"]):
            raise LookupError
    with pytest.raises(LookupError):
        async with _sent(connection(sent), []):
            raise LookupError
    assert sent == [b"one two"]
