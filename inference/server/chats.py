"""A chat's answer in OpenAI's shape: thinking, text and calls of tools, whole or in pieces."""

from typing import Any

from core.ids import new_id
from inference.encoding.formats import ChatPrompt
from inference.encoding.output import Event, Part
from inference.engine.sequence import Sequence
from inference.engine.thread import Output

_NAMES = {Part.REASONING: "reasoning_content", Part.CONTENT: "content"}


class ChatReader:
    """One answer, read as its text comes."""

    def __init__(self, prompt: ChatPrompt) -> None:
        self._prompt = prompt
        self._parser = prompt.parser()
        self._calls = 0

    def read(self, output: Output, sequence: Sequence | None = None) -> list[dict[str, Any]]:
        """The deltas of an output. Args: sequence: given with the last one."""
        events = self._parser.feed(output.text)
        if sequence is not None:
            events += self._parser.finish(truncated=not _ended(output, sequence))
        return self._deltas(events)

    def finish_reason(self, output: Output) -> str | None:
        if output.finish == "stop" and self._parser.called:
            return "tool_calls"
        return output.finish

    def reasoning_tokens(self, sequence: Sequence) -> int:
        """Tokens before the one that ends thinking."""
        end, ids = self._prompt.end_of_thinking, sequence.output_ids
        if end is None:
            return 0
        return ids.index(end) if end in ids else len(ids)

    def _deltas(self, events: list[Event]) -> list[dict[str, Any]]:
        deltas: list[dict[str, Any]] = []
        for part, text in events:
            if part in _NAMES:
                deltas.append({_NAMES[part]: text})
                continue
            if part is Part.CALL:
                self._calls += 1
                function = {"name": text, "arguments": ""}
                call = {"id": new_id("call"), "type": "function", "function": function}
            else:
                call = {"function": {"arguments": text}}
            deltas.append({"tool_calls": [{"index": self._calls - 1, **call}]})
        return deltas


def message_of(deltas: list[dict[str, Any]]) -> dict[str, Any]:
    """The message that deltas add up to."""
    texts: dict[str, str] = {}
    calls: list[dict[str, Any]] = []
    for delta in deltas:
        for call in delta.get("tool_calls", ()):
            if "id" in call:
                calls.append({key: call[key] for key in ("id", "type", "function")})
            else:
                calls[-1]["function"]["arguments"] += call["function"]["arguments"]
        for name in _NAMES.values():
            texts[name] = texts.get(name, "") + delta.get(name, "")
    content = texts.get("content", "")
    message = {"role": "assistant", "content": content or (None if calls else ""), "refusal": None}
    if texts.get("reasoning_content"):
        message["reasoning_content"] = texts["reasoning_content"]
    return message | ({"tool_calls": calls} if calls else {})


def _ended(output: Output, sequence: Sequence) -> bool:
    """The model itself ended, and not a limit or a stop string."""
    ids = sequence.output_ids
    return output.finish == "stop" and bool(ids) and ids[-1] in sequence.eos_ids
