"""The texts of a request, asked whether something stands in them.

What stands there was written by the client: it is never issued as a stand-in for something
else, and the guard of the answer knows it as the client's own.
"""

import re
from collections.abc import Iterable, Iterator
from functools import cached_property
from typing import Final

from guardrails.pii.tokens import planted

_WORD: Final = re.compile(r"[^\W_]+")
_WORDS_ALONE: Final = re.compile(r"(?:[^\W\d_]|[ .,'’&-])+")
_CJK: Final = re.compile("[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
# Shorter runs of letters and digits stand in any text by chance.
_LEAST_COMPACT: Final = 6


class ReservedTexts:
    """Each text once, in the order they came; more may come as long as nothing was asked."""

    def __init__(self, texts: Iterable[str] = ()) -> None:
        self._texts = dict.fromkeys(text for text in texts if text)
        self._numbers: dict[str, set[int]] = {}

    def __iter__(self) -> Iterator[str]:
        return iter(self._texts)

    def add(self, text: str) -> None:
        if not text or text in self._texts:
            return
        for name, numbers in self._numbers.items():
            numbers |= planted(name, text)
        self._texts[text] = None
        for view in ("_folded", "_compact"):
            self.__dict__.pop(view, None)

    def numbers(self, name: str) -> set[int]:
        """Numbers that stand beside ``name`` in any form that could be restored."""
        if name not in self._numbers:
            found = (planted(name, text) for text in self._texts)
            self._numbers[name] = set().union(*found)
        return self._numbers[name]

    def holds(self, text: str, *, besides: str = "") -> bool:
        """Whether ``text`` stands there, in any case, be it within a longer word.

        Of a text of words alone one word is enough, since parts of a name stand for the name;
        single letters, and words that ``besides`` has as well, do not count.
        """
        folded = text.casefold()
        words = _WORD.findall(folded)
        if _CJK.search(folded) or not _WORDS_ALONE.fullmatch(folded):
            return folded in self._folded
        ignored = _WORD.findall(besides.casefold())
        telling = (word for word in words if len(word) > 1 and word not in ignored)
        return any(word in self._folded for word in telling)

    def says(self, text: str, *, besides: str = "") -> bool:
        """``holds``, but within longer words does not count: "Jessens" does not say "Jessen"."""
        if not self.holds(text, besides=besides):
            return False
        folded = text.casefold()
        if _CJK.search(folded) or not _WORDS_ALONE.fullmatch(folded):
            return True
        ignored = _WORD.findall(besides.casefold())
        telling = (word for word in _WORD.findall(folded) if len(word) > 1 and word not in ignored)
        return any(re.search(rf"(?<!\w){word}(?!\w)", self._folded) for word in telling)

    def quotes(self, value: str) -> bool:
        """Whether a value stands there, however its letters and digits are spaced or cased."""
        if value.casefold() in self._folded:
            return True
        compact = "".join(_WORD.findall(value.casefold()))
        return len(compact) >= _LEAST_COMPACT and compact in self._compact

    @cached_property
    def _folded(self) -> str:
        return "\0".join(self._texts).casefold()

    @cached_property
    def _compact(self) -> str:
        # A text's end keeps its neighbours apart; spaces within do not.
        return "\0".join("".join(_WORD.findall(text)) for text in self._folded.split("\0"))
