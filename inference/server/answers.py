"""What clients get: the OpenAI response bodies."""

import secrets
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from inference.encoding.formats import ChatPrompt
from inference.engine.sequence import Logprob, Sequence
from inference.engine.thread import Output
from inference.server.chats import ChatReader, message_of
from inference.server.logprobs import LogprobShape


@dataclass(frozen=True, slots=True, eq=False)
class Prompt:
    """What is answered. Args: echo: a text that answers begin with; chat: None: a completion."""

    ids: list[int]
    echo: str = ""
    chat: ChatPrompt | None = None


@dataclass(slots=True)
class Answer:
    """Shapes one choice's outputs as chat or text completion.

    Args:
        sequence: what the engine computes, once it is known.
        index: of the choice, where a request has several; they share ``id``.
    """

    model: str
    num_experts: int  # of a layer; 0 for a dense model
    prompt: Prompt
    logprobs: LogprobShape | None = None  # if they were asked for
    sequence: Sequence | None = None
    index: int = 0
    id: str = ""
    created: int = field(default_factory=lambda: int(time.time()))
    reader: ChatReader | None = field(init=False)
    _deltas: list[dict[str, Any]] = field(init=False, default_factory=list)

    def __post_init__(self) -> None:
        self.reader = ChatReader(self.prompt.chat) if self.prompt.chat else None
        kind = "cmpl" if self.reader is None else "chatcmpl"
        self.id = self.id or f"{kind}-{secrets.token_hex(12)}"

    def add(self, output: Output) -> None:
        """Keep an output for the whole answer."""
        self._deltas += self._read(output)

    def whole(self, last: Output, logprobs: Iterable[Logprob] = ()) -> dict[str, Any]:
        if self.reader is None:
            texts = (delta["text"] for delta in self._deltas)
            content = {"text": self.prompt.echo + "".join(texts)}
        else:
            content = {"message": message_of(self._deltas)}
        shown = self.logprobs(logprobs) if self.logprobs else None
        choice = {
            "index": self.index,
            **content,
            "logprobs": shown,
            "finish_reason": self._finish(last),
        }
        return self._envelope("", [choice], self.usage(last))

    def opening(self) -> dict[str, Any] | None:
        """The first chunk of a chat's stream, or of a text's that begins with its prompt."""
        if self.reader is None:
            return self._chunk({"text": self.prompt.echo}) if self.prompt.echo else None
        return self._chunk({"role": "assistant", "content": ""})

    def chunks(self, output: Output, *, with_usage: bool = False) -> list[dict[str, Any]]:
        """An output's chunks; log probabilities and usage stand in the first and the last."""
        deltas = self._read(output)
        shown = self.logprobs(output.logprobs) if self.logprobs and output.logprobs else None
        if shown and not deltas:
            deltas = [{"text": ""} if self.reader is None else {}]
        chunks = [self._chunk(delta) for delta in deltas]
        if shown:
            chunks[0]["choices"][0]["logprobs"] = shown
        if with_usage and chunks:
            chunks[-1]["usage"] = self.usage(output)
        return chunks

    def ending(self, last: Output) -> dict[str, Any]:
        return self._chunk({"text": ""} if self.reader is None else {}, self._finish(last))

    def usage_chunk(self, last: Output) -> dict[str, Any]:
        return self._envelope(".chunk", [], self.usage(last))

    def usage(self, last: Output) -> dict[str, Any]:
        """Exact counts; ``worker_seconds`` is decimal text."""
        reader, sequence = self.reader, self.sequence
        thought = reader.reasoning_tokens(sequence) if reader and sequence else 0
        return {
            "prompt_tokens": last.prompt_tokens,
            "completion_tokens": last.completion_tokens,
            "total_tokens": last.prompt_tokens + last.completion_tokens,
            "prompt_tokens_details": {"cached_tokens": last.cached_tokens},
            "completion_tokens_details": {"reasoning_tokens": min(thought, last.completion_tokens)},
            "worker_seconds": last.worker_seconds,
            "active_expert_share": active_share(last.active_experts, self.num_experts),
        }

    def _read(self, output: Output) -> list[dict[str, Any]]:
        if self.reader is None:
            return [{"text": output.text}] if output.text else []
        return self.reader.read(output, self.sequence if output.finish is not None else None)

    def _finish(self, last: Output) -> str | None:
        return last.finish if self.reader is None else self.reader.finish_reason(last)

    def _chunk(self, delta: dict[str, Any], finish: str | None = None) -> dict[str, Any]:
        content = delta if self.reader is None else {"delta": delta}
        choice = {"index": self.index, **content, "logprobs": None, "finish_reason": finish}
        return self._envelope(".chunk", [choice])

    def _envelope(
        self, part: str, choices: list[dict[str, Any]], usage: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        kind = "text_completion" if self.reader is None else f"chat.completion{part}"
        body = {"id": self.id, "object": kind, "created": self.created, "model": self.model}
        return {**body, "choices": choices} | ({"usage": usage} if usage else {})


def active_share(active: float, total: int) -> float:
    """Share of a layer's experts that a token activates (1 for a dense model)."""
    return round(active / total, 6) if total else 1.0
