"""Issued texts without brackets of their own, such as surrogates, found again as whole words.

All of them are walked at once in a tree of characters; the longest one that stands as a word
wins. "Anna" is not found in "Annabel" or "Annas", ``anna@example.org`` not in
``joanna@example.org``: what is not exactly an issued text is somebody else's.
"""

import re
from dataclasses import dataclass, field
from typing import Final

from guardrails.pii.reader import Ended, Reader

_CJK: Final = re.compile("[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
# What ties a number or an address to its neighbour: 192.0.2.1 is not in 192.0.2.1.5.
_TIES_BEFORE: Final = frozenset(".-@+")
_TIES_AFTER: Final = frozenset(".-@")


@dataclass(slots=True)
class _Node:
    children: "dict[str, _Node]" = field(default_factory=dict)
    literal: str | None = None
    value: str = ""


class Literals:
    """Issued texts and the values they stand for."""

    def __init__(self) -> None:
        self._root = _Node()
        self._pattern: str | None = None

    def __bool__(self) -> bool:
        return bool(self._root.children)

    def add(self, literal: str, value: str) -> None:
        node = self._root
        for character in literal:
            node = node.children.setdefault(character, _Node())
        node.literal, node.value = literal, value
        self._pattern = None

    def starts(self, *, escaped: bool) -> str:
        """A regular expression for where one could start; it decides by what it sees only.

        Args:
            escaped: the text before and after may be written in escapes, so that only the
                first character counts.
        """
        if escaped:
            return f"[{_class(self._root.children)}]"
        if self._pattern is None:
            words, others = [], []
            for first, node in sorted(self._root.children.items()):
                in_word = _is_word(first) and not _CJK.match(first)
                (words if in_word else others).append(_beginning(first, node))
            if words:
                # Most words of a text begin with other letters, or are passed over inside.
                # Only ASCII here: a class with all letters takes a millisecond to compile.
                others.append(f"(?<![A-Za-z0-9_])(?:{'|'.join(words)})")
            self._pattern = "|".join(others)
        return self._pattern

    def read(self, reader: Reader, first: str, before: str, final: bool) -> str | None:
        """The value of the longest literal that begins with ``first``, already read.

        Leaves the reader at its end. Raises ``Ended`` if more text could change the answer.
        """
        node = self._root.children.get(first)
        if node is None or joined(before, first):
            return None
        found: tuple[str, int, str] | None = None
        while node is not None:
            if node.literal is not None and _stands(node.literal, reader, before, final):
                found = node.value, reader.position, reader.last
            if not node.children:
                break
            try:
                character = reader.next()
            except Ended:
                if not final:
                    raise
                break
            node = node.children.get(character)
        if found is None:
            return None
        value, end, last = found
        reader.back_to(end, last)
        return value


def joined(before: str, after: str) -> bool:
    """Whether two neighbouring characters are of one word; Chinese has no gaps between words."""
    if not _is_word(before) or not _is_word(after):
        return False
    return not (_CJK.match(before) or _CJK.match(after))


def _stands(literal: str, reader: Reader, before: str, final: bool) -> bool:
    """Whether the literal, just read, is a word for itself. Leaves the reader where it was."""
    tied = "@" in literal or any(map(str.isdigit, literal))
    if tied and before and before in _TIES_BEFORE and _is_word(literal[0]):
        return False
    mark, last = reader.position, reader.last
    try:
        after = reader.next()
        if joined(literal[-1], after):
            return False
        return not (tied and after in _TIES_AFTER and _is_word(reader.next()))
    except Ended:
        if not final:
            raise
        return True
    finally:
        reader.back_to(mark, last)


def _is_word(character: str) -> bool:
    return bool(character) and (character.isalnum() or character == "_")


def _beginning(first: str, node: _Node) -> str:
    if node.literal is not None:
        return re.escape(first)
    return rf"{re.escape(first)}(?=[{_class(node.children)}]|\Z)"


def _class(characters: dict[str, _Node]) -> str:
    return re.escape("".join(sorted(characters)))
