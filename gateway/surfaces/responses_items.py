"""Input items of the Responses API as messages of a chat.

What a model said in one turn stands in one assistant message there: its reasoning, its text
and its calls. ``Conversation`` gathers items until a turn ends.
"""

from collections.abc import Sequence
from typing import Any

from gateway.errors import InvalidRequest, UnsupportedFeature
from gateway.responses import ReasoningSeal

_ROLES = {"user": "user", "system": "system", "developer": "system", "assistant": "assistant"}
# What an item is called by its id.
_PREFIXES = {"message": "msg", "function_call": "fc", "function_call_output": "fco",
             "reasoning": "rs"}  # fmt: skip


def input_items(given: str | list[dict[str, Any]], response_id: str) -> list[dict[str, Any]]:
    """A request's input as items that have a type and an id.

    An id tells the response that brought the item: ``msg_<response's id>_i0``.

    Raises:
        InvalidRequest: an item of a kind that is not known here.
    """
    if isinstance(given, str):
        given = (
            [{"role": "user", "content": [{"type": "input_text", "text": given}]}] if given else []
        )
    suffix = response_id.partition("_")[2]
    items = []
    for index, item in enumerate(given):
        kind = item.get("type") or ("message" if "role" in item else "item_reference")
        if kind == "item_reference":
            if not isinstance(item.get("id"), str):
                raise InvalidRequest("An item needs a `type`.", param=f"input[{index}]")
            items.append({"type": kind, "id": item["id"]})
            continue
        if kind not in _PREFIXES:
            raise UnsupportedFeature(
                "Input items can be messages, function calls and their outputs, reasoning and"
                " references; leave others out.",
                param=f"input[{index}].type",
            )
        own = item.get("id")
        name = own if isinstance(own, str) and own else f"{_PREFIXES[kind]}_{suffix}_i{index}"
        items.append(_whole({**item, "type": kind, "id": name}))
    return items


def response_of_item(item_id: str) -> str | None:
    """The id of the response that an item belongs to, if it was named here."""
    parts = item_id.split("_")
    return f"resp_{parts[1]}" if len(parts) == 3 and parts[1] else None


def item_id(prefix: str, response_id: str, index: int) -> str:
    """Of an item that the model said."""
    return f"{prefix}_{response_id.partition('_')[2]}_{index}"


def needs_seal(items: Sequence[dict[str, Any]]) -> bool:
    """Whether reasoning has to be opened before it can be sent."""
    return any(
        item["type"] == "reasoning" and item.get("encrypted_content") and not _clear(item)
        for item in items
    )


class Conversation:
    """Gathers items to messages; ``messages`` is complete after ``close``."""

    def __init__(self, instructions: str | None, seal: ReasoningSeal | None) -> None:
        self.messages: list[dict[str, Any]] = []
        self._seal = seal
        self._said: dict[str, Any] = {}
        if instructions:
            self.messages.append({"role": "system", "content": instructions})

    def add(self, item: dict[str, Any], param: str) -> None:
        """Raises ``InvalidRequest``; ``param`` names the item."""
        kind = item["type"]
        if kind == "reasoning":
            self._reason(item)
        elif kind == "function_call":
            self._call(item, param)
        elif kind == "function_call_output":
            self._close()
            self.messages.append(_output(item, param))
        elif item.get("role") == "assistant":
            self._say(item, param)
        else:
            self._close()
            self.messages.append(_message(item, param))

    def close(self) -> list[dict[str, Any]]:
        self._close()
        return self.messages

    def _reason(self, item: dict[str, Any]) -> None:
        if "content" in self._said or "tool_calls" in self._said:
            self._close()
        text = _clear(item)
        if not text and item.get("encrypted_content") and self._seal is not None:
            text = self._seal.open(str(item["encrypted_content"]))
        if text:
            self._said["reasoning_content"] = self._said.get("reasoning_content", "") + text

    def _say(self, item: dict[str, Any], param: str) -> None:
        if "content" in self._said or "tool_calls" in self._said:
            self._close()
        texts, refusals = [], []
        for part in _parts(item.get("content"), f"{param}.content"):
            if part.get("type") == "refusal":
                refusals.append(_string(part, "refusal", param))
            else:
                texts.append(_string(part, "text", param))
        self._said["content"] = "".join(texts)
        if refusals:
            self._said["refusal"] = "".join(refusals)

    def _call(self, item: dict[str, Any], param: str) -> None:
        call = {
            "id": _string(item, "call_id", param),
            "type": "function",
            "function": {
                "name": _string(item, "name", param),
                "arguments": _string(item, "arguments", param),
            },
        }
        self._said.setdefault("tool_calls", []).append(call)

    def _close(self) -> None:
        if self._said:
            self.messages.append({"role": "assistant", "content": None, **self._said})
            self._said = {}


def _message(item: dict[str, Any], param: str) -> dict[str, Any]:
    role = item.get("role")
    if role not in _ROLES:
        raise InvalidRequest(
            "`role` must be user, assistant, system or developer.", param=f"{param}.role"
        )
    parts = [_part(part, param) for part in _parts(item.get("content"), f"{param}.content")]
    return {"role": _ROLES[role], "content": _plain(parts)}


def _output(item: dict[str, Any], param: str) -> dict[str, Any]:
    parts = [_part(part, param) for part in _parts(item.get("output"), f"{param}.output")]
    return {
        "role": "tool",
        "tool_call_id": _string(item, "call_id", param),
        "content": _plain(parts),
    }


def _parts(content: Any, param: str) -> list[dict[str, Any]]:
    if isinstance(content, str):
        return [{"type": "input_text", "text": content}]
    if isinstance(content, list) and all(isinstance(part, dict) for part in content):
        return content
    raise InvalidRequest("It must be a text or a list of parts.", param=param)


def _part(part: dict[str, Any], param: str) -> dict[str, Any]:
    """One part of a message in chat's words."""
    kind = part.get("type")
    if kind in {"input_text", "output_text", "text"}:
        return {"type": "text", "text": _string(part, "text", param)}
    if kind == "input_image" and isinstance(part.get("image_url"), str):
        image = {"url": part["image_url"]}
        if isinstance(part.get("detail"), str):
            image["detail"] = part["detail"]
        return {"type": "image_url", "image_url": image}
    if kind == "input_audio" and isinstance(part.get("input_audio"), dict):
        return {"type": "input_audio", "input_audio": part["input_audio"]}
    if kind == "input_file" and isinstance(part.get("file_data"), str):
        names = ("filename", "file_data")
        file = {name: part[name] for name in names if isinstance(part.get(name), str)}
        return {"type": "file", "file": file}
    raise UnsupportedFeature(
        "Parts can be texts, images by `image_url`, audio, and files by `file_data`; put the"
        " content itself into the request.",
        param=f"{param}.content",
    )


def _plain(parts: list[dict[str, Any]]) -> Any:
    """A text where there is nothing else: every upstream takes that."""
    if len(parts) == 1 and parts[0]["type"] == "text":
        return parts[0]["text"]
    return parts


def _clear(item: dict[str, Any]) -> str:
    """Reasoning that stands in an item in clear: its own words, else its summary."""
    for name in ("content", "summary"):
        parts = item.get(name)
        texts = [part.get("text") for part in parts or () if isinstance(part, dict)] \
            if isinstance(parts, list) else []  # fmt: skip
        if text := "".join(text for text in texts if isinstance(text, str)):
            return text
    return ""


def _string(node: dict[str, Any], name: str, param: str) -> str:
    value = node.get(name)
    if not isinstance(value, str):
        raise InvalidRequest(f"`{name}` must be a text.", param=f"{param}.{name}")
    return value


def _whole(item: dict[str, Any]) -> dict[str, Any]:
    """As the API shows an item: texts as parts, a status."""
    if item["type"] == "message" and isinstance(item.get("content"), str):
        kind = "output_text" if item.get("role") == "assistant" else "input_text"
        part: dict[str, Any] = {"type": kind, "text": item["content"]}
        item["content"] = [part | {"annotations": []} if kind == "output_text" else part]
    if item["type"] == "reasoning":
        item.setdefault("summary", [])
    else:
        item.setdefault("status", "completed")
    return item
