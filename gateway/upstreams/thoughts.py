"""Tells thinking from answering in a text that holds both, ``<think>...</think>`` first.

For upstreams without a reasoning parser. A tag later in the answer is part of the answer.
"""

from core.tags import held_back

OPEN, CLOSE = "<think>", "</think>"
_SPACE = " \t\r\n"


class ThoughtSplitter:
    """One text field, fed in whatever pieces it comes; returns ``(is_thought, text)``.

    Args:
        opened: the prompt ends with ``<think>`` already, so the text begins within it.
    """

    __slots__ = ("_buffer", "_opened", "_state", "_trim")

    def __init__(self, *, opened: bool = False) -> None:
        self._buffer = ""
        self._opened = opened
        self._state = "start"
        self._trim = False

    @property
    def is_done(self) -> bool:
        """The answer has begun: everything that follows is part of it."""
        return self._state == "answer" and not self._trim

    def doubt(self, whole: str) -> None:
        """Take a whole text whose thinking never ends for an answer without any."""
        if CLOSE not in whole:
            self._opened = False

    def feed(self, text: str) -> list[tuple[bool, str]]:
        if self.is_done:
            return [(False, text)] if text else []
        self._buffer += text
        out: list[tuple[bool, str]] = []
        if self._state == "start":
            self._begin()
        if self._state == "thought":
            self._think(out)
        if self._state == "answer":
            self._give(out, False, self._buffer)
            self._buffer = ""
        return out

    def flush(self) -> list[tuple[bool, str]]:
        out: list[tuple[bool, str]] = []
        self._give(out, self._state == "thought", self._buffer)
        self._buffer = ""
        return out

    def _begin(self) -> None:
        text = self._buffer.lstrip(_SPACE)
        if len(text) < len(OPEN) and OPEN.startswith(text):
            return
        if text.startswith(OPEN):
            self._buffer = text[len(OPEN) :]
        elif not self._opened:
            self._state = "answer"
            return
        self._state, self._trim = "thought", True

    def _think(self, out: list[tuple[bool, str]]) -> None:
        thought, found, answer = self._buffer.partition(CLOSE)
        if found:
            self._give(out, True, thought)
            self._buffer, self._state, self._trim = answer, "answer", True
            return
        keep = held_back(self._buffer, CLOSE)
        end = len(self._buffer) - keep
        self._give(out, True, self._buffer[:end])
        self._buffer = self._buffer[end:]

    def _give(self, out: list[tuple[bool, str]], is_thought: bool, text: str) -> None:
        if self._trim:
            text = text.lstrip("\r\n")
            self._trim = not text
        if text:
            out.append((is_thought, text))
