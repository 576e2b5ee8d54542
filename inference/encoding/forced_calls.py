"""Reads the call that an answer of `call_forms.json_form` is."""

import json
import re

from inference.encoding.output import Event, Part, Sections

_OPENING = re.compile(r'\{"name": ("(?:[^"\\]|\\.)*"), "arguments": ')


class ForcedCallParser:
    """One answer: a call's arguments.

    Args:
        name: of the function; None: the answer tells it.
        thinking: the prompt ends within thinking, and the call follows it.
    """

    def __init__(self, name: str | None, *, thinking: bool = False) -> None:
        self.called = False
        self._name = name
        self._thoughts: list[Event] = []
        self._buffer = ""
        self._sections = Sections(self._take, thinking=thinking) if thinking else None

    def feed(self, text: str) -> list[Event]:
        if self._sections is None:
            self._buffer += text
        else:
            self._sections.feed(text)
        thoughts, self._thoughts = self._thoughts, []
        begun = [] if self.called else self._begin()
        if not self.called:
            return thoughts
        # The last brace may be that around name and arguments.
        end = len(self._buffer) - (self._name is None and self._buffer.endswith("}"))
        return thoughts + begun + self._arguments(end)

    def finish(self, *, truncated: bool = False) -> list[Event]:
        """Args: truncated: a call that was cut stays invalid JSON."""
        if self._sections is not None:
            self._sections.finish()
        thoughts, self._thoughts = self._thoughts, []
        if not self.called:
            return thoughts
        return thoughts + self._arguments(len(self._buffer) if truncated else 0)

    def _take(self, part: Part, text: str) -> None:
        if part is Part.REASONING:
            self._thoughts.append((part, text))
        else:
            self._buffer += text

    def _begin(self) -> list[Event]:
        name = self._name if self._buffer else None
        if self._name is None and (found := _OPENING.match(self._buffer)):
            name, self._buffer = json.loads(found[1]), self._buffer[found.end() :]
        self.called = name is not None
        return [] if name is None else [(Part.CALL, name)]

    def _arguments(self, end: int) -> list[Event]:
        told, self._buffer = self._buffer[:end], self._buffer[end:]
        return [(Part.ARGUMENTS, told)] if told else []
