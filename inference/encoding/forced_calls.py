"""Reads the call that an answer of `call_forms.json_form` is."""

import json
import re

from inference.encoding.output import Event, Part

_OPENING = re.compile(r'\{"name": ("(?:[^"\\]|\\.)*"), "arguments": ')


class ForcedCallParser:
    """One answer: a call's arguments. Args: name: of the function; None: the answer tells it."""

    def __init__(self, name: str | None) -> None:
        self.called = False
        self._name = name
        self._buffer = ""

    def feed(self, text: str) -> list[Event]:
        self._buffer += text
        begun = [] if self.called else self._begin()
        if not self.called:
            return []
        # The last brace may be that around name and arguments.
        end = len(self._buffer) - (self._name is None and self._buffer.endswith("}"))
        return begun + self._arguments(end)

    def finish(self, *, truncated: bool = False) -> list[Event]:
        """Args: truncated: a call that was cut stays invalid JSON."""
        if not self.called:
            return []
        return self._arguments(len(self._buffer) if truncated else 0)

    def _begin(self) -> list[Event]:
        name = self._name if self._buffer else None
        if self._name is None and (found := _OPENING.match(self._buffer)):
            name, self._buffer = json.loads(found[1]), self._buffer[found.end() :]
        self.called = name is not None
        return [] if name is None else [(Part.CALL, name)]

    def _arguments(self, end: int) -> list[Event]:
        told, self._buffer = self._buffer[:end], self._buffer[end:]
        return [(Part.ARGUMENTS, told)] if told else []
