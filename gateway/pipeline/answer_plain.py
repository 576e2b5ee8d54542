"""The event that streams are made of, read without building it: one choice that says one text.

Decoding into a type costs a third of decoding into dictionaries and walking them; whatever is
not exactly such an event is no ``PlainEvent``, and is looked at in full.
"""

from typing import Final

import msgspec


class PlainDelta(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """Nothing but a text may stand here; what is null says nothing."""

    role: str | None = None
    content: str | None = None
    reasoning_content: str | None = None
    refusal: None = None
    tool_calls: None = None
    function_call: None = None


class PlainChoice(msgspec.Struct, gc=False):
    """``finish_reason`` ends what is held back and ``logprobs`` speak of the text: not plain."""

    delta: PlainDelta
    index: int = 0
    finish_reason: None = None
    logprobs: None = None


class PlainEvent(msgspec.Struct, gc=False):
    """An event of one choice, without counts."""

    choices: tuple[PlainChoice]
    usage: None = None
    error: None = None


_DECODER: Final = msgspec.json.Decoder(PlainEvent)


def plain_text(data: bytes) -> tuple[int, str, str] | None:
    """``(index of the choice, name of the field, text)``; ``None``: look at the event in full.

    >>> plain_text(b'{"id": "c1", "choices": [{"index": 0, "delta": {"content": "Hi"}}]}')
    (0, 'content', 'Hi')
    """
    try:
        (choice,) = _DECODER.decode(data).choices
    except (ValueError, RecursionError):
        return None
    said, thought = choice.delta.content, choice.delta.reasoning_content
    if said:
        return None if thought else (choice.index, "content", said)
    return (choice.index, "reasoning_content", thought) if thought else None
