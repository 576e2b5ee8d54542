"""A streamed answer as the Responses API's events.

The last event is not sent here: it says that the response is stored, so it follows the
settlement (``ResponsesSurface.settled``).
"""

from collections.abc import Iterable
from typing import Any

import msgspec

from gateway.http.errors import HttpError
from gateway.surfaces.responses_turn import Turn

# What is no fault of the gateway or of its upstreams has other codes in the API.
_CODES = {429: "rate_limit_exceeded"}


class ResponseEvents:
    """Words one stream; events are numbered throughout."""

    def __init__(self, turn: Turn) -> None:
        self._turn = turn
        self._number = 0
        self._begun = False

    def events(self, events: list[bytes]) -> bytes:
        out = self._begin()
        for data in events:
            for choice in msgspec.json.decode(data).get("choices") or ():
                if choice.get("index", 0) == 0:
                    out += self._encode(self._turn.output.feed(choice))
        return out

    def end(self) -> bytes:
        return self._begin() + self._encode(self._turn.output.finish())

    def last(self) -> bytes:
        """``response.completed`` or ``response.incomplete``."""
        final = self._turn.final
        return self._encode([{"type": f"response.{final['status']}", "response": final}])

    def error(self, error: HttpError) -> bytes:
        """``error``, which SDKs raise, and ``response.failed``, which has what came so far.

        The fields of ``error`` stand beside each other after OpenAI's reference and below
        ``error`` as its servers send them.
        """
        out = self._begin()
        self._turn.output.finish(failed=True)
        fields = {"code": error.code, "message": error.message, "param": error.param}
        final = self._turn.failed(_CODES.get(error.status, "server_error"), error.message)
        return out + self._encode(
            [
                {"type": "error", **fields, "error": {"type": error.type, **fields}},
                {"type": "response.failed", "response": final},
            ]
        )

    def _begin(self) -> bytes:
        if self._begun:
            return b""
        self._begun = True
        started = self._turn.started()
        kinds = ("response.created", "response.in_progress")
        return self._encode({"type": kind, "response": started} for kind in kinds)

    def _encode(self, events: Iterable[dict[str, Any]]) -> bytes:
        out = []
        for event in events:
            event["sequence_number"] = self._number
            self._number += 1
            data = msgspec.json.encode(event)
            out.append(b"event: %b\ndata: %b\n\n" % (event["type"].encode(), data))
        return b"".join(out)
