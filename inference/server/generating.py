"""Sends what a request's generations bring, whole or as a stream of events.

A request has one generation for each choice that it asked for (``n``).
"""

import asyncio
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from starlette.types import Send

from core.errors import SovgateError
from inference.engine.sequence import Logprob
from inference.engine.thread import Output
from inference.server import http
from inference.server.answers import Answer, Prompt
from inference.server.problems import error_body, retry_after, status_of
from inference.server.worker import Generation


@dataclass(frozen=True, slots=True)
class Choice:
    generation: Generation
    answer: Answer


async def send_whole(send: Send, choices: list[Choice]) -> None:
    try:
        bodies = [await _whole(choice) for choice in choices]
    except SovgateError as error:
        body, status = _failure(error, choices), status_of(error)
        await http.send_json(send, body, status, retry_after(error))
        return
    whole = [body for body in bodies if body is not None]
    if len(whole) == len(choices):  # otherwise the client has hung up
        parts = [part for body in whole for part in body["choices"]]
        await http.send_json(send, whole[0] | {"choices": parts, "usage": _usage(choices)})


async def send_stream(
    send: Send, choices: list[Choice], *, with_usage: bool, continuous: bool
) -> None:
    """The status line waits for the first output, so that a full queue is a 429."""
    started, open_ones = False, len(choices)
    try:
        async for choice, output in _outputs(choices):
            if not started:
                started = True
                await http.start_events(send)
                for opening in (c.answer.opening() for c in choices):
                    if opening is not None:
                        await http.send_event(send, opening)
            for chunk in choice.answer.chunks(output, with_usage=continuous):
                shared = {"usage": _usage(choices)} if "usage" in chunk else {}
                await http.send_event(send, chunk | shared)
            if output.finish is not None:
                open_ones -= 1
                await http.send_event(send, choice.answer.ending(output))
                if not open_ones and with_usage:
                    last = choice.answer.usage_chunk(output) | {"usage": _usage(choices)}
                    await http.send_event(send, last)
                if not open_ones:
                    await http.end_events(send)
    except SovgateError as error:
        body = _failure(error, choices)
        if not started:
            await http.send_json(send, body, status_of(error), retry_after(error))
            return
        await http.send_event(send, body)
        await http.end_events(send)


async def _whole(choice: Choice) -> dict[str, Any] | None:
    logprobs: list[Logprob] = []
    async for output in choice.generation.outputs():
        choice.answer.add(output)
        logprobs += output.logprobs
        if output.finish is not None:
            return choice.answer.whole(output, logprobs)
    return None


async def _outputs(choices: list[Choice]) -> AsyncIterator[tuple[Choice, Output]]:
    """The outputs of all choices as they come; raises as `Generation.outputs`."""
    if len(choices) == 1:
        async for output in choices[0].generation.outputs():
            yield choices[0], output
        return
    merged: asyncio.Queue[tuple[Choice, Output] | SovgateError | None] = asyncio.Queue()
    pumps = [asyncio.create_task(_pump(choice, merged)) for choice in choices]
    left = len(pumps)
    try:
        while left:
            item = await merged.get()
            if item is None:
                left -= 1
            elif isinstance(item, SovgateError):
                raise item
            else:
                yield item
    finally:
        for task in pumps:
            task.cancel()


async def _pump(
    choice: Choice, into: "asyncio.Queue[tuple[Choice, Output] | SovgateError | None]"
) -> None:
    try:
        async for output in choice.generation.outputs():
            into.put_nowait((choice, output))
    except SovgateError as error:
        into.put_nowait(error)
    else:
        into.put_nowait(None)


def _usage(choices: list[Choice]) -> dict[str, Any]:
    """Of all choices so far: each prompt counts once, what was computed adds up, and the share of
    experts is the mean over tokens."""
    given = [(c.answer, c.generation.last) for c in choices if c.generation.last is not None]
    found = [answer.usage(last) for answer, last in given]
    weights = [usage["total_tokens"] for usage in found]
    shares = sum(usage["active_expert_share"] * n for usage, n in zip(found, weights, strict=True))
    firsts: dict[Prompt, dict[str, Any]] = {}
    for (answer, _), usage in zip(given, found, strict=True):
        firsts.setdefault(answer.prompt, usage)
    prompts, completions = _sum(firsts.values(), "prompt_tokens"), _sum(found, "completion_tokens")
    cached = [usage["prompt_tokens_details"] for usage in firsts.values()]
    thought = [usage["completion_tokens_details"] for usage in found]
    return {
        "prompt_tokens": prompts,
        "completion_tokens": completions,
        "total_tokens": prompts + completions,
        "prompt_tokens_details": {"cached_tokens": _sum(cached, "cached_tokens")},
        "completion_tokens_details": {"reasoning_tokens": _sum(thought, "reasoning_tokens")},
        "worker_seconds": f"{sum(Decimal(usage['worker_seconds']) for usage in found):f}",
        "active_expert_share": round(shares / sum(weights), 6),
    }


def _sum(counts: Iterable[dict[str, Any]], name: str) -> int:
    return sum(count[name] for count in counts)


def _failure(error: SovgateError, choices: list[Choice]) -> dict[str, Any]:
    """The error, and what was computed until then: it was work all the same."""
    lasts = [c.generation.last for c in choices if c.generation.last is not None]
    if not any(last.completion_tokens or Decimal(last.worker_seconds) for last in lasts):
        return error_body(error)
    return error_body(error) | {"usage": _usage(choices)}
