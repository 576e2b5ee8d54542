"""A chat answer as a response object.

``Output`` takes chat deltas (a whole message is one) and builds the output items; what changes
with each delta it tells as events, for those who stream.
"""

from collections.abc import Iterator
from typing import Any

from billing import Usage
from core.ids import new_id
from gateway.responses import ReasoningSeal
from gateway.surfaces.responses_items import item_id
from gateway.surfaces.responses_request import Asked

Event = dict[str, Any]
_INCOMPLETE = {"length": "max_output_tokens", "content_filter": "content_filter"}


class Output:
    """The output items of one response.

    Args:
        seal: seals reasoning for the client; ``None`` where it did not ask for that.
    """

    def __init__(self, response_id: str, asked: Asked, seal: ReasoningSeal | None) -> None:
        self.items: list[dict[str, Any]] = []
        self.finish_reason: str | None = None
        self._id = response_id
        self._asked = asked
        self._seal = seal
        self._open: dict[str, int] = {}  # what it is -> its place among the items
        self._said: dict[int, list[str]] = {}

    def feed(self, choice: dict[str, Any]) -> list[Event]:
        """A chat choice with ``delta`` or ``message``."""
        said = choice.get("delta", choice.get("message"))
        pieces = list(_pieces(said if isinstance(said, dict) else {}))
        # What the open item held back comes along with the first piece of the next one.
        pieces.sort(key=lambda piece: piece[0] not in self._open)
        events: list[Event] = []
        for key, piece in pieces:
            if key == "reasoning":
                events += self._reason(piece)
            elif isinstance(piece, str):
                logprobs = _logprobs(choice) if key == "output_text" else []
                events += self._say(key, piece, logprobs)
            else:
                events += self._call(key, piece)
        self.finish_reason = choice.get("finish_reason") or self.finish_reason
        return events

    def finish(self, *, failed: bool = False) -> list[Event]:
        """Close what is open."""
        events: list[Event] = []
        reason = self.finish_reason
        if not self.items and not failed and reason != "content_filter":
            events += self._say("output_text", "", [])
        cut = failed or reason in _INCOMPLETE
        last = len(self.items) - 1
        for index in sorted(self._open.values()):
            events += self._close(index, "incomplete" if cut and index == last else "completed")
        self._open.clear()
        return events

    @property
    def incomplete(self) -> str | None:
        """Why the answer is not whole, in the API's words."""
        return _INCOMPLETE.get(self.finish_reason or "")

    def _begin(self, key: str, item: dict[str, Any]) -> list[Event]:
        events: list[Event] = []
        for place in sorted(self._open.values()):
            events += self._close(place, "completed")
        self._open.clear()
        index = self._open[key] = len(self.items)
        self.items.append(item)
        self._said[index] = []
        shown = {**item, **{name: [] for name in ("content", "summary") if name in item}}
        events.append({"type": "response.output_item.added", "output_index": index, "item": shown})
        return events

    def _reason(self, text: str) -> list[Event]:
        events: list[Event] = []
        if "reasoning" not in self._open:
            item = {"id": self._next("rs"), "type": "reasoning", "summary": []}
            events += self._begin("reasoning", item)
            index = self._open["reasoning"]
            if self._asked.summarises:
                item["summary"] = [{"type": "summary_text", "text": ""}]
                events.append(self._part("response.reasoning_summary_part.added", index))
            else:
                item["content"] = [{"type": "reasoning_text", "text": ""}]
                events.append(self._part("response.content_part.added", index))
        index = self._open["reasoning"]
        self._said[index].append(text)
        kind = "reasoning_summary_text" if self._asked.summarises else "reasoning_text"
        events.append({**self._place(f"response.{kind}.delta", index), "delta": text})
        return events

    def _say(self, kind: str, text: str, logprobs: list[Any]) -> list[Event]:
        events: list[Event] = []
        if kind not in self._open:
            item: dict[str, Any] = {
                "id": self._next("msg"),
                "type": "message",
                "status": "in_progress",
                "role": "assistant",
                "content": [],
            }
            events += self._begin(kind, item)
            item["content"].append(_empty(kind))
            events.append(self._part("response.content_part.added", self._open[kind]))
        index = self._open[kind]
        self._said[index].append(text)
        if not text and not logprobs:
            return events
        event = {**self._place(f"response.{kind}.delta", index), "delta": text}
        if kind == "output_text":
            event["logprobs"] = logprobs
            self.items[index]["content"][0]["logprobs"] += logprobs
        return [*events, event]

    def _call(self, key: str, call: dict[str, Any]) -> list[Event]:
        function = call["function"]
        events: list[Event] = []
        if key not in self._open:
            item = {
                "id": self._next("fc"),
                "type": "function_call",
                "status": "in_progress",
                "call_id": call.get("id") or new_id("call"),
                "name": function.get("name") or "",
                "arguments": "",
            }
            events += self._begin(key, item)
        index = self._open[key]
        arguments = function.get("arguments")
        if isinstance(arguments, str) and arguments:
            self._said[index].append(arguments)
            kind = "response.function_call_arguments.delta"
            events.append({**self._place(kind, index), "delta": arguments})
        return events

    def _close(self, index: int, status: str) -> list[Event]:
        item, text = self.items[index], "".join(self._said.pop(index))
        if item["type"] == "function_call":
            item["arguments"], item["status"] = text, status
            kind = "response.function_call_arguments.done"
            done = {**self._place(kind, index), "name": item["name"], "arguments": text}
            events = [done]
        elif item["type"] == "reasoning":
            events = self._close_reasoning(item, index, text)
        else:
            item["status"] = status
            events = self._close_message(item, index, text)
        return [
            *events,
            {"type": "response.output_item.done", "output_index": index, "item": dict(item)},
        ]

    def _close_message(self, item: dict[str, Any], index: int, text: str) -> list[Event]:
        part = item["content"][0]
        if part["type"] == "refusal":
            part["refusal"] = text
            done: Event = {"refusal": text}
        else:
            part["text"] = text
            done = {"text": text, "logprobs": part["logprobs"]}
        kind = f"response.{part['type']}.done"
        return [
            {**self._place(kind, index), **done},
            self._part("response.content_part.done", index),
        ]

    def _close_reasoning(self, item: dict[str, Any], index: int, text: str) -> list[Event]:
        summarised = bool(item["summary"])
        (item["summary"] or item["content"])[0]["text"] = text
        if self._seal is not None:
            item["encrypted_content"] = self._seal.seal(text)
        kind = "reasoning_summary_text" if summarised else "reasoning_text"
        part = "reasoning_summary_part" if summarised else "content_part"
        return [
            {**self._place(f"response.{kind}.done", index), "text": text},
            self._part(f"response.{part}.done", index),
        ]

    def _place(self, kind: str, index: int) -> Event:
        """The beginning of an event about an item's part."""
        item = self.items[index]
        event: Event = {"type": kind, "item_id": item["id"], "output_index": index}
        if item["type"] == "function_call":
            return event
        return {**event, "summary_index" if item.get("summary") else "content_index": 0}

    def _part(self, kind: str, index: int) -> Event:
        item = self.items[index]
        part = (item.get("summary") or item["content"])[0]
        return {**self._place(kind, index), "part": dict(part)}

    def _next(self, prefix: str) -> str:
        return item_id(prefix, self._id, len(self.items))


def _empty(kind: str) -> dict[str, Any]:
    if kind == "refusal":
        return {"type": kind, "refusal": ""}
    return {"type": kind, "text": "", "annotations": [], "logprobs": []}


def _pieces(said: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """What a delta says, by the item that it belongs to."""
    thought = said.get("reasoning_content") or said.get("reasoning")
    if isinstance(thought, str) and thought:
        yield "reasoning", thought
    if text := _text(said.get("content")):
        yield "output_text", text
    if isinstance(said.get("refusal"), str) and said["refusal"]:
        yield "refusal", said["refusal"]
    calls = said.get("tool_calls")
    if isinstance(said.get("function_call"), dict):
        calls = [{"index": 0, "function": said["function_call"]}]
    for at, call in enumerate(calls if isinstance(calls, list) else ()):
        if isinstance(call, dict) and isinstance(call.get("function"), dict):
            yield f"call {call.get('index', at)}", call


def _logprobs(choice: dict[str, Any]) -> list[Any]:
    given = choice.get("logprobs")
    entries = given.get("content") if isinstance(given, dict) else None
    return entries if isinstance(entries, list) else []


def _text(content: Any) -> str:
    if isinstance(content, list):
        texts = [part.get("text") for part in content if isinstance(part, dict)]
        return "".join(text for text in texts if isinstance(text, str))
    return content if isinstance(content, str) else ""


def usage_object(usage: Usage) -> dict[str, Any]:
    """Token counts in the API's words."""
    return {
        "input_tokens": usage.prompt_tokens,
        "input_tokens_details": {
            "cached_tokens": usage.cached_input_tokens,
            "cache_write_tokens": usage.cache_write_tokens,
        },
        "output_tokens": usage.completion_tokens,
        "output_tokens_details": {"reasoning_tokens": usage.reasoning_tokens},
        "total_tokens": usage.prompt_tokens + usage.completion_tokens,
    }


def echoed(asked: Asked) -> dict[str, Any]:
    """The fields of a request that its response repeats."""
    reasoning, text = asked.reasoning or {}, asked.text or {}
    return {
        "instructions": asked.instructions,
        "max_output_tokens": asked.max_output_tokens,
        "max_tool_calls": asked.max_tool_calls,
        "metadata": asked.metadata or {},
        "parallel_tool_calls": asked.parallel_tool_calls is not False,
        "previous_response_id": asked.previous_response_id,
        "prompt_cache_key": asked.prompt_cache_key,
        "prompt_cache_retention": asked.prompt_cache_retention,
        "reasoning": {
            "effort": reasoning.get("effort"),
            "summary": reasoning.get("summary") or reasoning.get("generate_summary"),
        },
        "safety_identifier": asked.safety_identifier,
        "service_tier": asked.service_tier
        if asked.service_tier not in (None, "auto")
        else "default",
        "temperature": 1.0 if asked.temperature is None else asked.temperature,
        "text": {
            "format": text.get("format") or {"type": "text"},
            "verbosity": text.get("verbosity") or "medium",
        },
        "tool_choice": asked.tool_choice or "auto",
        "tools": [_echoed_tool(tool) for tool in asked.tools or ()],
        "top_logprobs": asked.top_logprobs or 0,
        "top_p": 1.0 if asked.top_p is None else asked.top_p,
        "presence_penalty": asked.presence_penalty or 0.0,
        "frequency_penalty": asked.frequency_penalty or 0.0,
        "truncation": asked.truncation or "disabled",
        "user": asked.user,
    }


def _echoed_tool(tool: dict[str, Any]) -> dict[str, Any]:
    return {
        **tool,
        "description": tool.get("description"),
        "parameters": tool.get("parameters"),
        "strict": bool(tool.get("strict")),
    }
