"""Answers put right before anybody looks at them: reasoning under its one name, leaked markup.

``RepairedReply`` wraps an upstream's reply, so that guards, restoring and every surface see
``reasoning_content``, ``content`` and ``tool_calls`` as they should have come. Events that need
nothing pass byte for byte and cost two searches.
"""

import re
from collections.abc import AsyncIterator, Collection
from contextlib import aclosing
from typing import Any

import msgspec

from core.dsml import DsmlParser, Kind, Piece, Tools, tools_of
from core.ids import new_id
from gateway.upstreams.base import OfferingReply, Reply, Take, UpstreamRequest
from gateway.upstreams.history import reasoning_of
from gateway.upstreams.thoughts import ThoughtSplitter

_OTHER_NAMES = re.compile(
    rb'"(?:reasoning|thinking)"\s*:\s*"|"(?:reasoning_details|thinking_blocks)"\s*:\s*\['
)
_FIELDS = ("reasoning_content", "content")


class Repairs:
    """What is put right in the answers of one upstream; decided at start.

    Args:
        names: reasoning may come under another name.
        kinds: any of ``dsml``, ``think`` and ``open-think``.
    """

    def __init__(self, *, names: bool, kinds: Collection[str]) -> None:
        self._names = names
        self._dsml = "dsml" in kinds
        self._think = not {"think", "open-think"}.isdisjoint(kinds)
        self._opened = "open-think" in kinds

    def of(self, reply: Reply, request: UpstreamRequest) -> Reply:
        """``reply``, wrapped where this request's answer may need it."""
        if request.endpoint != "/chat/completions":
            return reply
        tools = tools_of(request.body) if self._dsml and request.body.get("tools") else {}
        if not (tools or self._think or self._names):
            return reply
        mender = Mender(
            tools,
            names=self._names,
            think=self._think,
            opened=self._opened and request.thinking is not False,
            choices=request.body.get("n") or 1,
        )
        return RepairedReply(reply, mender)


class RepairedReply:
    """See ``Reply``."""

    def __init__(self, reply: Reply, mender: "Mender") -> None:
        self.complete = False
        self._reply = reply
        self._mender = mender

    @property
    def has_next(self) -> bool:
        return self._reply.has_next

    async def read(self) -> bytes:
        raw = await self._reply.read()
        self.complete = self._reply.complete
        return self._mender.whole(raw)

    async def events(self) -> AsyncIterator[bytes]:
        mender = self._mender
        async with aclosing(self._reply.events()) as events:  # type: ignore[type-var]
            async for data in events:
                yield mender.event(data) if mender.concerns(data) else data
        self.complete = self._reply.complete
        rest = mender.rest()
        if rest is not None:
            yield rest

    def offer(self, take: Take) -> None:
        """See ``OfferingReply``; what must be looked into is not offered."""
        concerns = self._mender.concerns
        if isinstance(self._reply, OfferingReply):
            self._reply.offer(lambda data: not concerns(data) and take(data))

    async def aclose(self) -> None:
        await self._reply.aclose()


class Mender:
    """The state of one answer.

    Args:
        tools: see ``tools_of``; none: no markup is looked for.
        choices: how many the request asked for.
    """

    def __init__(
        self, tools: Tools, *, names: bool, think: bool, opened: bool, choices: int = 1
    ) -> None:
        self._tools = tools
        self._names = names
        self._think = think
        self._opened = opened
        self._markup = bool(tools) or think
        self._choices: dict[int, _Choice] = {}
        self._undecided = choices if think else 0  # choices whose answer has not begun
        self._busy = False
        self._template: dict[str, Any] = {}

    def concerns(self, data: bytes) -> bool:
        """Whether an event must be looked into."""
        if self._busy or self._undecided:
            return True
        # An expression takes ten times as long, and `in` twice.
        find = data.find
        if self._markup and (find(b"<") >= 0 or find(b"\\u003") >= 0):
            return True
        if not self._names or (find(b'"reasoning') < 0 and find(b'"thinking') < 0):
            return False
        return _OTHER_NAMES.search(data) is not None

    def whole(self, raw: bytes) -> bytes:
        """A whole answer; one that cannot be read is left to who inspects it."""
        if not self.concerns(raw):
            return raw
        answer, choices = _decoded(raw)
        changed = False
        for position, choice in enumerate(choices):
            message = choice.get("message")
            if isinstance(message, dict):
                changed |= self._names and rename(message)
                changed |= self._choice(choice, position).whole(choice, message)
        return msgspec.json.encode(answer) if changed else raw

    def event(self, data: bytes) -> bytes:
        event, choices = _decoded(data)
        if not choices:
            return data
        if not self._template:
            self._template = {key: event[key] for key in event if key not in {"choices", "usage"}}
        changed = False
        for position, choice in enumerate(choices):
            delta = choice.get("delta")
            if delta is None and choice.get("finish_reason") is not None:
                delta = choice["delta"] = {}
            if isinstance(delta, dict):
                changed |= self._names and rename(delta)
                if self._markup:
                    changed |= self._choice(choice, position).delta(choice, delta)
        if self._markup:
            known = self._choices.values()
            self._busy = any(choice.is_busy for choice in known)
            if self._undecided:
                self._undecided -= sum(choice.has_just_begun() for choice in known)
        return msgspec.json.encode(event) if changed else data

    def rest(self) -> bytes | None:
        """What is still held back where the stream ended without saying so."""
        if not self._busy:
            return None
        choices = []
        for index, held in sorted(self._choices.items()):
            choice: dict[str, Any] = {"index": index, "delta": {}, "finish_reason": None}
            if held.flush(choice["delta"]):
                choices.append(choice)
        return msgspec.json.encode({**self._template, "choices": choices}) if choices else None

    def _choice(self, choice: dict[str, Any], position: int) -> "_Choice":
        index = choice.get("index", position)
        if index not in self._choices:
            splitter = ThoughtSplitter(opened=self._opened) if self._think else None
            self._choices[index] = _Choice(self._tools, splitter)
        return self._choices[index]


class _Choice:
    """The texts of one choice and the calls found in them."""

    def __init__(self, tools: Tools, splitter: ThoughtSplitter | None) -> None:
        self._splitter = splitter
        self._parsers = {name: DsmlParser(tools) for name in _FIELDS} if tools else {}
        self._counted = splitter is None
        self._begun = splitter is None
        self._found = 0  # calls found in texts
        self._places: dict[int, int] = {}  # the upstream's own calls: its index -> ours
        self._next = 0

    @property
    def is_busy(self) -> bool:
        splitting = self._splitter is not None and not self._splitter.is_done and self._begun
        return (
            splitting
            # Its own calls may come after those that were found: they are numbered anew.
            or bool(self._found)
            or any(not parser.is_idle for parser in self._parsers.values())
        )

    def has_just_begun(self) -> bool:
        """True once: when it is clear whether the answer begins with thinking."""
        if self._counted or self._splitter is None or not self._splitter.is_done:
            return False
        self._counted = True
        return True

    def whole(self, choice: dict[str, Any], message: dict[str, Any]) -> bool:
        changed = self._own_calls(message)
        truncated = choice.get("finish_reason") == "length"
        given = _texts_of(message)
        if self._splitter is not None and not truncated:
            self._splitter.doubt(given.get("content", ""))
        out = _Out(self)
        self._feed(out, given)
        self._flush(out, truncated=truncated)
        if out.is_same(given):
            return changed
        out.put(message, given)
        self._say_why(choice)
        for call in message.get("tool_calls") or ():
            call.pop("index", None)
        if message.get("tool_calls") and not message.get("content"):
            message["content"] = None
        _drop_logprobs(choice)
        return True

    def delta(self, choice: dict[str, Any], delta: dict[str, Any]) -> bool:
        changed = self._own_calls(delta)
        given = _texts_of(delta)
        out = _Out(self)
        self._feed(out, given)
        finish = choice.get("finish_reason")
        if finish is not None:
            self._flush(out, truncated=finish == "length")
            changed |= self._say_why(choice)
        if out.is_same(given):
            return changed
        out.put(delta, given)
        _drop_logprobs(choice)
        return True

    def flush(self, delta: dict[str, Any]) -> bool:
        """What was held when the stream just ended; whether there is anything."""
        out = _Out(self)
        self._flush(out, truncated=True)
        return out.append_to(delta)

    def _feed(self, out: "_Out", given: dict[str, str]) -> None:
        for name, text in given.items():
            if name == "content" and self._splitter is not None:
                self._begun = self._begun or bool(text)
                self._part(out, self._splitter.feed(text))
            elif text:
                self._add(out, name, text)

    def _flush(self, out: "_Out", *, truncated: bool) -> None:
        if self._splitter is not None:
            self._part(out, self._splitter.flush())
        for name, parser in self._parsers.items():
            if not parser.is_idle:
                out.add(name, parser.flush(truncated=truncated))

    def _part(self, out: "_Out", parts: list[tuple[bool, str]]) -> None:
        for is_thought, text in parts:
            self._add(out, "reasoning_content" if is_thought else "content", text)

    def _add(self, out: "_Out", name: str, text: str) -> None:
        parser = self._parsers.get(name)
        out.add(name, [(Kind.TEXT, text)] if parser is None else parser.feed(text))

    def _say_why(self, choice: dict[str, Any]) -> bool:
        if not self._found or choice.get("finish_reason") != "stop":
            return False
        choice["finish_reason"] = "tool_calls"
        return True

    def _own_calls(self, node: dict[str, Any]) -> bool:
        """Number the calls that the upstream told of itself, after those that were found."""
        calls = node.get("tool_calls")
        changed = False
        for position, call in enumerate(calls if isinstance(calls, list) else ()):
            if not isinstance(call, dict):
                continue
            index = call.get("index", position)
            if index not in self._places:
                self._places[index] = self._next
                self._next += 1
            if self._places[index] != index:
                call["index"] = self._places[index]
                changed = True
        return changed

    def new_call(self, name: str) -> dict[str, Any]:
        self._found += 1
        index = self._next
        self._next += 1
        return {
            "index": index,
            "id": new_id("call"),
            "type": "function",
            "function": {"name": name, "arguments": ""},
        }

    @property
    def last_call(self) -> int:
        return self._next - 1


class _Out:
    """What comes out of one event's texts."""

    def __init__(self, choice: _Choice) -> None:
        self._choice = choice
        self._texts: dict[str, list[str]] = {}
        self._calls: list[dict[str, Any]] = []

    def add(self, name: str, pieces: list[Piece]) -> None:
        for kind, part in pieces:
            if kind is Kind.TEXT:
                self._texts.setdefault(name, []).append(part)
            elif kind is Kind.CALL:
                self._calls.append(self._choice.new_call(part))
            else:
                self._more_arguments(part)

    def is_same(self, given: dict[str, str]) -> bool:
        """Whether nothing was changed."""
        if self._calls:
            return False
        texts = {name: "".join(parts) for name, parts in self._texts.items()}
        return texts == {name: text for name, text in given.items() if text}

    def put(self, node: dict[str, Any], given: dict[str, str]) -> None:
        for name in given:
            node[name] = ""
        self.append_to(node)

    def append_to(self, node: dict[str, Any]) -> bool:
        for name, parts in self._texts.items():
            node[name] = (node.get(name) or "") + "".join(parts)
        if self._calls:
            calls = node.get("tool_calls")
            node["tool_calls"] = [*(calls if isinstance(calls, list) else ()), *self._calls]
        return bool(self._texts or self._calls)

    def _more_arguments(self, part: str) -> None:
        index = self._choice.last_call
        if self._calls and self._calls[-1]["index"] == index:
            self._calls[-1]["function"]["arguments"] += part
        else:
            self._calls.append({"index": index, "function": {"arguments": part}})


def _texts_of(node: dict[str, Any]) -> dict[str, str]:
    return {name: node[name] for name in _FIELDS if isinstance(node.get(name), str)}


def _drop_logprobs(choice: dict[str, Any]) -> None:
    """They speak of the text as it was."""
    if choice.get("logprobs") is not None:
        choice["logprobs"] = None


def rename(node: dict[str, Any]) -> bool:
    """Give the reasoning of a message or delta its one name; whether anything changed."""
    others = [name for name in ("reasoning", "thinking") if isinstance(node.get(name), str)]
    if not node.get("reasoning_content"):
        text = reasoning_of(node)
        if text is None and not others:
            return False
        node["reasoning_content"] = text or ""
    elif not others:
        return False
    for name in others:
        del node[name]
    return True


def _decoded(data: bytes) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """An answer or event and its choices; none of them where it has another shape."""
    try:
        event = msgspec.json.decode(data)
    except (ValueError, RecursionError):
        return {}, []
    choices = event.get("choices") if isinstance(event, dict) else None
    if not isinstance(choices, list):
        return {}, []
    return event, [choice for choice in choices if isinstance(choice, dict)]
