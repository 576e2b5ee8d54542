"""Values that a customer never masks."""

import unicodedata
from collections.abc import Iterable

from guardrails.pii.custom.definition import AllowList
from guardrails.pii.custom.linear import LinearPattern


class Allowed:
    """Says of a found value whether it is allowed.

    Args:
        lists: a value that any of them holds is allowed.
    """

    def __init__(self, lists: Iterable[AllowList]) -> None:
        self._exact: set[str] = set()
        self._folded: set[str] = set()
        self._patterns: list[LinearPattern] = []
        for each in lists:
            values = {unicodedata.normalize("NFC", value) for value in each.values}
            if each.ignore_case:
                self._folded |= {value.casefold() for value in values}
            else:
                self._exact |= values
            flag = "(?i)" if each.ignore_case else ""
            self._patterns += [LinearPattern(flag + pattern) for pattern in each.patterns]

    def __bool__(self) -> bool:
        return bool(self._exact or self._folded or self._patterns)

    def __call__(self, value: str) -> bool:
        value = unicodedata.normalize("NFC", value)
        return (
            value in self._exact
            or (bool(self._folded) and value.casefold() in self._folded)
            or any(pattern.matches_whole(value) for pattern in self._patterns)
        )
