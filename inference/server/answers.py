"""What clients get: the OpenAI response bodies."""

import secrets
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from inference.engine.sequence import Logprob
from inference.engine.thread import Output
from inference.server.logprobs import LogprobShape


@dataclass(slots=True)
class Answer:
    """Shapes one request's outputs as chat or text completion."""

    model: str
    chat: bool
    active_share: float
    logprobs: LogprobShape | None = None  # if they were asked for
    id: str = field(init=False)
    created: int = field(default_factory=lambda: int(time.time()))

    def __post_init__(self) -> None:
        self.id = f"{'chatcmpl' if self.chat else 'cmpl'}-{secrets.token_hex(12)}"

    def whole(self, text: str, last: Output, logprobs: Iterable[Logprob] = ()) -> dict[str, Any]:
        message = {"role": "assistant", "content": text, "refusal": None}
        content = {"message": message} if self.chat else {"text": text}
        shown = self.logprobs(logprobs) if self.logprobs else None
        choice = {"index": 0, **content, "logprobs": shown, "finish_reason": last.finish}
        kind = "chat.completion" if self.chat else "text_completion"
        return self._envelope(kind, [choice], self.usage(last))

    def opening(self) -> dict[str, Any]:
        """The first chunk of a chat stream."""
        return self._chunk({"role": "assistant", "content": ""}, None)

    def delta(self, output: Output, *, with_usage: bool = False) -> dict[str, Any]:
        text = output.text
        shown = self.logprobs(output.logprobs) if self.logprobs else None
        if self.chat:
            chunk = self._chunk({"content": text}, None, shown)
        else:
            chunk = self._text_chunk(text, None, shown)
        return chunk | ({"usage": self.usage(output)} if with_usage else {})

    def ending(self, last: Output) -> dict[str, Any]:
        return self._chunk({}, last.finish) if self.chat else self._text_chunk("", last.finish)

    def usage_chunk(self, last: Output) -> dict[str, Any]:
        kind = "chat.completion.chunk" if self.chat else "text_completion"
        return self._envelope(kind, [], self.usage(last))

    def usage(self, last: Output) -> dict[str, Any]:
        """Exact counts; ``worker_seconds`` is decimal text."""
        return {
            "prompt_tokens": last.prompt_tokens,
            "completion_tokens": last.completion_tokens,
            "total_tokens": last.prompt_tokens + last.completion_tokens,
            "prompt_tokens_details": {"cached_tokens": 0},
            "completion_tokens_details": {"reasoning_tokens": 0},
            "worker_seconds": last.worker_seconds,
            "active_expert_share": self.active_share,
        }

    def _chunk(
        self, delta: dict[str, Any], finish: str | None, shown: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        choice = {"index": 0, "delta": delta, "logprobs": shown, "finish_reason": finish}
        return self._envelope("chat.completion.chunk", [choice])

    def _text_chunk(
        self, text: str, finish: str | None, shown: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        choice = {"index": 0, "text": text, "logprobs": shown, "finish_reason": finish}
        return self._envelope("text_completion", [choice])

    def _envelope(
        self, kind: str, choices: list[dict[str, Any]], usage: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        body = {"id": self.id, "object": kind, "created": self.created, "model": self.model}
        return {**body, "choices": choices} | ({"usage": usage} if usage else {})
