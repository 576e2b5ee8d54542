"""A streamed chat answer as Anthropic's events.

Blocks come one after the other: thinking, text, calls of tools, each begun, continued and
stopped before the next. Usage and the reason stand in the last event but one, so the finish
reason is kept until the upstream's stream has ended and its counts are known.
"""

from typing import Any

import msgspec

from billing import Usage
from gateway.errors import UpstreamInvalidReply
from gateway.exchange import Exchange
from gateway.http.errors import HttpError
from gateway.http.shapes import messages_error
from gateway.surfaces.messages_answer import (
    NO_MORE_USAGE,
    call_head,
    end_of,
    head_of,
    seal_block,
    text_in,
    thought_in,
    usage_words,
    words_of,
)
from gateway.surfaces.messages_thinking import ThinkingSeal

_THINKING, _TEXT, _REDACTED = "thinking", "text", "redacted_thinking"
Key = str | int  # of a block: its kind, or the upstream's number of a call


class MessageEncoder:
    """Words one answer; see ``gateway.surfaces.base.Encoder``."""

    def __init__(self, exchange: Exchange, seal: ThinkingSeal) -> None:
        self._exchange = exchange
        self._seal = seal
        self._tenant = exchange.authenticated[0].tenant
        self._begun = False
        self._open: Key | None = None
        self._index = -1
        self._calls: set[Key] = set()
        self._thought: list[str] = []
        self._signature = ""  # the upstream's own
        self._refused = False
        self._end: dict[str, Any] = {}

    def events(self, events: list[bytes]) -> bytes:
        out: list[bytes] = []
        for data in events:
            event = msgspec.json.decode(data)
            if not self._begun:
                self._begin(out, event.get("model"))
            for choice in event["choices"]:
                if isinstance(choice, dict) and choice.get("index", 0) == 0:
                    self._take(out, choice)
        return b"".join(out)

    def end(self) -> bytes:
        out: list[bytes] = []
        if not self._begun:
            self._begin(out, None)
        self._stop(out)
        end = end_of(self._exchange, self._end, called=bool(self._calls), refused=self._refused)
        usage = usage_words(self._exchange)
        out += (
            _event({"type": "message_delta", "delta": end, "usage": usage}),
            _event({"type": "message_stop"}),
        )
        return b"".join(out)

    def error(self, error: HttpError) -> bytes:
        return b"event: error\ndata: " + messages_error(error) + b"\n\n"

    def _begin(self, out: list[bytes], model: Any) -> None:
        self._begun = True
        known = self._exchange.raw_usage is not None
        usage = usage_words(self._exchange) if known else words_of(Usage())
        message = {**head_of(self._exchange, model), "usage": {**usage, **NO_MORE_USAGE}}
        out += (_event({"type": "message_start", "message": message}), _event({"type": "ping"}))

    def _take(self, out: list[bytes], choice: dict[str, Any]) -> None:
        if choice.get("finish_reason") is not None:
            self._end = choice
        delta = choice.get("delta")
        if not isinstance(delta, dict):
            return
        pieces: list[tuple[Key, Any]] = [(_THINKING, thought_in(delta)), (_TEXT, text_in(delta))]
        calls = delta.get("tool_calls")
        for at, call in enumerate(calls if isinstance(calls, list) else ()):
            if isinstance(call, dict):
                pieces.append((call.get("index", at), call))
        # What the open block held back comes along with the first piece of the next one.
        for key, piece in sorted(pieces, key=lambda each: each[0] != self._open):
            if key == _THINKING and (piece or delta.get("thinking_blocks")):
                self._think(out, piece, delta.get("thinking_blocks"))
            elif key == _TEXT and piece:
                self._say(out, piece)
            elif isinstance(piece, dict):
                self._call(out, key, piece)
        self._refused = self._refused or bool(delta.get("refusal"))

    def _think(self, out: list[bytes], text: str, signed: Any) -> None:
        if text:
            if self._open == _THINKING and self._signature:
                self._stop(out)
            if self._open != _THINKING:
                self._start(out, _THINKING, {"type": _THINKING, "thinking": "", "signature": ""})
            self._thought.append(text)
            self._delta(out, {"type": "thinking_delta", "thinking": text})
        for block in signed if isinstance(signed, list) else ():
            if not isinstance(block, dict):
                continue
            if block.get("type") == "redacted_thinking":
                self._start(out, _REDACTED, seal_block(block, self._tenant, self._seal))
            elif isinstance(block.get("signature"), str):
                self._signature = block["signature"]

    def _say(self, out: list[bytes], text: str) -> None:
        if self._open != _TEXT:
            self._start(out, _TEXT, {"type": _TEXT, "text": "", "citations": None})
        self._delta(out, {"type": "text_delta", "text": text})

    def _call(self, out: list[bytes], key: Key, call: dict[str, Any]) -> None:
        function = call.get("function")
        if not isinstance(function, dict):
            return
        if self._open != key:
            if key in self._calls:
                raise UpstreamInvalidReply("The upstream mixed up the calls of several tools.")
            self._calls.add(key)
            self._start(out, key, {**call_head(call), "input": {}})
        if function.get("arguments"):
            self._delta(out, {"type": "input_json_delta", "partial_json": function["arguments"]})

    def _start(self, out: list[bytes], key: Key, block: dict[str, Any]) -> None:
        self._stop(out)
        self._open = key
        self._index += 1
        out.append(
            _event({"type": "content_block_start", "index": self._index, "content_block": block})
        )

    def _delta(self, out: list[bytes], delta: dict[str, Any]) -> None:
        out.append(_event({"type": "content_block_delta", "index": self._index, "delta": delta}))

    def _stop(self, out: list[bytes]) -> None:
        if self._open is None:
            return
        if self._open == _THINKING:
            signature = self._seal.sign(self._tenant, "".join(self._thought), self._signature)
            self._delta(out, {"type": "signature_delta", "signature": signature})
            self._thought, self._signature = [], ""
        out.append(_event({"type": "content_block_stop", "index": self._index}))
        self._open = None


def _event(event: dict[str, Any]) -> bytes:
    name = event["type"].encode()
    return b"event: " + name + b"\ndata: " + msgspec.json.encode(event) + b"\n\n"
