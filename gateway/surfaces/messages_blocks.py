"""Anthropic's content blocks as parts and messages of a chat request.

What no chat upstream understands is refused here, not dropped: a client that sends a search
result or a file expects the model to have seen it.
"""

from collections.abc import Callable
from typing import Any

import msgspec

from gateway.errors import InvalidRequest, UnsupportedFeature

Part = dict[str, Any]
Message = dict[str, Any]


def messages_of(message: Any, where: str) -> list[Message]:
    """The chat messages for one turn: results of tools first, as they must follow their calls."""
    if not isinstance(message, dict):
        raise InvalidRequest("Each message must be an object with a `role`.", param=where)
    content, inside = message.get("content"), f"{where}.content"
    role = message.get("role")
    if role == "assistant":
        return [_assistant(blocks_of(content, inside), inside)]
    if role == "system":
        return [{"role": "system", "content": content_of(blocks_of(content, inside), inside)}]
    if role != "user":
        raise InvalidRequest("`role` must be 'user' or 'assistant'.", param=f"{where}.role")
    if isinstance(content, str):
        return [{"role": "user", "content": content}]
    blocks = blocks_of(content, inside)
    results = [_tool_result(block, inside) for block in blocks if block["type"] == "tool_result"]
    others = [block for block in blocks if block["type"] != "tool_result"]
    if others or not results:
        results.append({"role": "user", "content": content_of(others, inside)})
    return results


def blocks_of(content: Any, where: str) -> list[dict[str, Any]]:
    """Content as blocks; a text is one.

    Raises:
        InvalidRequest: it is neither.
    """
    if isinstance(content, str):
        return [{"type": "text", "text": content}]
    if not isinstance(content, list):
        raise InvalidRequest("Content must be a text or a list of blocks.", param=where)
    for block in content:
        if not isinstance(block, dict) or not isinstance(block.get("type"), str):
            raise InvalidRequest("Each content block must have a `type`.", param=where)
    return content


def content_of(blocks: list[dict[str, Any]], where: str) -> str | list[Part]:
    """The content of a chat message: one text, or parts."""
    parts = [part for block in blocks for part in _parts_of(block, where)]
    if not parts:
        return ""
    if len(parts) == 1 and parts[0].keys() == {"type", "text"}:
        return parts[0]["text"]
    return parts


def _parts_of(block: dict[str, Any], where: str) -> list[Part]:
    make = _PARTS.get(block["type"])
    if make is None:
        raise UnsupportedFeature(
            f"Blocks of this type are not served here; use {', '.join(sorted(_PARTS))}.",
            param=where,
        )
    parts = make(block, where)
    mark = block.get("cache_control")
    if isinstance(mark, dict) and parts:
        parts[-1]["cache_control"] = mark
    return parts


def _text(block: dict[str, Any], where: str) -> list[Part]:
    return [{"type": "text", "text": text_in(block, "text", where)}]


def _image(block: dict[str, Any], where: str) -> list[Part]:
    source = _source(block, where)
    if source["type"] == "base64":
        url = _data_url(source, where)
    elif source["type"] == "url":
        url = text_in(source, "url", where)
    else:
        raise _no_files(where)
    return [{"type": "image_url", "image_url": {"url": url}}]


def _document(block: dict[str, Any], where: str) -> list[Part]:
    source = _source(block, where)
    heads = [block[name] for name in ("title", "context") if block.get(name) is not None]
    if not all(isinstance(head, str) for head in heads):
        raise InvalidRequest("`title` and `context` must be texts.", param=where)
    kind = source["type"]
    if kind == "base64":
        file = {"filename": block.get("title") or "document.pdf"}
        parts: list[Part] = [
            {"type": "file", "file": {**file, "file_data": _data_url(source, where)}}
        ]
        heads = heads[1:] if block.get("title") is not None else heads
    elif kind == "text":
        heads.append(text_in(source, "data", where))
        parts = []
    elif kind == "content":
        inner = blocks_of(source.get("content"), where)
        parts = [part for each in inner for part in _parts_of(each, where)]
    elif kind == "url":
        raise UnsupportedFeature(
            "Documents are not fetched from addresses here; send the content as base64 or text.",
            param=where,
        )
    else:
        raise _no_files(where)
    return [{"type": "text", "text": "\n".join(heads)}, *parts] if heads else parts


def _search_result(block: dict[str, Any], where: str) -> list[Part]:
    inner = blocks_of(block.get("content"), where)
    lines = [text_in(block, "title", where), text_in(block, "source", where)]
    lines += [text_in(each, "text", where) for each in inner]
    return [{"type": "text", "text": "\n".join(lines)}]


_PARTS: dict[str, Callable[[dict[str, Any], str], list[Part]]] = {
    "text": _text,
    "image": _image,
    "document": _document,
    "search_result": _search_result,
}


def _tool_result(block: dict[str, Any], where: str) -> Message:
    given = block.get("content")
    content = content_of([] if given is None else blocks_of(given, where), where)
    if block.get("is_error") is True:
        # Chat requests have no flag for it, so the model is told in words.
        if isinstance(content, str):
            content = f"Error: {content}"
        else:
            content = [{"type": "text", "text": "Error:"}, *content]
    result: Message = {
        "role": "tool",
        "tool_call_id": text_in(block, "tool_use_id", where),
        "content": content,
    }
    if isinstance(block.get("cache_control"), dict):
        result["cache_control"] = block["cache_control"]
    return result


def _assistant(blocks: list[dict[str, Any]], where: str) -> Message:
    said = [block for block in blocks if block["type"] not in _OF_THE_MODEL]
    calls = [_tool_call(block, where) for block in blocks if block["type"] == "tool_use"]
    thoughts = [_thought(block, where) for block in blocks if block["type"] in _THOUGHTS]
    content = content_of(said, where)
    message: Message = {"role": "assistant", "content": None if calls and not said else content}
    if thoughts:
        message["thinking_blocks"] = thoughts
    if calls:
        message["tool_calls"] = calls
    return message


_THOUGHTS = frozenset({"thinking", "redacted_thinking"})
_OF_THE_MODEL = _THOUGHTS | {"tool_use"}


def _thought(block: dict[str, Any], where: str) -> dict[str, Any]:
    """As it came; ``ThinkingSeal.admit`` decides what becomes of it."""
    name = "thinking" if block["type"] == "thinking" else "data"
    text_in(block, name, where)
    return block


def _tool_call(block: dict[str, Any], where: str) -> dict[str, Any]:
    arguments = block.get("input")
    if not isinstance(arguments, dict):
        raise InvalidRequest("`input` of a tool_use block must be an object.", param=where)
    function = {
        "name": text_in(block, "name", where),
        "arguments": msgspec.json.encode(arguments).decode(),
    }
    return {"id": text_in(block, "id", where), "type": "function", "function": function}


def text_in(block: dict[str, Any], name: str, where: str) -> str:
    """A text that must be there."""
    value = block.get(name)
    if not isinstance(value, str):
        raise InvalidRequest(f"`{name}` must be a text.", param=where)
    return value


def _source(block: dict[str, Any], where: str) -> dict[str, Any]:
    source = block.get("source")
    if not isinstance(source, dict) or not isinstance(source.get("type"), str):
        raise InvalidRequest("`source` must be an object with a `type`.", param=where)
    return source


def _data_url(source: dict[str, Any], where: str) -> str:
    return f"data:{text_in(source, 'media_type', where)};base64,{text_in(source, 'data', where)}"


def _no_files(where: str) -> UnsupportedFeature:
    return UnsupportedFeature(
        "Files of another API cannot be used here; send the content as base64.", param=where
    )
