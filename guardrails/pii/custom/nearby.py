"""Words near a finding: what makes it surer, or a finding at all."""

import re
from collections.abc import Sequence

from guardrails.pii.custom.definition import ContextSpec

_SHORT = 3


class Nearby:
    """Looks for words around a span.

    Args:
        context: the words and the window. A word counts by its beginning, so that "badge" also
            means "badges"; words of up to three letters count as wholes.
    """

    def __init__(self, context: ContextSpec) -> None:
        self._context = context
        self._words = re.compile(_any_of(context.words), re.IGNORECASE)

    def score(self, text: str, start: int, end: int, score: float) -> float | None:
        """The score with the words considered; ``None`` where a required one is missing."""
        if self._found(text, start, end):
            return round(min(1.0, score + self._context.boost), 4)
        return None if self._context.required else score

    def _found(self, text: str, start: int, end: int) -> bool:
        # One character more, so that a word cut by the window is not taken for a whole one.
        low = max(0, start - self._context.before)
        if self._words.search(text, low, start):
            return True
        high = min(len(text), end + self._context.after)
        return self._words.search(text, end, high) is not None


def _any_of(words: Sequence[str]) -> str:
    return "|".join(_pattern(word) for word in sorted(words, key=len, reverse=True))


def _pattern(word: str) -> str:
    escaped = re.escape(word)
    if not word.isascii() and not word[0].islower() and not word[0].isupper():
        return escaped  # scripts without capitals are mostly written without spaces
    begin = r"(?<!\w)" if word[0].isalnum() else ""
    end = r"(?!\w)" if len(word) <= _SHORT and word[-1].isalnum() else ""
    return f"{begin}{escaped}{end}"
