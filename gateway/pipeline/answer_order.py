"""Which part of a streamed message is being said: its reasoning, its text, or one of its calls.

Upstreams say one after the other, and may end one and begin the next in the same event.
"""

from collections.abc import Iterable
from typing import Any

from gateway.pipeline.answer_fields import Path

Part = tuple[int, Any]

_TEXT, _CALL = frozenset({"content", "refusal"}), "tool_calls"


def part_of(path: Path) -> Part:
    """Parts sort in the order in which they are said.

    >>> part_of(("reasoning_content",)) < part_of(("content",)) < part_of(("tool_calls", 0, "x"))
    True
    """
    if path[0] == _CALL:
        return 2, path[1]
    return (1 if path[0] in _TEXT else 0), 0


class FieldOrder:
    """Follows one choice from event to event."""

    def __init__(self) -> None:
        self._now: Part | None = None

    def ends_any(self, delta: dict[str, Any], said: Iterable[Path], held: Iterable[Path]) -> bool:
        """Take in where an event says something; whether it ends any of ``held``."""
        begun = {part_of(path) for path in said}
        calls = delta.get(_CALL)
        if isinstance(calls, list):  # one may begin with its name alone
            begun |= {
                part_of((_CALL, call.get("index", at)))
                for at, call in enumerate(calls)
                if isinstance(call, dict)
            }
        if begun:
            # The part that was going on goes first, wherever it sorts.
            self._now = max(begun - {self._now} or begun)
        return any(self.has_ended(path) for path in held)

    def is_at(self, name: str) -> bool:
        """Whether a text of this name is part of what is being said."""
        return part_of((name,)) == self._now

    def has_ended(self, path: Path) -> bool:
        return part_of(path) != self._now
