"""Masks that cannot be undone: ``************1111``, ``G**** V****``, ``[PERSON]``.

They say as much as the kind of value allows: the end of a number, the first letter of a
name, nothing at all of a secret.
"""

from collections.abc import Callable
from typing import Final

from guardrails.pii.tokens import token_name

_SECRETS: Final = frozenset({"PASSWORD", "API_KEY", "JWT", "PRIVATE_KEY", "CONNECTION_STRING"})
_SHOWN: Final = 4
# Fewer characters than this and the shown end would be most of the value.
_LEAST_NUMBER: Final = 9
_SECRET_MASK: Final = "********"


def redaction_mark(entity_type: str) -> str:
    """``[PERSON]``: the kind alone.

    >>> redaction_mark("US_SSN")
    '[US_SSN]'
    """
    return f"[{token_name(entity_type)}]"


def partial_mask(entity_type: str, value: str) -> str:
    """``value`` with most of its letters and digits as ``*``, its separators kept.

    >>> partial_mask("CREDIT_CARD", "4111 1111 1111 1111")
    '**** **** **** 1111'
    >>> partial_mask("PERSON", "Greta Vogel")
    'G**** V****'
    >>> partial_mask("PASSWORD", "hunter2")
    '********'
    """
    if entity_type in _SECRETS:
        return _SECRET_MASK
    count = sum(map(str.isalnum, value))
    digits = sum(map(str.isdigit, value))
    if digits * 2 < count:
        return _keep(value, _first_of_words(value))
    hidden = count - _SHOWN if count >= _LEAST_NUMBER else count
    return _keep(value, lambda index: index >= hidden)


def _keep(value: str, shown: Callable[[int], bool]) -> str:
    """``shown`` is asked for the index of each letter and digit, separators not counted."""
    parts: list[str] = []
    index = 0
    for character in value:
        if not character.isalnum():
            parts.append(character)
            continue
        parts.append(character if shown(index) else "*")
        index += 1
    return "".join(parts)


def _first_of_words(value: str) -> Callable[[int], bool]:
    firsts: set[int] = set()
    index = 0
    inside = False
    for character in value:
        if character.isalnum():
            # A word of one letter would be shown whole.
            if not inside:
                firsts.add(index)
            inside = True
            index += 1
        else:
            inside = False
    return lambda position: position in firsts and index > 1
