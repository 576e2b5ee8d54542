r"""Where a text of a model is JSON: there values are put in escaped, or the document breaks.

Models write JSON without having been asked for it by ``response_format``: as their whole answer,
or in a fence. A text counts as JSON from its first string on (``{"``, ``[{"``, ``["``) at the very
start or behind a fence, up to the bracket that closes it or to the first character that no JSON
could hold there. The decision needs no look ahead, so it holds nothing back.
"""

import re
from typing import Final

_STRING: Final = re.compile(r'[^"\\\x00-\x1f]+')
_FENCE: Final = re.compile(r"(?:^|\n)[ \t]*(?:```|~~~)[ \t]*(?:json[5cl]?|JSON)?[ \t]*\r?\n")
_FENCE_TAIL: Final = 32
_SPACE: Final = frozenset(" \t\r\n")
_OUTSIDE: Final = frozenset(' \t\r\n{}[]:,"-+.0123456789eEtrufalsn')

Region = tuple[bool, str]


class JsonRegions:
    """Cuts the chunks of one text into regions ``(is_json, text)``."""

    def __init__(self) -> None:
        self._state = "start"  # start, prose, json
        self._lead = ""  # brackets since the start
        self._depth = 0
        self._in_string = False
        self._escaped = False
        self._tail = "\n"  # end of the prose so far, for fences

    def feed(self, chunk: str) -> list[Region]:
        regions: list[Region] = []
        position = 0
        while position < len(chunk):
            state = self._state
            if state == "start":
                end = self._start(chunk, position)
            elif state == "prose":
                end = self._prose(chunk, position)
            else:
                end = self._json(chunk, position)
            if end > position:
                is_json = state == "json"
                if regions and regions[-1][0] == is_json:
                    regions[-1] = (is_json, regions[-1][1] + chunk[position:end])
                else:
                    regions.append((is_json, chunk[position:end]))
            position = end
        return regions

    def is_prose(self, chunk: str) -> bool:
        """Whether ``feed`` would give the chunk back as one region that is no JSON, and the text
        goes on so; a fence ends with a line."""
        return self._state == "prose" and "\n" not in chunk

    def pass_prose(self, chunk: str) -> None:
        """``feed`` for a chunk that ``is_prose``."""
        self._tail = (self._tail + chunk)[-_FENCE_TAIL:]

    def _start(self, chunk: str, position: int) -> int:
        """White space and brackets before the first string."""
        while position < len(chunk):
            character = chunk[position]
            if character == '"' and self._lead:
                self._state, self._depth = "json", len(self._lead)
                self._in_string = self._escaped = False
                return position
            opens = character == "[" or character == "{"
            if not (character in _SPACE or (opens and not self._lead.endswith("{"))):
                self._state = "prose"
                return position
            self._lead += character if opens else ""
            self._tail = (self._tail + character)[-_FENCE_TAIL:]
            position += 1
        return position

    def _prose(self, chunk: str, position: int) -> int:
        text = self._tail + chunk[position:]
        for fence in _FENCE.finditer(text):
            end = position + fence.end() - len(self._tail)
            if end > position:
                self._state, self._lead = "start", ""
                self._tail = "\n"
                return end
        self._tail = text[-_FENCE_TAIL:]
        return len(chunk)

    def _json(self, chunk: str, position: int) -> int:
        while position < len(chunk):
            if self._escaped:
                self._escaped = False
                position += 1
                continue
            if self._in_string:
                plain = _STRING.match(chunk, position)
                if plain is not None:
                    position = plain.end()
                    continue
            character = chunk[position]
            if not self._allows(character):
                self._leave()
                return position
            position += 1
            if self._depth == 0:
                self._leave()
                return position
        return position

    def _allows(self, character: str) -> bool:
        """Take in one character that is no plain one of a string."""
        if character == '"':
            self._in_string = not self._in_string
        elif self._in_string:
            self._escaped = character == "\\"
            return self._escaped
        elif character in "{[":
            self._depth += 1
        elif character in "}]":
            self._depth -= 1
        return character in _OUTSIDE or self._in_string

    def _leave(self) -> None:
        self._state, self._tail, self._lead = "prose", "", ""
