"""Sends what a generation brings, whole or as a stream of events."""

from decimal import Decimal
from typing import Any

from starlette.types import Send

from core.errors import SovgateError
from inference.engine.sequence import Logprob
from inference.server import http
from inference.server.answers import Answer
from inference.server.problems import error_body, retry_after, status_of
from inference.server.worker import Generation


async def send_whole(send: Send, generation: Generation, answer: Answer) -> None:
    logprobs: list[Logprob] = []
    try:
        async for output in generation.outputs():
            answer.add(output)
            logprobs += output.logprobs
            if output.finish is not None:
                await http.send_json(send, answer.whole(output, logprobs))
    except SovgateError as error:
        body, status = _failure(error, generation, answer), status_of(error)
        await http.send_json(send, body, status, retry_after(error))


async def send_stream(
    send: Send, generation: Generation, answer: Answer, *, with_usage: bool, continuous: bool
) -> None:
    """The status line waits for the first output, so that a full queue is a 429."""
    started = False
    try:
        async for output in generation.outputs():
            if not started:
                started = True
                await http.start_events(send)
                opening = answer.opening()
                if opening is not None:
                    await http.send_event(send, opening)
            for chunk in answer.chunks(output, with_usage=continuous):
                await http.send_event(send, chunk)
            if output.finish is not None:
                await http.send_event(send, answer.ending(output))
                if with_usage:
                    await http.send_event(send, answer.usage_chunk(output))
                await http.end_events(send)
    except SovgateError as error:
        body = _failure(error, generation, answer)
        if not started:
            await http.send_json(send, body, status_of(error), retry_after(error))
            return
        await http.send_event(send, body)
        await http.end_events(send)


def _failure(error: SovgateError, generation: Generation, answer: Answer) -> dict[str, Any]:
    """The error, and what was computed until then: it was work all the same."""
    last = generation.last
    if last is None or not (last.completion_tokens or Decimal(last.worker_seconds)):
        return error_body(error)
    return error_body(error) | {"usage": answer.usage(last)}
