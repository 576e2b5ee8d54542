"""What the words since the last decision give reason to expect."""

import re
from typing import Final

from guardrails.pii.redact.words import Kind, joins

LAG_WORDS: Final = 2
_TELLING_WORDS: Final = 4
# No identifier has fewer digits, unless it has one of the other marks.
_WORTH: Final = re.compile(r"(?:[0-9][^0-9]*){3}|[@%\\&=]|[^\x00-\x7f]|\S{15,}")


class Suspicion:
    """Takes in words; says whether looking is worth while and how far back an identifier may
    begin."""

    def __init__(self) -> None:
        self.lag: list[int] = []  # starts of the plain words in a row, up to now
        self._odd = False
        self._joins: set[str] = set()
        self._told = False  # something tells of a secret, here or shortly before
        self._telling = 0  # words that this will last

    def take(self, kind: Kind, word: str, start: int) -> None:
        """A word that begins at ``start``."""
        if kind is Kind.TELLING:
            self._telling, self._odd, self._told = _TELLING_WORDS, True, True
            self.lag = []
        elif kind is Kind.JOINER:
            self._joins.add(joins(word))
            self.lag = []
        elif kind in (Kind.ODD, Kind.BREAK):
            self._odd = self._odd or kind is Kind.ODD
            self._telling = max(0, self._telling - 1)
            self.lag = []
        elif kind is Kind.PLAIN and self._telling:
            self._telling -= 1
        elif kind is Kind.PLAIN:
            self.lag.append(start)

    @property
    def goes_on(self) -> bool:
        """Whether a clause's end ends nothing yet: "password:" is where it begins."""
        return self._telling > 0

    @property
    def is_open(self) -> bool:
        """Whether anything since the last decision could be part of an identifier."""
        return self._odd or bool(self._joins)

    def is_worth_looking(self, text: str, end: int) -> bool:
        """Whether ``text[:end]`` could hold an identifier."""
        spelt = "at" in self._joins and ("dot" in self._joins or "." in text[:end])
        if self._told or spelt:
            return True
        return self._odd and _WORTH.search(text, 0, end) is not None

    def decided(self) -> None:
        """It was looked, or there was no need to."""
        self._odd, self._joins, self._told = False, set(), self._telling > 0

    def let_go(self, count: int) -> None:
        """``count`` characters are gone from the front."""
        self.lag = [start - count for start in self.lag if start >= count]

    def inside_run(self) -> None:
        """What goes on was let go in part already."""
        self._odd, self.lag = True, []

    def key_begins(self) -> None:
        """A private key was found by its header, which told of it."""
        self._telling, self._told = 0, False
