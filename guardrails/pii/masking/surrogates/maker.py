"""Draws a surrogate for a value and sees to it that it stands for nothing else.

Drawn from the conversation's secret, so the same value gets the same one again; never one that
stands in the request, is somebody else's or equals the value. Where no good one can be made
there is none, and the value gets a placeholder.
"""

from collections.abc import Iterator
from functools import cached_property
from random import Random
from typing import Final

from guardrails.pii.masking.memory import ScopeMemory
from guardrails.pii.masking.reserved import ReservedTexts
from guardrails.pii.masking.surrogates import contact, dates, places
from guardrails.pii.masking.surrogates.language import language_of_texts
from guardrails.pii.masking.surrogates.names import NameWords, parts_of
from guardrails.pii.masking.surrogates.numbers import checked_number
from guardrails.types import MaskMode

_TRIES: Final = 12
_LONGEST: Final = 200
# A made-up secret helps nobody, and might be tried.
_NEVER: Final = frozenset(
    {"PASSWORD", "API_KEY", "JWT", "PRIVATE_KEY", "CONNECTION_STRING", "CRYPTO"}
)
_MOST_DAYS: Final = 700


class Surrogates:
    """The surrogates of one request.

    Args:
        memory: whose earlier surrogates are taken over, and whose secret decides new ones.
        reserved: what may not be issued.
    """

    def __init__(self, memory: ScopeMemory, reserved: ReservedTexts) -> None:
        self._memory = memory
        self._reserved = reserved
        self._meanings: dict[str, str] = {}

    def make(self, entity_type: str, value: str) -> str | None:
        """A surrogate, or ``None`` where no good one can be made."""
        if entity_type in _NEVER or not value.strip() or len(value) > _LONGEST:
            return None
        for attempt in range(_TRIES):
            text = self._draw(entity_type, value, self._random(entity_type, value, str(attempt)))
            if text is None:
                return None
            if self._is_good(text, value):
                return text
        return None

    def forms(self, entity_type: str, value: str, text: str) -> Iterator[tuple[str, str]]:
        """What is found in an answer and what it means: the surrogate, and parts of a name."""
        pairs = [(text, value)]
        if entity_type == "PERSON":
            self._names.learn(value, text)
            pairs += parts_of(value, text)
        for literal, meaning in pairs:
            if self._meanings.setdefault(literal, meaning) == meaning:
                yield literal, meaning

    def _is_good(self, text: str, value: str) -> bool:
        if text.casefold() == value.casefold() or self._reserved.holds(text, besides=value):
            return False
        owner = self._memory.owner(text)
        return owner in (None, value) and self._meanings.get(text, value) == value

    def _draw(self, entity_type: str, value: str, random: Random) -> str | None:
        language = self._language
        if entity_type == "PERSON":
            return self._names.name(value, language)
        if entity_type == "EMAIL_ADDRESS":
            return contact.email(value, random, self._names, language)
        if entity_type == "PHONE_NUMBER":
            return contact.phone(value, random, language)
        if entity_type == "IP_ADDRESS":
            return contact.ip_address(value, random)
        if entity_type == "MAC_ADDRESS":
            return contact.mac_address(value, random)
        if entity_type == "URL":
            return contact.url(value, random)
        if entity_type in {"DATE_OF_BIRTH", "DATE", "DATE_TIME"}:
            return dates.moved_date(value, self._days, language)
        if entity_type == "STREET_ADDRESS":
            return places.address(value, random)
        if entity_type == "LOCATION":
            return places.place(value, random, language)
        if entity_type == "ORGANIZATION":
            return places.firm(value, random, language)
        return checked_number(entity_type, value, random)

    @cached_property
    def _language(self) -> str:
        return language_of_texts(self._reserved)

    @cached_property
    def _days(self) -> int:
        number = self._random("days").randrange(1, _MOST_DAYS)
        return number if number % 2 else -number

    @cached_property
    def _names(self) -> NameWords:
        names = NameWords(lambda word: self._random("word", word), self._is_free_word)
        for entry in self._memory:
            if entry.mode is MaskMode.SURROGATE and entry.entity_type == "PERSON":
                names.learn(entry.value, entry.text)
        return names

    def _is_free_word(self, word: str) -> bool:
        return not self._reserved.holds(word)

    def _random(self, *parts: str) -> Random:
        return Random(self._memory.draw(*parts))
