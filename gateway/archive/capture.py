"""What of a request is kept: the prompt as its upstream got it, the answer as it came back.

Both before any value is restored. Pictures, audio and files are left out, since no guard
reads them, and so is everything that names who asked.
"""

import math
from typing import Any

import msgspec

PROMPT_FIELDS = (
    "model", "messages", "tools", "functions", "tool_choice", "function_call", "response_format",
    "temperature", "top_p", "max_tokens", "max_completion_tokens", "n", "stop", "seed",
    "reasoning_effort", "thinking", "prompt", "suffix", "input", "instructions",
)  # fmt: skip
_TEXT_PARTS = frozenset({"text", "input_text", "output_text", "refusal", "thinking", "reasoning"})
_NAMES = frozenset({"role", "id", "type", "name", "index", "finish_reason"})
_DEPTH = 32  # of an answer's objects: no model needs more, and recursion has an end
_DATA = frozenset({"audio", "data", "b64_json", "encrypted_content", "signature"})


def prompt_content(body: dict[str, Any], model: str) -> dict[str, Any]:
    """What is kept of a body that an upstream gets."""
    kept = {name: body[name] for name in PROMPT_FIELDS if name in body}
    messages = [_message(message) for message in body.get("messages") or ()]
    return {**kept, "model": model, "messages": messages}


def pack(content: dict[str, Any], most: int) -> tuple[bytes, bool]:
    """JSON of ``content``, and whether it had to be cut.

    A cut one is ``{"truncated": true, "bytes": all there was, "text": its beginning}``,
    where the text is the beginning of the JSON.
    """
    whole = msgspec.json.encode(content)
    if len(whole) <= most:
        return whole, False
    text = whole[:most].decode("utf-8", "ignore")
    return msgspec.json.encode({"truncated": True, "bytes": len(whole), "text": text}), True


class AnswerCapture:
    """Gathers an answer; ``most`` bounds the characters that are kept of it."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._left = most
        self._choices: dict[int, dict[str, Any]] = {}
        self.cut = False

    @property
    def empty(self) -> bool:
        return not self._choices

    def content(self) -> dict[str, Any]:
        """``{"choices": [{"index", "message", "finish_reason"}]}``, as of a whole answer."""
        return {"choices": [self._choices[index] for index in sorted(self._choices)]}

    def take(self, choices: Any) -> None:
        """The choices of a whole answer, or of one event; nothing of them is kept by reference."""
        for position, choice in enumerate(choices if isinstance(choices, list) else ()):
            if not isinstance(choice, dict):
                continue
            index = choice.get("index", position)
            if not isinstance(index, int) or (index not in self._choices and self._left <= 0):
                continue
            own = self._choices.setdefault(
                index, {"index": index, "message": {}, "finish_reason": None}
            )
            said = choice.get("message", choice.get("delta"))
            if isinstance(said, dict):
                self._merge(own["message"], said, _DEPTH)
            reason = choice.get("finish_reason")
            if isinstance(reason, str):
                own["finish_reason"] = reason

    def _merge(self, own: dict[str, Any], said: dict[str, Any], depth: int) -> None:
        for name, value in said.items():
            if name in _DATA:
                continue
            if isinstance(value, dict | list) and not depth:
                self.cut = True
                continue
            if isinstance(value, str):
                own[name] = value if name in _NAMES else _text(own.get(name)) + self._taken(value)
            elif isinstance(value, dict):
                self._merge(_container(own, name, dict), value, depth - 1)
            elif isinstance(value, list):
                self._merge_items(_container(own, name, list), value, depth - 1)
            elif value is not None and not (isinstance(value, float) and not math.isfinite(value)):
                own[name] = value

    def _merge_items(self, own: list[Any], items: list[Any], depth: int) -> None:
        """Items of a stream go on by their ``index``; those without one follow each other."""
        for item in items:
            if isinstance(item, dict):
                index = item.get("index")
                found = [o for o in own if isinstance(o, dict) and o.get("index") == index]
                if index is None or not found:
                    if self._left <= 0:
                        self.cut = True
                        continue
                    found = [{}]
                    own.append(found[0])
                self._merge(found[0], item, depth)
            elif isinstance(item, str):
                own.append(self._taken(item))

    def _taken(self, text: str) -> str:
        if len(text) > self._left:
            self.cut = True
            text = text[: max(self._left, 0)]
        self._left -= len(text)
        return text


def _message(message: Any) -> Any:
    if not isinstance(message, dict):
        return message
    kept = {name: value for name, value in message.items() if name not in _DATA}
    if isinstance(kept.get("content"), list):
        kept["content"] = [_part(part) for part in kept["content"]]
    return kept


def _part(part: Any) -> Any:
    if not isinstance(part, dict) or part.get("type") in _TEXT_PARTS:
        return part
    return {"type": part.get("type"), "left_out": True}


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _container(own: dict[str, Any], name: str, kind: type) -> Any:
    if not isinstance(own.get(name), kind):
        own[name] = kind()
    return own[name]
