"""One request for a response on its way: what it asked, and the object that it becomes."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from billing import Usage
from core.ids import new_id
from gateway.responses import ReasoningSeal, StoredTurn
from gateway.surfaces.responses_answer import Output, echoed, usage_object
from gateway.surfaces.responses_request import Asked


@dataclass(slots=True)
class Turn:
    """What the surface knows of one exchange.

    Args:
        input: the request's own items, with ids; not those of earlier turns.
        thread: the first response of the chain; its own id where it begins one.
        store: whether it is to be kept, and afterwards whether it was.
    """

    asked: Asked
    created_at: datetime
    id: str = field(default_factory=lambda: new_id("resp"))
    input: list[dict[str, Any]] = field(default_factory=list)
    thread: str | None = None
    store: bool = False
    seal: ReasoningSeal | None = None
    model: str = ""
    final: dict[str, Any] = field(default_factory=dict)
    _output: Output | None = None

    @property
    def output(self) -> Output:
        if self._output is None:
            self._output = Output(self.id, self.asked, self.seal)
        return self._output

    def started(self) -> dict[str, Any]:
        return self._object("in_progress", [])

    def close(self, usage: Usage | None, now: datetime) -> None:
        """Make ``final`` of what came."""
        reason = self.output.incomplete
        self.final = self._object("incomplete" if reason else "completed", self.output.items)
        self.final["usage"] = usage_object(usage) if usage is not None else None
        if reason:
            self.final["incomplete_details"] = {"reason": reason}
        else:
            self.final["completed_at"] = int(now.timestamp())

    def failed(self, code: str, message: str) -> dict[str, Any]:
        """The object of a stream that broke off; it is not stored."""
        self.store = False
        final = self._object("failed", self.output.items)
        return {**final, "error": {"code": code, "message": message}}

    def stored(self) -> StoredTurn:
        return StoredTurn(
            self.id,
            self.thread or self.id,
            self.asked.previous_response_id,
            self.final,
            self.input,
        )

    def _object(self, status: str, output: list[dict[str, Any]]) -> dict[str, Any]:
        return {
            "id": self.id,
            "object": "response",
            "created_at": int(self.created_at.timestamp()),
            "status": status,
            "background": False,
            "completed_at": None,
            "error": None,
            "incomplete_details": None,
            "model": self.model or self.asked.model,
            "output": list(output),
            "store": self.store,
            "usage": None,
            **echoed(self.asked),
        }
