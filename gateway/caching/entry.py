"""An answer as it is kept: masked, whole, with what it had cost in tokens."""

from typing import Any

import msgspec

from billing import Usage


class Entry(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """One answer of an upstream, before any value was restored.

    Args:
        body: the whole answer in the endpoint's shape, JSON.
        request_id: of the request that it was made for.
        model: that made it.
        at: when, in seconds since 1970.
        expires: likewise.
        usage: ``Usage.to_json`` of that request.
    """

    body: bytes
    request_id: str
    model: str
    at: float
    expires: float
    usage: dict[str, Any]

    @property
    def size(self) -> int:
        """Bytes in memory, about."""
        return len(self.body) + 500


def hit_usage(entry: Entry) -> Usage:
    """The tokens of the kept answer, all of its input as cached; no worker worked."""
    usage = Usage.from_json(entry.usage)
    return Usage(
        cached_input_tokens=usage.prompt_tokens,
        output_tokens=usage.output_tokens,
        reasoning_tokens=usage.reasoning_tokens,
        estimated=usage.estimated,
    )


encode_entry = msgspec.msgpack.Encoder().encode
decode_entry = msgspec.msgpack.Decoder(Entry).decode
