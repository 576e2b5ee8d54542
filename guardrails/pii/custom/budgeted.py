"""Patterns from an operator's Presidio file that need look-around or backreferences.

They run by ``regex``, which backtracks, under a hard budget of time: a text that uses it up is
not let through. A pattern that can be slow on any of a few hostile texts is refused at start.
By the API no such pattern is taken; see docs/adr/0006.
"""

from typing import Final

import regex

from guardrails.errors import GuardUnavailable
from guardrails.pii.custom.errors import InvalidPattern, PatternTooComplex
from guardrails.pii.custom.utf8 import Utf8Text

TIME_LIMIT_S: Final = 0.25
_TRIAL_LIMIT_S: Final = 0.1
_TRIAL_CHARS: Final = 20_000
_UNITS: Final = ("a", "1", " ", "-", ".", "a1", "a ", "aa.", "1-", "@a.", "Aa ", "é", "中")


class BudgetedPattern:
    """One pattern in ``regex``'s syntax; the same face as ``LinearPattern``.

    Raises:
        InvalidPattern: ``regex`` does not take it.
        PatternTooComplex: a hostile text keeps it busy for longer than is granted.
    """

    def __init__(self, pattern: str, flags: int = 0, group: int | str = 0) -> None:
        try:
            self._regex = regex.compile(pattern, flags)
            known = group in self._regex.groupindex or group in range(self._regex.groups + 1)
        except (regex.error, ValueError):
            known = False
        if not known:
            raise InvalidPattern(
                "The pattern is no regular expression, or lacks the group named; correct it.",
                param="regex",
            )
        self._group = group
        self._try_out(pattern)

    def spans(self, text: Utf8Text) -> list[tuple[int, int]]:
        """Findings as code point offsets.

        Raises:
            GuardUnavailable: the time was used up.
        """
        try:
            found = self._regex.finditer(text.text, timeout=TIME_LIMIT_S, concurrent=True)
            spans = [match.span(self._group) for match in found]
        except TimeoutError:
            raise GuardUnavailable(
                "A pattern of the tenant's registry file took too long, so the request was not"
                " sent on; rewrite the pattern without look-around."
            ) from None
        return [(start, end) for start, end in spans if end > start >= 0]

    def matches_empty(self) -> bool:
        """Whether it matches a text without characters."""
        return self._regex.match("") is not None

    def _try_out(self, pattern: str) -> None:
        """Repetitions of what the pattern itself is made of are where it would be slow."""
        letters = sorted(set(pattern))[:60]
        for unit in dict.fromkeys((*_UNITS, *letters)):
            text = (unit * _TRIAL_CHARS)[:_TRIAL_CHARS] + "!"
            try:
                for _ in self._regex.finditer(text, timeout=_TRIAL_LIMIT_S):
                    pass
            except TimeoutError:
                raise PatternTooComplex(
                    "The pattern can run for too long; remove nested repetitions and"
                    " alternatives that begin alike.",
                    param="regex",
                ) from None
