"""The text of a running answer, judged before each piece of it is let out.

Where it is judged depends on the text alone: after every so many characters, up to the last
whole word before. However an upstream cuts its answer, the same texts are judged, so the verdict
is the same. It keeps the end of what was said and knows nothing of verdicts: the judge raises.
"""

from collections.abc import Callable
from typing import Final

# Characters between two judgements: what may go out before an unsafe answer is stopped.
JUDGE_EVERY: Final = 16
JUDGE_WINDOW: Final = 800
_IDEOGRAPHS: Final = ("\u2e80", "\u9fff")  # each is a word

Judge = Callable[[str], None]  # raises ContentBlocked


class Judged:
    """The text of one choice so far."""

    __slots__ = ("_judge", "_said", "_since")

    def __init__(self, judge: Judge) -> None:
        self._judge = judge
        self._said = ""  # the window that was judged last, and what came after
        self._since = 0  # characters that came after

    def add(self, text: str, *, final: bool) -> None:
        """Judge what is due with ``text``; ``final``: nothing follows, all of it is due."""
        self._said += text
        self._since += len(text)
        if self._since < JUDGE_EVERY and not final:
            return
        while self._since >= JUDGE_EVERY:
            end = len(self._said) - self._since + JUDGE_EVERY
            self._judge_until(end)
            self._said = self._said[max(0, end - JUDGE_WINDOW) :]
            self._since -= JUDGE_EVERY
        if final and self._said:
            self._judge(self._said)
            self._since = 0

    def _judge_until(self, end: int) -> None:
        text = self._said[max(0, end - JUDGE_WINDOW) : end]
        # Half a word is not what was said: "nobody@e" is judged when the rest is there.
        begun = len(text)
        while begun and _is_of_word(text[begun - 1]):
            begun -= 1
        self._judge(text[:begun] or text)


def _is_of_word(character: str) -> bool:
    low, high = _IDEOGRAPHS
    return character.isalnum() and not low <= character <= high
